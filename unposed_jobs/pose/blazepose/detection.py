"""From the detector's raw outputs to people: anchors, decoding, weighted suppression.

Follows MediaPipe Tasks' pose detector graph (SsdAnchors, TensorsToDetections,
NonMaxSuppression), for a whole batch at once.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor

SIDE = 224
"""The detector's input is SIDE x SIDE pixels."""

SUPPRESSION_IOU = 0.5
"""Candidates that overlap the best one by more than this are averaged into it."""

_GRIDS = ((28, 2), (14, 2), (7, 6))
_SCORE_CLIP = 100.0


class People(NamedTuple):
    """Detected people of a batch, best first within each picture.

    `picture` is (P,) int64, the index in the batch, ascending; `points` is (P, 4, 2) float32, the
    detector's key points x, y in [0, 1] of the letterboxed square: 0 is the middle of the hips, 1
    lies on the circle round the whole body.
    """

    picture: Tensor
    points: Tensor


def anchors() -> Tensor:
    """Centres x, y of the 2,254 anchors in [0, 1]: (2254, 2) float32, in the outputs' order."""
    parts = []
    for cells, each in _GRIDS:
        centre = (torch.arange(cells, dtype=torch.float32) + 0.5) / cells
        y, x = torch.meshgrid(centre, centre, indexing="ij")
        parts.append(torch.stack([x, y], -1).reshape(-1, 1, 2).expand(-1, each, 2).reshape(-1, 2))
    return torch.cat(parts)


@cache
def _anchors_on(device: torch.device) -> Tensor:
    return anchors().to(device)


def find_people(raw: Tensor, logits: Tensor, min_score: float, max_people: int) -> People:
    """Decode a batch's outputs.

    `raw` is (B, 2254, 12) float32 (box centre and size, then four points, as offsets in pixels
    from the anchor); `logits` is (B, 2254, 1). At most `max_people` for each picture.
    """
    scores = torch.sigmoid(logits[..., 0].clamp(-_SCORE_CLIP, _SCORE_CLIP))
    # A box of negative or undefined size is no candidate.
    sound = (raw[..., 2] >= 0) & (raw[..., 3] >= 0)
    scores = torch.where((scores >= min_score) & sound, scores, 0.0)
    most = int((scores > 0).sum(1).amax())
    if most == 0:
        empty = torch.zeros(0, dtype=torch.int64, device=raw.device)
        return People(empty, raw.new_zeros(0, 4, 2))
    scores, order = scores.topk(most, dim=1)
    raw = raw.gather(1, order[..., None].expand(-1, -1, raw.shape[2]))
    anchor = _anchors_on(raw.device)[order]
    centre = raw[..., 0:2] / SIDE + anchor
    half = raw[..., 2:4] / (2 * SIDE)
    boxes = torch.cat([centre - half, centre + half], -1)
    points = raw[..., 4:12].reshape(*raw.shape[:2], 4, 2) / SIDE + anchor[:, :, None]
    return _suppress(boxes, points, scores, max_people)


def _suppress(boxes: Tensor, points: Tensor, scores: Tensor, max_people: int) -> People:
    """Weighted suppression; `scores` is (B, K), descending, 0 where there is no candidate.

    As MediaPipe does it: the best remaining candidate takes in all that overlap it, and its
    points become their average, weighted by score.
    """
    remaining = scores > 0
    rows, merged, ranks = [], [], []
    for rank in range(max_people):
        found = remaining.any(1)
        if not bool(found.any()):
            break
        # The first that remains is the best: candidates are in order of score.
        best = remaining.to(torch.uint8).argmax(1)
        lead = torch.nn.functional.one_hot(best, scores.shape[1]).bool()
        chosen = boxes.gather(1, best[:, None, None].expand(-1, 1, 4))
        # A box without area overlaps nothing, not even itself.
        taken = (remaining & (_overlap(boxes, chosen) > SUPPRESSION_IOU)) | (lead & remaining)
        weight = scores * taken
        total = weight.sum(1).clamp_min(torch.finfo(weight.dtype).tiny)
        mean = (points * weight[..., None, None]).sum(1) / total[:, None, None]
        rows.append(found.nonzero()[:, 0])
        merged.append(mean[found])
        ranks.append(torch.full_like(rows[-1], rank))
        remaining = remaining & ~taken
    picture, points = torch.cat(rows), torch.cat(merged)
    order = torch.argsort(picture * max_people + torch.cat(ranks))
    return People(picture[order], points[order])


def _overlap(boxes: Tensor, other: Tensor) -> Tensor:
    """Intersection over union of (B, K, 4) with (B, 1, 4) boxes x0, y0, x1, y1: (B, K)."""
    low = torch.maximum(boxes[..., :2], other[..., :2])
    high = torch.minimum(boxes[..., 2:], other[..., 2:])
    shared = (high - low).clamp_min(0).prod(-1)
    union = (
        (boxes[..., 2:] - boxes[..., :2]).prod(-1)
        + (other[..., 2:] - other[..., :2]).prod(-1)
        - shared
    )
    return torch.where(union > 0, shared / union, 0.0)
