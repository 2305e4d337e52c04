"""Squares round people, and key points from one reading to the next."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import torch

from unposed_jobs.pose.blazepose import geometry, sampling
from unposed_jobs.pose.blazepose.estimator import Sampler
from unposed_jobs.pose.movenet.network import INNER, INNER_CELL, PAIRS, MoveNet

Array = npt.NDArray[np.float64]
Floats = npt.NDArray[np.float32]

_SEEN = 0.2
"""Key points from this score on show where somebody is; MoveNet's own measure."""
_LEAST_POINTS = 4
_MARGIN = 1.2
_LEAST_SIDE = 16.0
_BATCH = 64


def round_boxes(boxes: Array, scale: float) -> Array:
    """Upright squares (P, 4) as in `blazepose.geometry`, `scale` times the longer side of boxes
    (P, 4) - left, top, right, bottom in pixels - wide.
    """
    side = np.maximum((boxes[:, 2:] - boxes[:, :2]).max(1) * scale, _LEAST_SIDE)
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2
    return np.column_stack([centre, side, np.zeros(len(boxes))])


def round_points(points: Floats, sizes: Array) -> Array:
    """Squares (P, 4) for a second reading, round the part of people that their pictures show.

    `points` is (P, N, 3), x and y in pixels of pictures of these widths and heights (P, 2). Of
    somebody with hardly a point all are taken.
    """
    place = np.clip(points[..., :2].astype(np.float64), 0, sizes[:, None])
    seen = points[..., 2] >= _SEEN
    seen |= (seen.sum(1) < _LEAST_POINTS)[:, None]
    low = np.where(seen[..., None], place, np.inf).min(1)
    high = np.where(seen[..., None], place, -np.inf).max(1)
    return round_boxes(np.concatenate([low, high], 1), _MARGIN)


def read(
    network: MoveNet,
    pictures: Sequence[npt.NDArray[np.uint8]],
    indices: npt.NDArray[np.intp],
    regions: Array,
) -> Floats:
    """Key points (P, 17, 3) - x, y in pixels of the picture, score - in upright squares (P, 4),
    square p of `pictures[indices[p]]`; what lies outside a picture is black. P from 0.
    """
    found = [np.empty((0, 17, 3), np.float32)]
    for squares, places in _squares(network, pictures, indices, regions):
        found.append(_in_picture(network(squares), places))
    return np.concatenate(found)


def read_sided(
    network: MoveNet, pictures: Sequence[npt.NDArray[np.uint8]], regions: Array
) -> tuple[Floats, Floats, Floats]:
    """As `read`, one square for each of P pictures, with the evidence for left and right: key
    points (P, 17, 3), and odds and torsos of `network.Sided`. `network` is one that is sided.
    """
    shapes = ((0, 17, 3), (0, len(PAIRS)), (0, INNER[network.kind]))
    parts = [tuple(np.empty(shape, np.float32) for shape in shapes)]
    for squares, places in _squares(network, pictures, np.arange(len(pictures)), regions):
        found = network.sided(squares)
        evidence = (found.odds.cpu().numpy(), found.torso.cpu().numpy())
        parts.append((_in_picture(found.points, places), *evidence))
    points, odds, torso = (np.concatenate(part) for part in zip(*parts, strict=True))
    return points, odds, torso


def inspect(
    network: MoveNet,
    pictures: Sequence[npt.NDArray[np.uint8]],
    indices: npt.NDArray[np.intp],
    regions: Array,
) -> tuple[Floats, Floats]:
    """Key points (P, 17, 3) and inner values (P, N, N, `INNER`) as `MoveNet.inspect` gives them,
    x and y in [0, 1] of the square; else as `read`.
    """
    cells = network.side // INNER_CELL
    found = [np.empty((0, 17, 3), np.float32)]
    values = [np.empty((0, cells, cells, INNER[network.kind]), np.float32)]
    for squares, _ in _squares(network, pictures, indices, regions):
        points, inner = network.inspect(squares)
        found.append(points.float().cpu().numpy())
        values.append(inner.float().cpu().numpy())
    return np.concatenate(found), np.concatenate(values)


def _squares(
    network: MoveNet,
    pictures: Sequence[npt.NDArray[np.uint8]],
    indices: npt.NDArray[np.intp],
    regions: Array,
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """In batches the squares' pixels, as the network takes them, and the squares (B, 4)."""
    sampler = Sampler(pictures, network.device) if len(indices) else None
    for start in range(0, len(indices), _BATCH):
        part = slice(start, start + _BATCH)
        assert sampler is not None
        places = torch.from_numpy(regions[part].astype(np.float32)).to(network.device)
        which = torch.from_numpy(indices[part].astype(np.int64)).to(network.device)
        yield sampler(which, places, network.side, sampling.Border.BLACK), places


def _in_picture(points: torch.Tensor, places: torch.Tensor) -> Floats:
    """Key points (B, 17, 3) of squares (B, 4) in pixels of their pictures."""
    # To pixels: a picture of size 1 x 1.
    one = torch.ones_like(places[:, :2])
    placed = geometry.to_picture(torch.cat([points[..., :2], points[..., :1]], -1), places, one)
    return torch.cat([placed[..., :2], points[..., 2:]], -1).cpu().numpy()


def read_twice(
    network: MoveNet,
    pictures: Sequence[npt.NDArray[np.uint8]],
    indices: npt.NDArray[np.intp],
    regions: Array,
) -> Floats:
    """As `read`, and once more in squares round what the first reading has found."""
    sizes = np.array([pictures[index].shape[1::-1] for index in indices], np.float64)
    first = read(network, pictures, indices, regions)
    again = round_points(first, sizes.reshape(-1, 2))
    return read(network, pictures, indices, again)
