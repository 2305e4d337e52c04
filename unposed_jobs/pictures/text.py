"""Where writing is in a picture: PP-OCRv4's detector, by OpenVINO on the CPU.

It marks pixels that belong to a line of writing; lines are the marks' boxes. What is written is
not read.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from unposed_jobs.config import PoseSettings
from unposed_jobs.errors import UnposedError
from unposed_jobs.networks import openvino_import, weights
from unposed_jobs.networks.threads import threads

SIDE = 416
"""Pixels of the longer side that is looked at: letters from about 2.5 % of it on are found."""

_STEP = 32
_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of each channel in turn, as the makers have them."""
_SCALE, _SHIFT = (
    np.array(values, np.float32)[:, None, None]
    for values in ([1 / 255 / std for std in _STD],
                   [mean / std for mean, std in zip(_MEAN, _STD, strict=True)])
)  # fmt: skip
_MARKED, _SURE = 0.3, 0.6
"""A pixel is marked from the first on; a line is one from this mean on."""
_LEAST = 3
"""Pixels of a line's height, of `SIDE`."""
_TALLEST = 0.12
"""Of the longer side: what is marked and thicker is a patterned thing, not a line."""
_FULL = 0.5
"""A line's mark fills its own rectangle; that of an outline, or of two legs, does not."""
_WORDS_SURE, _LONG, _WORDS_TALLEST = 0.95, 3.0, 0.06
"""Words are surer, so many times as long as thick, no thicker than this share, and run across: what
is upright in pictures of products is the gap between two legs, or a column of a pattern.
"""
_GROWN = 1.5
"""The network marks a line's kernel: how much of area / outline is added to each side."""
_Picture = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Writing:
    """`boxes` (N, 4) of lines: left, top, right, bottom in shares of the picture; N may be 0.
    `words` (N,) of which of them are surely words that run across, and not a print, a button or a
    number.
    """

    boxes: npt.NDArray[np.float64]
    words: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.boxes)


class TextFinder:
    """The network, loaded once. One instance belongs to one thread."""

    def __init__(self, settings: PoseSettings) -> None:
        """Raises UnposedError for missing or damaged weights, or without OpenVINO."""
        model = weights.load(settings, weights.TEXT)[1]
        try:
            self._openvino = openvino_import.load()
            self._core = self._openvino.Core()
            self._model = self._core.read_model(model)
        except (ImportError, RuntimeError) as error:
            reason = str(error).strip().partition("\n")[0]
            raise UnposedError(f"writing cannot be looked for: {reason}") from None
        self._requests: dict[tuple[int, int], Any] = {}

    def __call__(self, picture: _Picture) -> Writing:
        """Lines of writing in a (height, width, 3) uint8 RGB picture, the surest first."""
        height, width = picture.shape[:2]
        scale = min(SIDE / max(height, width), 1.0)
        columns, rows = (
            max(_STEP, math.ceil(side * scale / _STEP) * _STEP) for side in (width, height)
        )
        small = cv2.resize(picture, (columns, rows), interpolation=cv2.INTER_AREA)
        # It was trained on channels in OpenCV's order.
        values = small[..., ::-1].transpose(2, 0, 1).astype(np.float32, order="C")
        entering = (values * _SCALE - _SHIFT)[None]
        request = self._request(rows, columns)
        request.infer({0: entering}, share_inputs=True)
        return _lines(request.get_output_tensor(0).data[0, 0])

    def _request(self, rows: int, columns: int) -> Any:
        """Compiled for each size when one first comes: a catalogue has few."""
        if (rows, columns) not in self._requests:
            model = self._model.clone()
            model.reshape([1, 3, rows, columns])
            options = {
                "INFERENCE_PRECISION_HINT": "f32",
                "INFERENCE_NUM_THREADS": threads(),
                "ENABLE_CPU_PINNING": False,
            }
            compiled = self._core.compile_model(model, "CPU", options)
            self._requests[rows, columns] = compiled.create_infer_request()
        return self._requests[rows, columns]


def _lines(marks: npt.NDArray[np.float32]) -> Writing:
    rows, columns = marks.shape
    marked = (marks > _MARKED).astype(np.uint8)
    count, labels, figures, _ = cv2.connectedComponentsWithStats(marked, connectivity=8)
    longest = max(rows, columns)
    found = []
    for number in range(1, count):
        left, top, wide, high, area = (int(value) for value in figures[number])
        part = labels[top : top + high, left : left + wide] == number
        sure = float(marks[top : top + high, left : left + wide][part].mean())
        thick, long = _sides(part)
        full = area >= _FULL * thick * long
        if sure < _SURE or not full or not _LEAST <= thick <= _TALLEST * longest:
            continue
        line = wide >= high and long >= _LONG * thick and thick <= _WORDS_TALLEST * longest
        grown = _GROWN * area / (2 * (wide + high))
        box = (left - grown, top - grown, left + wide + grown, top + high + grown)
        limits = (columns, rows, columns, rows)
        found.append((sure, np.clip(box, 0, limits), line and sure >= _WORDS_SURE))
    found.sort(key=lambda item: -item[0])
    boxes = np.array([box for _, box, _ in found], np.float64).reshape(-1, 4)
    return Writing(
        boxes / (columns, rows, columns, rows), np.array([words for *_, words in found], bool)
    )


def _sides(part: npt.NDArray[np.bool_]) -> tuple[float, float]:
    """Thickness and length of a mark (rows, columns), however it is turned, in pixels."""
    points = np.argwhere(part)[:, ::-1].astype(np.float32)
    _, sides, _ = cv2.minAreaRect(points)
    thick, long = sorted(float(side) + 1 for side in sides)
    return thick, long
