"""Products and images: sources, validation, fingerprints, the rendered sample catalogue."""
