"""Honest metrics and protocols."""
