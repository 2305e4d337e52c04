"""A garment by itself that was taken for somebody.

A body ends at its head and its feet, or the frame cuts it. What stands out from a plain ground and
ends elsewhere, at a collar or a hem, is worn by nobody; nor is a thing somebody of whom the network
leaves most out.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from unposed_jobs.pictures import ground, measures
from unposed_jobs.pictures.body import Body

_PLAIN = 0.95
"""Share of the ground in its own colour: of an uneven one nobody can say what ends where."""
_OUTSIDE = 0.35
"""More of the outline on the ground, and what was parted is a thing beside the person."""
_RIM = 0.3
"""Of the frame's rim: more of it is no product that one side cuts, but a floor."""
_ALIKE = 0.45
"""Least intersection over union of the outline with what stands out."""
_ROOM = 0.05
"""Of the frame's height: what ends nearer to its edge may be cut by it."""
_HEAD, _LEGS = 0.4, 1.15
"""In torsos: a head stands higher above the shoulders, feet lie lower below the hips."""
_LEAST = 0.004
"""Of a row: less is a speck."""
_Picture = npt.NDArray[np.uint8]
_Inside = npt.NDArray[np.bool_]


def worn_by_nobody(small: _Picture, body: Body, outline: _Inside) -> bool:
    """Whether a body, by what a reduced picture (rows, columns, 3) RGB shows, is a bare garment.

    `outline` (rows, columns) is the person's, as the network has it. What differs from the ground
    is looked at first: only where that is a garment's, GrabCut, which takes five times as long.
    """
    first = ground.standing_out(small)
    if first is None or not _bare(small, body, outline, first > 0):
        return False
    second = ground.parted(small, ground.QUICK_SIDE)
    return second is not None and _bare(small, body, outline, second >= 128)


def _bare(small: _Picture, body: Body, outline: _Inside, found: _Inside) -> bool:
    """By what stands out: (rows, columns), at any size."""
    large = cv2.resize(found.astype(np.uint8), small.shape[1::-1], interpolation=cv2.INTER_NEAREST)
    stands_out = np.asarray(large > 0)
    rim = np.ones_like(stands_out)
    rim[1:-1, 1:-1] = False
    both = float((outline & stands_out).sum())
    if float(stands_out[rim].mean()) > _RIM or both < (1 - _OUTSIDE) * float(outline.sum()):
        return False
    if measures.ground(small, stands_out).plain_share < _PLAIN:
        return False
    alike = both / max(float((outline | stands_out).sum()), 1.0)
    return alike < _ALIKE or _ends_as_a_garment(body, stands_out)


def _ends_as_a_garment(body: Body, stands_out: _Inside) -> bool:
    """Without a head where the frame has room for one, or without legs."""
    lines = np.flatnonzero(stands_out.mean(1) > _LEAST)
    if not len(lines):
        return False
    top, bottom = lines[0] / len(stands_out), (lines[-1] + 1) / len(stands_out)
    shoulders, hips = body.middle("shoulder")[1], body.middle("hip")[1]
    if hips < shoulders:  # Upside down.
        return True
    above = (shoulders - top * body.height) / body.torso
    below = (bottom * body.height - hips) / body.torso
    headless = top > _ROOM and -_ROOM < above < _HEAD
    return headless or (bottom < 1 - _ROOM and below < _LEGS)
