"""Embeddings to pose classes: clusters (paper section 4.4), stable ids, names and exemplars."""
