"""Fits the head that tells how a body stands to the camera (`orientation.head`)."""
