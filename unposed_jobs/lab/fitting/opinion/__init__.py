"""Fits what EfficientNet says of pictures of which the gate is not sure (`second_look.opinion`)."""
