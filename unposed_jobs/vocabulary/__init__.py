"""Embeddings to pose classes: k-means, stable ids, names, exemplars."""
