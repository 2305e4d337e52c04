"""YOLACT, small: boxes, classes and mask coefficients at each place, and shared prototypes.

Bolya et al. 2019 (*YOLACT: real-time instance segmentation*), sections 3.1 to 3.3.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from unposed_jobs.segmentation import blocks

STRIDES = (4, 8, 16)
_RATIOS = (0.5, 1.0, 2.0)
_ANCHOR = 6.0
"""Side of an anchor, in strides of its map."""
_CHANNELS = 64


@dataclass(frozen=True)
class Shape:
    """What a network is made of; `side` pixels of its square input, `classes` without background.

    `cardinality` and `radix` are of split attention alone.
    """

    classes: int
    kind: str = blocks.SPLIT_ATTENTION
    side: int = 128
    width: int = 16
    depth: int = 2
    cardinality: int = 2
    radix: int = 2
    prototypes: int = 16

    def state(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)


@dataclass(frozen=True)
class Predictions:
    """Of N pictures and A anchors: `logits` (N, A, classes + 1), the last is nothing; `offsets`
    (N, A, 4) of the anchors; `coefficients` (N, A, P) in [-1, 1]; `prototypes` (N, P, S/2, S/2).
    """

    logits: torch.Tensor
    offsets: torch.Tensor
    coefficients: torch.Tensor
    prototypes: torch.Tensor


class Yolact(nn.Module):
    """Pictures (N, 3, S, S), channels in [0, 1], to what is predicted of each anchor."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.backbone = blocks.Backbone(
            shape.kind, shape.width, shape.depth, shape.cardinality, shape.radix
        )
        self.lateral = nn.ModuleList(
            nn.Conv2d(width, _CHANNELS, 1) for width in self.backbone.widths
        )
        self.smooth = nn.ModuleList(
            nn.Conv2d(_CHANNELS, _CHANNELS, 3, padding=1) for _ in self.backbone.widths
        )
        self.tower = nn.Conv2d(_CHANNELS, _CHANNELS, 3, padding=1)
        each = len(_RATIOS)
        self.classes = nn.Conv2d(_CHANNELS, each * (shape.classes + 1), 3, padding=1)
        self.boxes = nn.Conv2d(_CHANNELS, each * 4, 3, padding=1)
        self.coefficients = nn.Conv2d(_CHANNELS, each * shape.prototypes, 3, padding=1)
        self.before = nn.Conv2d(_CHANNELS, _CHANNELS, 3, padding=1)
        self.prototypes = nn.Conv2d(_CHANNELS, shape.prototypes, 3, padding=1)
        self.anchors: torch.Tensor
        self.register_buffer("anchors", anchors(shape.side), persistent=False)

    def forward(self, pictures: torch.Tensor) -> Predictions:
        """See `Predictions`."""
        maps = self._pyramid(self.backbone((pictures - 0.5) / 0.25))
        shared = functional.relu(self.before(maps[0]))
        shared = functional.interpolate(shared, scale_factor=2.0, mode="bilinear")
        prototypes = functional.relu(self.prototypes(shared))
        predicted: tuple[list[torch.Tensor], ...] = ([], [], [])
        for one in maps:
            seen = functional.relu(self.tower(one))
            heads = (self.classes(seen), self.boxes(seen), self.coefficients(seen).tanh())
            for into, found in zip(predicted, heads, strict=True):
                count, channels = found.shape[:2]
                rows = found.permute(0, 2, 3, 1).reshape(count, -1, channels // len(_RATIOS))
                into.append(rows)
        logits, offsets, coefficients = (torch.cat(one, 1) for one in predicted)
        return Predictions(logits, offsets, coefficients, prototypes)

    def _pyramid(self, maps: list[torch.Tensor]) -> list[torch.Tensor]:
        found = [lateral(one) for lateral, one in zip(self.lateral, maps, strict=True)]
        for level in (1, 0):
            larger = functional.interpolate(found[level + 1], scale_factor=2.0, mode="bilinear")
            found[level] = found[level] + larger
        return [functional.relu(conv(one)) for conv, one in zip(self.smooth, found, strict=True)]


def anchors(side: int) -> torch.Tensor:
    """(A, 4) middle x, y, width, height in [0, 1], by map, row, column, ratio."""
    found = []
    for stride in STRIDES:
        cells = side // stride
        ramp = (np.arange(cells) + 0.5) / cells
        y, x = np.meshgrid(ramp, ramp, indexing="ij")
        size = _ANCHOR * stride / side
        for ratio in _RATIOS:
            wide, high = np.full_like(x, size * ratio**0.5), np.full_like(x, size / ratio**0.5)
            found.append(np.stack([x, y, wide, high], -1))
    each = len(_RATIOS)
    rows = [
        np.stack(found[start : start + each], 2).reshape(-1, 4)
        for start in range(0, len(found), each)
    ]
    return torch.from_numpy(np.concatenate(rows).astype(np.float32))


def boxes_of(offsets: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    """(..., A, 4) left, top, right, bottom in [0, 1] of offsets from anchors (SSD's variances)."""
    middle = places[:, :2] + offsets[..., :2] * 0.1 * places[:, 2:]
    half = places[:, 2:] * torch.exp((offsets[..., 2:] * 0.2).clamp(max=4.0)) / 2
    return torch.cat([middle - half, middle + half], -1)


def offsets_of(boxes: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    """(A, 4) the offsets that give `boxes` (A, 4) from their anchors."""
    middle, size = (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]
    return torch.cat(
        [
            (middle - places[:, :2]) / (0.1 * places[:, 2:]),
            torch.log((size / places[:, 2:]).clamp(min=1e-4)) / 0.2,
        ],
        -1,
    )


def overlaps(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """(N, M) intersection over union of boxes (N, 4) and (M, 4)."""
    low = torch.maximum(one[:, None, :2], other[None, :, :2])
    high = torch.minimum(one[:, None, 2:], other[None, :, 2:])
    shared = (high - low).clamp(min=0).prod(-1)
    areas = [(boxes[:, 2:] - boxes[:, :2]).clamp(min=0).prod(-1) for boxes in (one, other)]
    return shared / (areas[0][:, None] + areas[1][None] - shared).clamp(min=1e-9)
