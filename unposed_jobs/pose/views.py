"""Pictures of several pictures, strips and small people: searched in parts.

A picture that straight seams cut into cells (a gutter of one colour, or an edge from side to side)
is a collage where people are in several of its cells; a strip is searched in squares along its
length. A picture of nobody that is no garment, fabric or chart is searched for small people in
windows. What is seen in the parts goes into a note and the number of people; nothing of an
ordinary picture changes.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

from unposed_jobs.pose import statistics
from unposed_jobs.pose.estimator import PoseEstimate, PoseEstimator
from unposed_jobs.pose.kinds import reading

VERSION = 1
"""Raised when what is found in an equal picture would change."""
STRIP = 2.0
"""From this ratio of its sides on a picture is a strip or a banner: phones' are up to 1.8."""
MOST_PARTS = 24
"""Of one picture."""
SMALLEST = 96
"""Pixels of a part's shorter side below which nobody is searched for."""
_SEEN_AT = 192
"""Pixels of the longer side in which seams are sought."""
_EVEN = 3.0
"""Largest spread, of 255, of a line of one colour."""
_STEP, _LENGTH = 12.0, 0.92
"""An edge: neighbours that differ by more, over this share of the whole length."""
_CELL = 0.18
"""Least share of a cell of the length that is cut."""
_NEAR = 0.35
"""Of the shorter side: people whose middles are nearer in overlapping squares are one."""
_DETAIL = 0.5
"""Probability of a detail from which small people are sought: scenes read as such."""
_TORSO = {33: (11, 12, 23, 24), 17: (5, 6, 11, 12)}
_Picture = npt.NDArray[np.uint8]
_Seen = tuple["Box", PoseEstimate]


class Box(NamedTuple):
    """A part of a picture, in pixels."""

    left: int
    top: int
    right: int
    bottom: int

    def of(self, picture: _Picture) -> _Picture:
        """The part's pixels."""
        return np.ascontiguousarray(picture[self.top : self.bottom, self.left : self.right])


def identify(inner: str) -> str:
    """The `estimator_id` of `inner` with the search of parts."""
    return f"{inner}-views{VERSION}"


def cells(picture: _Picture) -> list[Box]:
    """The cells that seams cut a picture into, row by row; none where it is not cut.

    A cell has at least `_CELL` of the length that is cut and `SMALLEST` pixels.
    """
    height, width = picture.shape[:2]
    step = max(1, max(height, width) // _SEEN_AT)
    red, green, blue = np.moveaxis(picture[::step, ::step], 2, 0).astype(np.float32)
    grey = (red + green + blue) / 3
    rows, columns = grey.shape
    found = [
        Box(
            round(left * width / columns),
            round(top * height / rows),
            round(right * width / columns),
            round(bottom * height / rows),
        )
        for left, top, right, bottom in _cut(grey, 0, 0, 3)
    ]
    large = [box for box in found if min(box.right - box.left, box.bottom - box.top) >= SMALLEST]
    return sorted(large, key=lambda box: (box.top, box.left)) if len(large) > 1 else []


def squares(picture: _Picture) -> list[Box]:
    """Overlapping squares along a strip, each as wide as its shorter side; none of others."""
    height, width = picture.shape[:2]
    side, length = min(height, width), max(height, width)
    if length < STRIP * side or side < SMALLEST:
        return []
    number = min(MOST_PARTS, int(np.ceil((length - side) / (side / 2))) + 1)
    starts = np.linspace(0, length - side, number).round().astype(int).tolist()
    if width > height:
        return [Box(start, 0, start + side, height) for start in starts]
    return [Box(0, start, width, start + side) for start in starts]


def windows(picture: _Picture) -> list[Box]:
    """Nine overlapping windows of half the sides; none where those are small."""
    height, width = picture.shape[:2]
    if min(height, width) < 2 * SMALLEST:
        return []
    return [
        Box(left, top, left + width // 2, top + height // 2)
        for top in (0, height // 4, height - height // 2)
        for left in (0, width // 4, width - width // 2)
    ]


class ViewsEstimator:
    """Wraps any estimator. Fulfils `PoseEstimator`.

    `detector` finds people fast, in windows of which most show nobody; those that it sees are
    judged by `inner`.
    """

    def __init__(self, inner: PoseEstimator, detector: PoseEstimator) -> None:
        self._inner = inner
        self._detector = detector

    @property
    def estimator_id(self) -> str:
        """The inner estimator's, with the search of parts."""
        return identify(self._inner.estimator_id)

    def estimate(self, pictures: Sequence[_Picture]) -> list[PoseEstimate]:
        """See `PoseEstimator.estimate`."""
        results = self._inner.estimate(pictures)
        for row, (picture, result) in enumerate(zip(pictures, results, strict=True)):
            if result.error is None:
                results[row] = self._in_parts(picture, result)
        return results

    def close(self) -> None:
        """Give the networks back; the estimator cannot be used afterwards."""
        self._inner.close()

    def _in_parts(self, picture: _Picture, result: PoseEstimate) -> PoseEstimate:
        strip = squares(picture)
        if result.landmarks is None and not strip and not _is_scene(picture, result):
            return result  # A garment, a fabric or a chart, whose lines are no seams.
        cut = cells(picture)
        if cut and not _spanned(picture, cut, result):
            own = _around(picture, cut, result)
            seen = self._seen(picture, [box for box in cut if box != own])
            if len(seen) + (own is not None) > 1:
                return _collage(picture, result, seen, own is not None)
        if strip:
            return self._along(picture, result, strip)
        return result if result.landmarks is not None else self._with_small_people(picture, result)

    def _along(self, picture: _Picture, result: PoseEstimate, strip: Sequence[Box]) -> PoseEstimate:
        seen = _apart(picture, self._seen(picture, strip))
        if len(seen) > 1:
            return _collage(picture, result, seen)
        if result.landmarks is not None:
            return result
        if seen:
            return replace(_placed(picture, *seen[0]), note="strip: seen in a part of it")
        return replace(result, note=f"strip: nobody in any of {len(strip)} parts")

    def _with_small_people(self, picture: _Picture, result: PoseEstimate) -> PoseEstimate:
        """A small person fills no ask, but is no "nobody", either."""
        boxes = windows(picture)
        if not boxes:
            return result
        seen = _apart(picture, self._seen(picture, boxes), 0.15)
        if not seen:
            return result
        people = "somebody" if len(seen) == 1 else f"{len(seen)} people"
        return replace(result, person_count=len(seen), note=f"small: {people} in a part of it")

    def _seen(self, picture: _Picture, boxes: Sequence[Box]) -> list[_Seen]:
        """Who is in which part: in most there is nobody, which the detector alone finds fast."""
        boxes = boxes[:MOST_PARTS]
        found = self._detector.estimate([box.of(picture) for box in boxes])
        likely = [box for box, one in zip(boxes, found, strict=True) if one.landmarks is not None]
        judged = self._inner.estimate([box.of(picture) for box in likely]) if likely else []
        return [
            (box, one)
            for box, one in zip(likely, judged, strict=True)
            if one.landmarks is not None and one.error is None
        ]


def _is_scene(picture: _Picture, result: PoseEstimate) -> bool:
    if result.kind_evidence is None:
        return False
    plain = statistics.describe(Image.fromarray(picture))
    probabilities = reading.head().probabilities(result.kind_evidence, plain)
    return bool(np.ravel(probabilities)[reading.KINDS.index(reading.DETAIL)] >= _DETAIL)


def _around(picture: _Picture, cut: Sequence[Box], result: PoseEstimate) -> Box | None:
    """The cell in which the person of the whole picture is, who need not be sought again."""
    if result.landmarks is None:
        return None
    height, width = picture.shape[:2]
    across, down = _torso(result).mean(axis=0) * (width, height)
    for box in cut:
        if box.left <= across < box.right and box.top <= down < box.bottom:
            return box
    return None


def _collage(
    picture: _Picture, result: PoseEstimate, seen: list[_Seen], further: int = 0
) -> PoseEstimate:
    """The whole's answer, else the surest part's, noted as one of several; `further` are known
    in addition to those `seen`."""
    if result.landmarks is None:
        result = _placed(picture, *max(seen, key=lambda item: item[1].pose_score))
    parts = len(seen) + further
    count = max(result.person_count, parts)
    return replace(result, person_count=count, note=f"collage: people in {parts} parts of it")


def _placed(picture: _Picture, box: Box, one: PoseEstimate) -> PoseEstimate:
    """What was seen in a part, in the whole picture's coordinates."""
    assert one.landmarks is not None
    height, width = picture.shape[:2]
    landmarks = one.landmarks.copy()
    across = (box.right - box.left) / width
    landmarks[:, 0] = box.left / width + landmarks[:, 0] * across
    landmarks[:, 1] = (box.top + landmarks[:, 1] * (box.bottom - box.top)) / height
    if landmarks.shape[1] == 5:
        landmarks[:, 2] *= across  # z is in the unit of x.
    return replace(one, landmarks=landmarks)


def _apart(picture: _Picture, seen: list[_Seen], near: float = _NEAR) -> list[_Seen]:
    """Of those who are one person in several parts the surest."""
    height, width = picture.shape[:2]
    kept: list[tuple[npt.NDArray[np.floating], _Seen]] = []
    for item in sorted(seen, key=lambda item: -item[1].pose_score):
        middle = _torso(_placed(picture, *item)).mean(axis=0) * (width, height)
        distances = [float(np.linalg.norm(middle - other)) for other, _ in kept]
        if not distances or min(distances) > near * min(height, width):
            kept.append((middle, item))
    return [item for _, item in kept]


def _torso(one: PoseEstimate) -> npt.NDArray[np.floating]:
    """(4, 2) of shoulders and hips."""
    assert one.landmarks is not None
    return np.asarray(one.landmarks[list(_TORSO[len(one.landmarks)]), :2])


def _spanned(picture: _Picture, cut: Sequence[Box], result: PoseEstimate) -> bool:
    """Whether one body lies over a seam, as the legs of one person on both sides of a gap do."""
    if not cut or result.landmarks is None:
        return False
    height, width = picture.shape[:2]
    points = _torso(result) * (width, height)
    low, high = points.min(axis=0), points.max(axis=0)
    margin = 0.1 * (high - low)
    for box in cut:
        within = [
            box.left - margin[0] <= low[0] and high[0] <= box.right + margin[0],
            box.top - margin[1] <= low[1] and high[1] <= box.bottom + margin[1],
        ]
        if all(within):
            return False
    return bool((high - low).min() > 0)


def _cut(
    grey: npt.NDArray[np.float32], left: int, top: int, depth: int
) -> list[tuple[int, int, int, int]]:
    """Cells (left, top, right, bottom) of a grey picture whose corner is (left, top)."""
    rows, columns = grey.shape
    if depth:
        for axis in (1, 0):
            parts = _segments(grey if axis else grey.T)
            if len(parts) > 1:
                return [
                    cell
                    for start, end in parts
                    for cell in (
                        _cut(grey[:, start:end], left + start, top, depth - 1)
                        if axis
                        else _cut(grey[start:end], left, top + start, depth - 1)
                    )
                ]
    return [(left, top, left + columns, top + rows)]


def _segments(grey: npt.NDArray[np.float32]) -> list[tuple[int, int]]:
    """What seams from top to bottom leave, as columns from and to."""
    columns = grey.shape[1]
    least = max(4, round(_CELL * columns))
    even = grey.std(axis=0) < _EVEN
    steps = (np.abs(np.diff(grey, axis=1)) > _STEP).mean(axis=0) >= _LENGTH
    seams = {int(at) + 1 for at in np.flatnonzero(steps)}
    filled = np.flatnonzero(~even)
    if not len(filled):
        return [(0, columns)]
    edges = np.flatnonzero(np.diff(filled) > 1)
    # The middle of each gap between what is not of one colour.
    seams |= {int(filled[at] + filled[at + 1] + 1) // 2 for at in edges}
    bounds = [0]
    for at in sorted(seams):
        if at - bounds[-1] >= least and columns - at >= least:
            bounds.append(at)
    bounds.append(columns)
    return [(start, end) for start, end in itertools.pairwise(bounds) if not even[start:end].all()]
