"""Performance as ratios of two sides, measured in turns in one run. One module for each ratio."""
