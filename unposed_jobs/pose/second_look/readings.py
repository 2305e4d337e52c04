"""What the sightings of a picture can be read as: each as it is, and each turned about.

A torso without a head looks much the same from the front and from the back, and the network often
takes the one for the other: left and right change places, and near and far. Of both readings the
gate believes the likelier. Squares that say the same are averaged: each is off by its own error.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from unposed_jobs.pose.second_look.looking import POINTS, Sightings
from unposed_jobs.pose.topology import BLAZEPOSE33_INDEX, BLAZEPOSE33_MIRROR

Array = npt.NDArray[np.float32]

SAME = 0.3
"""Readings are averaged where no point differs by more than this share of the torso."""

_NEAR, _LEAST = 0.2, 0.05
"""Within so much of the torso one reading supports another; its score counts from so much on."""

_SHOULDERS, _HIPS, _KNEES, _ANKLES = (
    [BLAZEPOSE33_INDEX[f"{side}_{part}"] for side in ("left", "right")]
    for part in ("shoulder", "hip", "knee", "ankle")
)
_BODY = [*_SHOULDERS, *_HIPS, *_KNEES, *_ANKLES]
_OUTSIDE = 0.15
"""Points count that lie in the picture or less than this share of its height outside."""


def both(seen: Sightings) -> Sightings:
    """P sightings, of each picture, as they are, and then the same P turned about: (2 P)."""
    order = [*BLAZEPOSE33_MIRROR, *range(len(BLAZEPOSE33_MIRROR), POINTS)]
    turned = replace(
        seen,
        points=seen.points[..., order, :],
        depth=-seen.depth[..., order],
        visibility=seen.visibility[..., order],
        presence=seen.presence[..., order],
        peaks=seen.peaks[..., order],
    )
    return seen.joined(turned)


def every(seen: Sightings, corrected: Sightings) -> Sightings:
    """All readings of P sightings: as they are, corrected, and then both turned about: (4 P)."""
    return both(seen.joined(corrected))


def agreed(read: Sightings) -> npt.NDArray[np.intp]:
    """The row (...), for each picture, of the reading that the others, by score, are nearest to;
    which side is left does not matter.
    """
    torso = read.points[..., [*_SHOULDERS, *_HIPS], :].astype(np.float64)
    up = torso[..., :2, :].mean(-2) - torso[..., 2:, :].mean(-2)
    length = np.maximum(np.linalg.norm(up, axis=-1), 1.0)
    own = torso[..., None, :, :]
    apart = [
        np.linalg.norm(own - torso[..., None, :, order, :], axis=-1).max(-1)
        for order in ([0, 1, 2, 3], [1, 0, 3, 2])
    ]
    near = np.exp(-np.minimum(*apart) / (_NEAR * length[..., None]))
    return np.asarray((near * (read.scores[..., None, :] + _LEAST)).sum(-1).argmax(-1))


def averaged(read: Sightings, size: npt.ArrayLike) -> Sightings:
    """Each of the readings with its points averaged, by score, over those that say the same.

    `size` (..., 2) is the width and height of the picture, or of each.
    """
    body = read.points[..., _BODY, :].astype(np.float64)
    end = np.asarray(size)[..., None, None, :]
    margin = _OUTSIDE * end[..., 1:]
    inside = np.all((body >= -margin) & (body <= end + margin), axis=-1)
    # Somebody of whom nearly nothing is in the picture is compared by the torso.
    inside[..., :4] |= (inside.sum(-1) < 4)[..., None]
    up = read.points[..., _SHOULDERS, :].mean(-2) - read.points[..., _HIPS, :].mean(-2)
    torso = np.maximum(np.linalg.norm(up, axis=-1), 1.0)
    between = np.linalg.norm(body[..., :, None, :, :] - body[..., None, :, :, :], axis=-1)
    apart = between / torso[..., None, None]
    same = np.where(inside[..., None, :], apart, 0.0).max(-1) <= SAME
    weight = same * np.maximum(read.scores, 1e-3)[..., None, :]
    weight = weight / weight.sum(-1, keepdims=True)
    return replace(
        read,
        points=np.einsum("...pq,...qkd->...pkd", weight, read.points).astype(np.float32),
        depth=(weight @ read.depth).astype(np.float32),
    )
