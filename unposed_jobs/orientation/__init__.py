"""The angle at which a person's body stands to the camera, with its certainty."""
