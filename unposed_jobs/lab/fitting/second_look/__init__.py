"""Run once, to make the shipped gate: pictures of known truth, and models fitted to them."""
