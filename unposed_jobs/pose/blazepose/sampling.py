"""Cuts the networks' inputs out of pictures, as MediaPipe does, to the last bit.

The landmarks depend on this more than one would think: with the usual floating-point sampling,
nine pixels in a hundred differ by one grey level, and a quarter of the landmarks move by more than
2 % of the torso. MediaPipe's OpenCV rounds each position to 1/32 of a pixel and weighs the four
neighbours by whole numbers, so both ways here - OpenCV's `remap` on the CPU, a gather on any torch
device - do just that, and are equal.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from enum import Enum
from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from unposed_jobs.pose.batches import LONGEST_SIDE

Picture = npt.NDArray[np.uint8]
_Places = tuple[npt.NDArray[np.int16], npt.NDArray[np.uint16]]

_COPIERS = 4
_STEPS = 32
_FAR = LONGEST_SIDE * _STEPS


class Border(Enum):
    """What lies outside the picture: black, or its nearest pixel."""

    BLACK = cv2.BORDER_CONSTANT
    NEAREST = cv2.BORDER_REPLICATE


def on_cpu(
    pictures: Sequence[Picture],
    indices: Sequence[int],
    maps: npt.NDArray[np.float64],
    pixels: int,
    border: Border,
) -> npt.NDArray[np.uint8]:
    """Squares (P, pixels, pixels, 3) uint8, square p from `pictures[indices[p]]`.

    `maps` is (P, 2, 3): pixel (column, row, 1) of the square to the picture's, see
    `geometry.sampling`.
    """
    squares = np.empty((len(indices), pixels, pixels, 3), np.uint8)
    for square, index, line in zip(squares, indices, maps, strict=True):
        picture = pictures[index]
        if line[0, 1] == line[1, 0] == 0 < min(line[0, 0], line[1, 1]):
            _sample_upright(picture, line, border, square)
        else:
            whole, part = _places(*_steps(line, pixels))
            cv2.remap(picture, whole, part, cv2.INTER_LINEAR, dst=square, borderMode=border.value)
    return squares


def _sample_upright(
    picture: Picture, line: npt.NDArray[np.float64], border: Border, square: Picture
) -> None:
    """Samples where the picture is, and fills the rest: of a square larger than the picture,
    OpenCV takes the most time for what lies outside.
    """
    height, width = picture.shape[:2]
    rows, columns, (whole, part) = _upright(line.tobytes(), len(square), height, width, border)
    inside = square[rows, columns]
    if inside.size:
        cv2.remap(picture, whole, part, cv2.INTER_LINEAR, dst=inside, borderMode=border.value)
    if border is Border.BLACK:
        square[: rows.start] = square[rows.stop :] = 0
        square[rows, : columns.start] = square[rows, columns.stop :] = 0
    else:
        square[rows, : columns.start] = inside[:, :1]
        square[rows, columns.stop :] = inside[:, -1:]
        square[: rows.start] = square[rows.start]
        square[rows.stop :] = square[rows.stop - 1]


@lru_cache(maxsize=64)
def _upright(
    line: bytes, pixels: int, height: int, width: int, border: Border
) -> tuple[slice, slice, _Places]:
    """Rows and columns of an upright square in which the picture is, and the places there.

    Kept: pictures of one catalogue have few sizes.
    """
    # x is the same in all rows and y in all columns: one of each is enough.
    x, y = _steps(np.frombuffer(line).reshape(2, 3), pixels)
    rows, columns = _shown(y[:, 0], height, border), _shown(x[0], width, border)
    return rows, columns, _places(x[:1, columns], y[rows, :1])


def _shown(position: npt.NDArray[np.int32], size: int, border: Border) -> slice:
    """Which of the increasing positions along an axis show a picture of `size`; all before the
    first of them show the border, or what the first shows, and those after the last likewise.
    """
    if border is Border.BLACK:
        first, end = np.searchsorted(position, [1 - _STEPS, size * _STEPS])
        return slice(int(first), int(end))
    first = int(np.searchsorted(position, 0, "right")) - 1
    last = int(np.searchsorted(position, (size - 1) * _STEPS))
    first, last = max(first, 0), min(last, len(position) - 1)
    return slice(first, max(first, last) + 1)


def _steps(line: npt.NDArray[np.float64], pixels: int) -> npt.NDArray[np.int32]:
    """x and y of each pixel (2, pixels, pixels), in steps of 1/32 of the picture's pixels."""
    ramp = np.arange(pixels, dtype=np.float64)
    column, row, start = (line * _STEPS).T[..., None]
    ones = np.ones((2, pixels))
    # Each row's value plus each column's, rounded once; NumPy's own sums take three times as long.
    position = np.stack([row * ramp + start, ones], -1) @ np.stack([ones, column * ramp], 1)
    np.rint(position, out=position)
    corners = position[:, (0, 0, -1, -1), (0, -1, 0, -1)]
    if np.abs(corners).max() > _FAR:
        np.clip(position, -_FAR, _FAR, out=position)
    return position.astype(np.int32)


def _places(x: npt.NDArray[np.int32], y: npt.NDArray[np.int32]) -> _Places:
    """What `remap` wants: whole pixels (rows, columns, 2), and the parts of both in one number.

    One of both may be a single row or column: what comes is of the whole square.
    """
    # x and y in the halves of one number: quicker than to write every other place of an array.
    whole = (y >> 5) << 16 | (x >> 5) & 0xFFFF
    part = (y & 31) << 5 | x & 31
    return whole.view(np.int16).reshape(*whole.shape, 2), part.astype(np.uint16)


class Packed:
    """Pictures of different sizes end to end in one tensor on a device, to gather from."""

    def __init__(self, pictures: Sequence[Picture], device: torch.device) -> None:
        sizes = np.array([picture.shape[:2] for picture in pictures], np.int64)
        starts = np.concatenate([[0], np.cumsum(sizes.prod(1))[:-1]])
        ends = np.cumsum([picture.size for picture in pictures])
        flat = torch.empty(int(ends[-1]), dtype=torch.uint8, pin_memory=device.type == "cuda")
        target = flat.numpy()

        def place(picture: Picture, end: int) -> None:
            target[end - picture.size : end] = picture.reshape(-1)

        # A batch is hundreds of megabytes, for which the device waits; NumPy lets go of the GIL.
        with ThreadPoolExecutor(_COPIERS, "unposed-pack") as pool:
            list(pool.map(place, pictures, ends))
        self._pixels = flat.to(device, non_blocking=True).reshape(-1, 3)
        self._height, self._width = torch.from_numpy(sizes).to(device).unbind(1)
        self._start = torch.from_numpy(starts).to(device)

    def squares(self, indices: Tensor, maps: Tensor, pixels: int, border: Border) -> Tensor:
        """As `on_cpu`, for (P,) int64 `indices` and (P, 2, 3) `maps` on the device."""
        ramp = torch.arange(pixels, device=maps.device, dtype=torch.float64)
        line = maps.double() * _STEPS
        position = (
            (line[..., 1, None] * ramp + line[..., 2, None])[..., None]
            + line[..., 0, None, None] * ramp
        ).round_()
        x, y = position.clamp_(-_FAR, _FAR).int().unbind(1)
        right, low = (x & 31)[..., None], (y & 31)[..., None]
        column, row = x >> 5, y >> 5
        total = torch.zeros((*x.shape, 3), dtype=torch.int32, device=maps.device)
        for step_y, weight_y in ((0, _STEPS - low), (1, low)):
            for step_x, weight_x in ((0, _STEPS - right), (1, right)):
                values = self._at(indices, row + step_y, column + step_x, border)
                total += values * (weight_y * weight_x)
        # Half up: 32 x 32 parts make the whole.
        return ((total + 512) >> 10).to(torch.uint8)

    def _at(self, indices: Tensor, row: Tensor, column: Tensor, border: Border) -> Tensor:
        height = self._height[indices][:, None, None]
        width = self._width[indices][:, None, None]
        near_row = row.clamp_min(0).minimum(height - 1)
        near_column = column.clamp_min(0).minimum(width - 1)
        values = self._pixels[self._start[indices][:, None, None] + near_row * width + near_column]
        if border is Border.BLACK:
            inside = (row == near_row) & (column == near_column)
            values = values * inside[..., None]
        return values.int()
