"""The laboratory: what judges, measures and makes the product, and no night of it needs.

`evaluation` (accuracy, `unposed evaluate`), `bench` (speed, ``make bench``), `sample` (the renderer
of the sample catalogue) and `fitting` (the gate of the second look and the head of kinds). The
library imports nothing from here; only the commands that start it do.
"""
