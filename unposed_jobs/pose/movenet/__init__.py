"""COCO's 17 key points by MoveNet, from the weights that its makers publish for TensorFlow.js.

picture -> people, or the whole picture -> squares -> network -> heads -> (17, 3)
"""
