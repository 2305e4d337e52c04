"""Which side of a person is the left one, where no face shows it.

One person is read three times: in the square around the picture, in that of the mirrored picture,
and in a wider square. The first two decide which side is left, by what the network holds of the
torso and by the heat that the maps of left and right key points have at both places (`sides`); the
third places joints better, but decides worse. Joints are the mean of all three, brought into the
decided order.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from unposed_jobs.pose.coco17.boxes import whole_frames
from unposed_jobs.pose.movenet import cropping, sides
from unposed_jobs.pose.movenet.network import PAIRS, MoveNet
from unposed_jobs.pose.topology import COCO17_INDEX, COCO17_MIRROR

Floats = npt.NDArray[np.float32]
Picture = npt.NDArray[np.uint8]

_WIDE, _ABOVE = 1.5, 0.15
"""The wider square's side, in the picture's longer sides, and by how much of it it lies higher:
where a head would be, there is room for one."""
_MIRROR = list(COCO17_MIRROR)


def _rows(*parts: str) -> list[int]:
    return [COCO17_INDEX[f"{side}_{part}"] for part in parts for side in ("left", "right")]


_LIMBS = {
    "shoulder": _rows("shoulder", "elbow", "wrist"),
    "hip": _rows("hip", "knee", "ankle"),
}
"""What changes sides together with the shoulders, and with the hips."""


class Joined(NamedTuple):
    """Of P people key points (P, 17, 3) - x, y in pixels, score - and the log odds (P,) that left
    and right are not exchanged, which is never negative.
    """

    points: Floats
    odds: npt.NDArray[np.float64]


class Reading(NamedTuple):
    """Key points (P, 17, 3), in pixels, of one square for each picture, the evidence (P, 6) that
    each of `PAIRS` is not exchanged, and the inner values (P, C) of the torso.
    """

    points: Floats
    odds: Floats
    torso: Floats

    def of(self, people: npt.NDArray[np.bool_]) -> Reading:
        """Of these people alone."""
        return Reading(*(value[people] for value in self))


def first(network: MoveNet, pictures: Sequence[Picture]) -> Reading:
    """Each picture in the square round it."""
    return Reading(*cropping.read_sided(network, pictures, _square(pictures)))


def further(network: MoveNet, pictures: Sequence[Picture], seen: Reading) -> Joined:
    """Two more readings after `first`: of the mirrored picture, and in a wider square."""
    if not len(pictures):
        return Joined(seen.points, np.zeros(0))
    wide = _square(pictures, _WIDE)
    wide[:, 1] -= _ABOVE * wide[:, 2]
    set_wide = Reading(*cropping.read_sided(network, pictures, wide))
    return joined(network.kind, [seen, _mirrored(network, pictures)], [set_wide])


def joined(kind: str, deciding: Sequence[Reading], placing: Sequence[Reading]) -> Joined:
    """Readings of the same P people as one: all place, `deciding` decide which side is left.

    In each, shoulders with arms, and hips with legs, are exchanged where they contradict that.
    """
    odds = sides.left_is_left(kind, *evidence(deciding))
    left = odds > 0
    points = [_as_decided(one.points, left) for one in (*deciding, *placing)]
    return Joined(np.mean(points, axis=0).astype(np.float32), np.abs(odds))


def evidence(deciding: Sequence[Reading]) -> tuple[Floats, npt.NDArray[np.float64]]:
    """What readings of the same P people say of their sides: the torso's inner values (P, C), their
    mean, and the evidence by heat (P,), their sum.
    """
    torso = np.mean([one.torso for one in deciding], axis=0)
    return torso, np.sum([_by_heat(one) for one in deciding], axis=0)


def deciding(network: MoveNet, pictures: Sequence[Picture]) -> list[Reading]:
    """The readings that decide which side is left: of the pictures, and mirrored."""
    return [first(network, pictures), _mirrored(network, pictures)]


def _by_heat(one: Reading) -> npt.NDArray[np.float64]:
    """How surely (P,) what lies to the left in the picture is the person's left; each of `PAIRS`
    counts by the scores of its points.
    """
    left, right = (list(side) for side in zip(*PAIRS, strict=True))
    as_seen = np.where(one.points[:, left, 0] < one.points[:, right, 0], 1.0, -1.0)
    score = one.points[:, left, 2] + one.points[:, right, 2]
    return np.asarray((one.odds * as_seen * score).sum(1))


def _as_decided(points: Floats, left: npt.NDArray[np.bool_]) -> Floats:
    """Key points with the person's left to the left in the picture where `left` (P,) says so."""
    decided = points.copy()
    for part, rows in _LIMBS.items():
        one, other = (COCO17_INDEX[f"{side}_{part}"] for side in ("left", "right"))
        wrong = np.flatnonzero((points[:, one, 0] < points[:, other, 0]) != left)
        exchanged = points[wrong][:, _MIRROR]
        decided[wrong[:, None], rows] = exchanged[:, rows]
    return decided


def _mirrored(network: MoveNet, pictures: Sequence[Picture]) -> Reading:
    """The reading of mirrored pictures, mirrored back."""
    turned = [np.ascontiguousarray(picture[:, ::-1]) for picture in pictures]
    points, odds, torso = cropping.read_sided(network, turned, _square(turned))
    width = np.array([[picture.shape[1]] for picture in pictures], np.float32)
    points = points[:, _MIRROR]
    points[..., 0] = width - points[..., 0]
    # Turned about is turned about in a mirror, too.
    return Reading(points, odds, torso)


def _square(pictures: Sequence[Picture], scale: float = 1.0) -> npt.NDArray[np.float64]:
    return cropping.round_boxes(np.concatenate(whole_frames(pictures)), scale)
