"""The picture gallery."""
