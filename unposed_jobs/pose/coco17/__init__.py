"""COCO's 17 key points by any top-down model of MMPose, exported to ONNX.

picture -> boxes -> crops -> model -> heads -> (17, 3)
"""
