"""A seller's video: its frames, the angles that they show, and the best of them."""
