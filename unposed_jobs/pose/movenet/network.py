"""MoveNet on whatever runs it fastest: squares in, 17 key points each out.

The network has four heads over a quarter of its input's cells: how likely each key point is in a
cell (heat), how likely a person's middle is, where the key points of the person with that middle
are by and large, and where in its cell a key point lies. MoveNet reads one person: the one with
the likeliest middle, near the square's own. Each of its key points is the hottest cell near where
the middle says.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from unposed_jobs.networks import engines, tflite
from unposed_jobs.networks.tfjs import Model
from unposed_jobs.networks.weights import known
from unposed_jobs.pose.topology import COCO17, COCO17_INDEX

SIDES = {"thunder": 256, "lightning": 192}
"""Pixels of each kind's input."""

_POINTS = len(COCO17)
_CELL = 4
"""Pixels of the input in a cell."""
_BLUNT = 1.8
"""Cells added to every distance, so that none weighs everything."""
_SCOPE = "StatefulPartitionedCall"
_INPUT = f"{_SCOPE}/sub_1"
_HEADS = tuple(
    f"{_SCOPE}/{head}_0/conv2d_{number}/BiasAdd"
    for head, number in (("kpt_heatmap", 5), ("center", 4), ("kpt_regress", 6), ("kpt_offset", 7))
)
_CHANNELS = (_POINTS, 1, 2 * _POINTS, 2 * _POINTS)
_INNER = f"{_SCOPE}/center_net_mobile_net_v2fpn_feature_extractor/model_1/model/block_15_add/add"
"""Values of the last block but one: what still knows which way a body is turned."""
INNER_CELL = 32
"""Pixels of the input in a cell of them."""
INNER = {"thunder": 280, "lightning": 160}
"""How many inner values each kind has in a cell."""
_NEAR = 5
"""Cells across within which the heat of a key point's opposite is looked for."""

PAIRS = tuple(
    (COCO17_INDEX[f"left_{part}"], COCO17_INDEX[f"right_{part}"])
    for part in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
)
"""Left and right key points of the limbs."""
_TORSO = [
    COCO17_INDEX[f"{side}_{part}"] for part in ("shoulder", "hip") for side in ("left", "right")
]


class Sided(NamedTuple):
    """Key points (P, 17, 3); of each of `PAIRS` how surely its left one is the left one, log odds
    against their being exchanged, (P, 6); and the `torso`'s inner values, their mean, (P, `INNER`).
    """

    points: Tensor
    odds: Tensor
    torso: Tensor


class MoveNet:
    """Key points of one person in each square; `side` is a square's in pixels."""

    def __init__(self, weights: bytes, kind: str, *, sided: bool = False) -> None:
        """`weights` are what `weights.load` gives of ``movenet-<kind>``; `sided` asks for what
        `sided` and `inspect` need.

        Raises ValueError where they are no MoveNet of this kind.
        """
        self.kind, self.side = kind, SIDES[kind]
        graph = heads(weights, kind, inner=sided)
        cells, inner = self.side // _CELL, self.side // INNER_CELL
        found = tuple(graph.shapes[number] for number in graph.inputs + graph.outputs)
        wanted = ((1, self.side, self.side, 3), *((1, cells, cells, n) for n in _CHANNELS))
        if sided:
            wanted = (*wanted, (1, inner, inner, INNER[kind]))
        if found != wanted:
            raise ValueError(f"other inputs and outputs than MoveNet {kind}: {found}")
        self._network = engines.network(graph, engines.SIGNED)

    @property
    def device(self) -> torch.device:
        """Where the squares must lie."""
        return self._network.device

    @torch.inference_mode()
    def __call__(self, squares: Tensor) -> Tensor:
        """Squares (P, side, side, 3) uint8 of the device to key points (P, 17, 3) float32.

        x, y in [0, 1] of the square, a little outside at most, and the score in [0, 1].
        """
        return decode(*self._network(squares)[: len(_HEADS)])

    @torch.inference_mode()
    def sided(self, squares: Tensor) -> Sided:
        """As `__call__`, with the evidence for left and right."""
        heat, *others, inner = self._network(squares)
        points = decode(heat, *others)
        return Sided(points, side_odds(heat, points), torso_mean(inner, points))

    @torch.inference_mode()
    def inspect(self, squares: Tensor) -> tuple[Tensor, Tensor]:
        """As `__call__`, and the inner values (P, N, N, `INNER`) of N x N cells of 32 pixels. Of a
        network that was made `sided`."""
        *found, inner = self._network(squares)
        return decode(*found), inner


def heads(weights: bytes, kind: str, *, inner: bool = False) -> tflite.Graph:
    """The network from its input's pixels, in [-1, 1], to the four heads, and the `inner` values.

    Raises ValueError where the weights are other than MoveNet's.
    """
    files = known.unzipped(weights)
    try:
        graph, values = (files[f"movenet-{kind}.{suffix}"] for suffix in ("json", "bin"))
    except KeyError as error:
        raise ValueError(f"no {error} in the weights") from None
    return Model(graph, values).convolutional(_INPUT, (*_HEADS, _INNER) if inner else _HEADS)


def decode(heat: Tensor, middle: Tensor, regression: Tensor, offset: Tensor) -> Tensor:
    """The four heads, (P, N, N, 17), (.., 1), (.., 34), (.., 34), to key points (P, 17, 3).

    Heat and middle are logits; the others are y, x of each key point, in cells.
    """
    people, cells = heat.shape[:2]
    ramp = torch.arange(cells, device=heat.device, dtype=heat.dtype)
    row, column = ramp[:, None], ramp
    nearness = 1 / (torch.hypot(row - cells / 2, column - cells / 2) + _BLUNT)
    best = (torch.sigmoid(middle[..., 0]) * nearness).reshape(people, -1).argmax(1)
    every = torch.arange(people, device=heat.device)
    away = regression.reshape(people, cells * cells, _POINTS, 2)[every, best]
    y, x = (torch.stack([best // cells, best % cells], -1)[:, None] + away).unbind(-1)
    distance = torch.hypot(row - y[..., None, None], column - x[..., None, None])
    scores = torch.sigmoid(heat).permute(0, 3, 1, 2)
    cell = (scores / (distance + _BLUNT)).reshape(people, _POINTS, -1).argmax(-1)
    within = offset.reshape(people, cells * cells, _POINTS, 2)
    points = torch.arange(_POINTS, device=heat.device)
    off = within[every[:, None], cell, points]
    place = torch.stack([cell % cells + off[..., 1], cell // cells + off[..., 0]], -1) / cells
    score = scores.reshape(people, _POINTS, -1).gather(-1, cell[..., None])
    return torch.cat([place, score], -1)


def side_odds(heat: Tensor, points: Tensor) -> Tensor:
    """How surely each of `PAIRS` is not exchanged: (P, 6) log odds.

    heat: (P, N, N, 17) logits; points: (P, 17, 3). Both hypotheses are weighed by the heat that the
    left's and the right's map have where the points lie: mean of left at left and right at right,
    less that of each at the other's place.
    """
    people, cells = heat.shape[:2]
    near = torch.nn.functional.max_pool2d(heat.permute(0, 3, 1, 2), _NEAR, 1, _NEAR // 2)
    cell = (points[..., :2] * cells).long().clamp(0, cells - 1)
    at = (cell[..., 1] * cells + cell[..., 0])[:, None].expand(-1, _POINTS, -1)
    # (P, map, place): the heat of each key point's map at the place of each key point.
    crossed = near.reshape(people, _POINTS, -1).gather(-1, at)
    left, right = (list(side) for side in zip(*PAIRS, strict=True))
    straight = crossed[:, left, left] + crossed[:, right, right]
    return (straight - crossed[:, left, right] - crossed[:, right, left]) / 2


def torso_mean(inner: Tensor, points: Tensor) -> Tensor:
    """The mean (P, C) of inner values (P, N, N, C) over the cells that hold shoulders and hips, and
    those between them; points: (P, 17, 3).
    """
    cells = inner.shape[1]
    torso = points[:, _TORSO, :2] * cells
    low = torso.amin(1).floor().clamp(0, cells - 1)
    high = torch.maximum(torso.amax(1).ceil().clamp(1, cells), low + 1)
    ramp = torch.arange(cells, device=inner.device, dtype=inner.dtype)
    within = (ramp >= low[..., None]) & (ramp < high[..., None])
    there = (within[:, 1, :, None] & within[:, 0, None, :]).to(inner.dtype)[..., None]
    return (inner * there).sum((1, 2)) / there.sum((1, 2))
