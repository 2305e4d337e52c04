"""Landmarks to features (77 or 61 values) to the autoencoder's embedding."""
