"""What is said of orientation, videos and attributes, against rendered truth."""
