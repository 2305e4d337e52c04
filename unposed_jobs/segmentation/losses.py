"""What a training makes small: classes, boxes and masks of the anchors that match something."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch.nn import functional

from unposed_jobs.segmentation.network import Predictions, boxes_of, offsets_of, overlaps

_MATCHED, _NOT = 0.5, 0.4
"""An anchor matches from the first overlap on; below the second it is nothing."""
_HARD = 3
"""Anchors that are nothing and count, for each that matches: the hardest (YOLACT, section 3)."""
_OF_BOXES, _OF_MASKS = 1.5, 6.125
_MOST_MASKS = 40


@dataclass(frozen=True)
class Truth:
    """A picture's instances: `boxes` (n, 4) left, top, right, bottom in [0, 1], `labels` (n,) from
    0, `masks` (n, S/2, S/2) in [0, 1].
    """

    boxes: torch.Tensor
    labels: torch.Tensor
    masks: torch.Tensor


def loss(predicted: Predictions, truths: Sequence[Truth], places: torch.Tensor) -> torch.Tensor:
    """The weighted sum over a batch, a scalar."""
    total = predicted.logits.new_zeros(())
    for row, truth in enumerate(truths):
        total = total + _of_one(predicted, row, truth, places)
    return total / len(truths)


def _of_one(predicted: Predictions, row: int, truth: Truth, places: torch.Tensor) -> torch.Tensor:
    nothing = predicted.logits.shape[-1] - 1
    label, chosen = match(truth, places, nothing)
    matched = (label >= 0) & (label < nothing)
    each = functional.cross_entropy(predicted.logits[row], label.clamp(min=0), reduction="none")
    hard = torch.where(label == nothing, each, each.new_tensor(-1.0))
    most = min(int((label == nothing).sum()), _HARD * max(int(matched.sum()), 1))
    count = max(int(matched.sum()), 1)
    found = (each[matched].sum() + hard.topk(most).values.sum()) / count
    if not matched.any():
        return found
    wanted = offsets_of(truth.boxes[chosen[matched]], places[matched])
    found = found + _OF_BOXES * functional.smooth_l1_loss(predicted.offsets[row][matched], wanted)
    return found + _OF_MASKS * _of_masks(predicted, row, truth, chosen, matched)


def match(truth: Truth, places: torch.Tensor, nothing: int) -> tuple[torch.Tensor, torch.Tensor]:
    """(A,) the label of each anchor (`nothing`, or -1 between both bounds), (A,) its instance."""
    label = torch.full((len(places),), nothing, dtype=torch.long, device=places.device)
    chosen = torch.zeros_like(label)
    if not len(truth.boxes):
        return label, chosen
    shared = overlaps(boxes_of(torch.zeros_like(places), places), truth.boxes)
    best, chosen = shared.max(1)
    label[best >= _NOT] = -1
    label[best >= _MATCHED] = truth.labels[chosen[best >= _MATCHED]]
    # Each instance has an anchor, however little they overlap; the largest overlap comes last.
    top, nearest = shared.max(0)
    for instance in top.argsort().tolist():
        label[nearest[instance]] = truth.labels[instance]
        chosen[nearest[instance]] = instance
    return label, chosen


def _of_masks(
    predicted: Predictions, row: int, truth: Truth, chosen: torch.Tensor, matched: torch.Tensor
) -> torch.Tensor:
    """Cross entropy within each instance's box, over its area."""
    rows = torch.nonzero(matched)[:, 0]
    rows = rows[:: max(1, -(-len(rows) // _MOST_MASKS))]
    owner = chosen[rows]
    logits = torch.einsum(
        "ap,phw->ahw", predicted.coefficients[row][rows], predicted.prototypes[row]
    )
    each = functional.binary_cross_entropy_with_logits(logits, truth.masks[owner], reduction="none")
    inside = within(truth.boxes[owner], each.shape[-1])
    area = inside.sum((1, 2)).clamp(min=1)
    return ((each * inside).sum((1, 2)) / area).mean()


def within(boxes: torch.Tensor, side: int) -> torch.Tensor:
    """(n, side, side) 1.0 inside each box (n, 4) in [0, 1], else 0.0."""
    ramp = (torch.arange(side, device=boxes.device) + 0.5) / side
    across = (ramp >= boxes[:, :1]) & (ramp <= boxes[:, 2:3])
    down = (ramp >= boxes[:, 1:2]) & (ramp <= boxes[:, 3:])
    return (down[:, :, None] & across[:, None, :]).float()
