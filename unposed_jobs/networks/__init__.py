"""Networks as files and as programs: weights, their graphs, the engines that run them.

What a network sees or decides is none of this room's business; see `pose` and `pictures`.
"""
