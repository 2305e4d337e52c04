"""What closes a gap: a part of a picture that is there, a frame of a video, or a new picture."""
