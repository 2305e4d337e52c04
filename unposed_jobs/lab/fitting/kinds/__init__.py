"""Fits the head that tells kinds of pictures without a person, from rendered ones."""
