"""The networks' regions: the letterboxed picture, and a rotated square for each person.

A region is (cx, cy, side, rotation): centre and side in pixels of the picture, rotation in radians
clockwise as seen. Following MediaPipe, pixel i lies at coordinate i, and a network's input of n
pixels samples its region at i / n of the side.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

REGION_SCALE = 1.25
"""How much larger the landmark network's region is than the circle round the body."""


def whole(sizes: Tensor) -> Tensor:
    """Regions that hold whole pictures, centred: (B, 4) for (B, 2) float32 widths and heights."""
    side = sizes.amax(1)
    return torch.stack([sizes[:, 0] / 2, sizes[:, 1] / 2, side, torch.zeros_like(side)], 1)


def from_letterbox(points: Tensor, sizes: Tensor) -> Tensor:
    """Points (P, ..., 2) in [0, 1] of the letterboxed square to pixels of pictures (P, 2)."""
    shape = (len(sizes),) + (1,) * (points.dim() - 2) + (2,)
    sizes = sizes.reshape(shape)
    side = sizes.amax(-1, keepdim=True)
    return points * side - (side - sizes) / 2


def body_regions(points: Tensor) -> Tensor:
    """Regions (P, 4) from the detector's key points (P, K, 2) in pixels.

    Centred on point 0, twice its distance to point 1 wide, times REGION_SCALE, and turned so
    that point 1 lies above point 0.
    """
    centre = points[:, 0]
    reach = points[:, 1] - centre
    side = torch.linalg.vector_norm(reach, dim=1) * (2 * REGION_SCALE)
    rotation = math.pi / 2 - torch.atan2(-reach[:, 1], reach[:, 0])
    rotation = rotation - 2 * math.pi * torch.floor((rotation + math.pi) / (2 * math.pi))
    return torch.stack([centre[:, 0], centre[:, 1], side, rotation], 1)


def sampling(regions: Tensor, pixels: int) -> Tensor:
    """Affine maps (P, 2, 3) from the input's pixel (column, row, 1) to the picture's."""
    cx, cy, side, rotation = regions.unbind(1)
    step_x = side * torch.cos(rotation) / pixels
    step_y = side * torch.sin(rotation) / pixels
    half = pixels / 2
    return torch.stack(
        [
            torch.stack([step_x, -step_y, cx - half * (step_x - step_y)], 1),
            torch.stack([step_y, step_x, cy - half * (step_y + step_x)], 1),
        ],
        1,
    )


def to_picture(landmarks: Tensor, regions: Tensor, sizes: Tensor) -> Tensor:
    """Landmarks (P, N, 3) in units of the region to [0, 1] of pictures (P, 2).

    z is scaled like x.
    """
    cx, cy, side, rotation = (value[:, None] for value in regions.unbind(1))
    width, height = (value[:, None] for value in sizes.unbind(1))
    x, y = (landmarks[..., 0] - 0.5) * side, (landmarks[..., 1] - 0.5) * side
    cos, sin = torch.cos(rotation), torch.sin(rotation)
    return torch.stack(
        [
            (cx + cos * x - sin * y) / width,
            (cy + sin * x + cos * y) / height,
            landmarks[..., 2] * side / width,
        ],
        -1,
    )
