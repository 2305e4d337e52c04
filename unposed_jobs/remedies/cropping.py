"""Landmarks as they stand in a part of their picture, so that a crop is named as a picture is."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from unposed_jobs.errors import UnposedError

_VALUES = {165: 5, 51: 3}
"""Values a point, by the length of a flat row; see the table `landmarks`."""


def within(
    landmarks: npt.NDArray[np.float32], boxes: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    """(N, points, values) landmarks, x and y in [0, 1] of a picture, in shares of a part of it.

    `boxes` (N, 4) are left, top, width, height in [0, 1] of the picture. Points that the part does
    not hold lie outside of [0, 1] and count as not seen. Depth has the unit of x.
    """
    left, top, width, height = (boxes[:, None, place] for place in range(4))
    found = landmarks.copy()
    found[..., 0] = (landmarks[..., 0] - left) / width
    found[..., 1] = (landmarks[..., 1] - top) / height
    if landmarks.shape[-1] == 5:
        found[..., 2] = landmarks[..., 2] / width
    return found


def cropped(table: pa.Table) -> pa.Table:
    """Rows of `landmarks` with `box`, `crop_width` and `crop_height` as rows of those parts.

    Raises UnposedError where the landmarks are of neither 33 nor 17 points.
    """
    if not table.num_rows:
        return table
    flat = np.stack(table["landmarks"].to_numpy(zero_copy_only=False)).astype(np.float32)
    if flat.shape[1] not in _VALUES:
        raise UnposedError(f"landmarks of {flat.shape[1]} values cannot be cropped")
    boxes = np.stack(table["box"].to_numpy(zero_copy_only=False)).astype(np.float32)
    moved = within(flat.reshape(len(flat), -1, _VALUES[flat.shape[1]]), boxes)
    columns = {
        "landmarks": pa.array(list(moved.reshape(len(flat), -1)), pa.list_(pa.float32())),
        "width": table["crop_width"],
        "height": table["crop_height"],
    }
    for name, column in columns.items():
        table = table.set_column(table.schema.get_field_index(name), name, column)
    return table
