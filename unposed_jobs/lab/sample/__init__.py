"""A catalogue rendered by this project's own code: pictures of drawn figures with known truth."""
