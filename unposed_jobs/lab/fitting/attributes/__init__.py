"""Fits the heads that come with it (`attributes.heads`)."""
