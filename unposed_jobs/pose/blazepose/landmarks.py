"""From the landmark network's raw outputs to 33 landmarks: scaling, heat maps, sigmoids."""

from __future__ import annotations

import torch
from torch import Tensor

SIDE = 256
"""The landmark network's input is SIDE x SIDE pixels."""

LANDMARKS = 33
"""Points that are kept; the network has six more, for tracking."""

_KERNEL = 7
_MIN_HEAT = 0.5


def decode(raw: Tensor, heat: Tensor) -> Tensor:
    """Landmarks (P, 33, 5) float32: x, y, z in units of the region, visibility, presence.

    `raw` is (P, 195) (39 x 5 in input pixels and logits), `heat` (P, 64, 64, 39) logits.
    """
    points = raw.reshape(len(raw), -1, 5)[:, :LANDMARKS]
    position = refine(points[..., :2] / SIDE, heat[..., :LANDMARKS])
    return torch.cat([position, points[..., 2:3] / SIDE, torch.sigmoid(points[..., 3:5])], -1)


def refine(position: Tensor, heat: Tensor) -> Tensor:
    """Move each landmark to the centre of heat round it, where that is hot enough.

    `position` is (P, N, 2), x and y in [0, 1]; `heat` is (P, rows, columns, N) logits. The
    7 x 7 cells round the landmark's own are weighted by their sigmoid; a landmark outside the
    map, or whose hottest cell is below one half, stays.
    """
    people, rows, columns, count = heat.shape
    grid = position.new_tensor([columns, rows])
    # Truncated, not floored, so that what lies less than a cell outside counts as inside.
    cell = (position * grid).trunc().to(torch.int64)
    column, row = cell[..., 0], cell[..., 1]
    # MediaPipe compares the column with the number of rows; the map is square.
    inside = (column >= 0) & (column < columns) & (row >= 0) & (column < rows)
    reach = _KERNEL // 2
    offset = torch.arange(-reach, reach + 1, device=heat.device)
    near_row = row[..., None] + offset
    near_column = column[..., None] + offset
    valid = ((near_row >= 0) & (near_row < rows))[..., :, None] & (
        (near_column >= 0) & (near_column < columns)
    )[..., None, :]
    flat = (
        near_row.clamp(0, rows - 1)[..., :, None] * columns
        + near_column.clamp(0, columns - 1)[..., None, :]
    ) * count + torch.arange(count, device=heat.device)[:, None, None]
    values = heat.reshape(people, -1).gather(1, flat.reshape(people, -1)).reshape(flat.shape)
    weight = torch.sigmoid(values) * valid
    total = weight.sum((-2, -1))
    x = (weight.sum(-2) * near_column).sum(-1) / total / columns
    y = (weight.sum(-1) * near_row).sum(-1) / total / rows
    move = inside & (weight.amax((-2, -1)) >= _MIN_HEAT) & (total > 0)
    return torch.where(move[..., None], torch.stack([x, y], -1), position)
