"""Fits the regression that tells the class of a picture (`pictures.classes`)."""
