"""The weekly reference training: selection, Algorithm 1, the bundle, promotion."""
