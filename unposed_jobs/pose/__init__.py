"""Bytes to landmarks: decoding, estimators, picture statistics."""
