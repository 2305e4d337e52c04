"""Popularity, the target and the ranker."""
