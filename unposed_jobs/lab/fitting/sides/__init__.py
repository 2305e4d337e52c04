"""Fits the regression that tells which way a headless torso is turned (`pose.movenet.sides`)."""
