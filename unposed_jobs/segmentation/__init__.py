"""Instance segmentation with attention: a small YOLACT over three kinds of residual networks."""
