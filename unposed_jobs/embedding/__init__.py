"""Landmarks to embeddings: features (paper section 4.3) and the autoencoder (4.3.1)."""
