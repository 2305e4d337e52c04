"""A second look at pictures where the detector saw nobody, or somebody doubtful.

BlazePose's detector looks for heads: headless and legs-only crops are lost on it, and now and then
a garment laid flat passes for a person. Its landmark network does better when it is simply shown
the whole picture, in several squares; what it says there is also the evidence of a gate.
"""
