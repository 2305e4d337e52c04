"""Rows of a table of landmarks from elsewhere to what the table `landmarks` holds.

As `validation` does for products and images: one batch at a time, and a row that cannot be used
is set aside with a reason.
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from unposed_jobs import storage
from unposed_jobs.catalogue import values
from unposed_jobs.catalogue.addresses import absolute
from unposed_jobs.catalogue.landmark_layout import STORED, Layout, other_columns
from unposed_jobs.catalogue.rows import Rows, own_columns
from unposed_jobs.catalogue.schemas import ACCEPTED_LANDMARKS
from unposed_jobs.catalogue.validation import LEAVES
from unposed_jobs.config import CatalogueSettings
from unposed_jobs.errors import UnposedError

FARTHEST = 20
"""Pictures: no estimator guesses a point so far outside; larger coordinates are pixels."""
_SLACK = 1e-3  # of a score: what rounding may add
Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


def landmarks(
    batch: pa.RecordBatch, layout: Layout, settings: CatalogueSettings, uri: str, root: str = ""
) -> tuple[pa.RecordBatch, pa.RecordBatch]:
    """Rows of the landmark table to (`ACCEPTED_LANDMARKS`, `REJECTS`), in order.

    A point without x or y, or of score 0, is not found; a picture without any found point shows
    no person (also where the list is null or empty). Relative addresses mean what they mean in
    the list of images: `root` is its folder.

    Raises UnposedError for a column of a type that holds no numbers.
    """
    rows = Rows(batch, other_columns(own_columns(batch), settings, uri), "landmarks", uri)
    address = rows.text("image_uri", normalize=False)
    rows.key = address
    rows.reject(pc.is_null(address), "missing_key", "image_uri is empty")
    points, wrong, unreadable = _points(batch, layout, uri)
    rows.reject(pa.array(wrong), "wrong_points", f"landmarks do not have {layout.length} values")
    rows.reject(pa.array(unreadable), "bad_number", "a landmark is not a number")
    infinite = np.isinf(points).any(axis=(1, 2))
    rows.reject(pa.array(infinite), "bad_number", "a landmark is infinite")
    sizes = {}
    for name in ("width", "height"):
        sizes[name], bad = values.count(_without_nan(rows.column(name)), pa.int32())
        rows.reject(bad, "bad_number", name, "is not a whole number of pixels")
        sizes[name] = pc.if_else(pc.equal(sizes[name], 0), pa.scalar(None, pa.int32()), sizes[name])
    score, bad = values.number(_without_nan(rows.column("pose_score")), 0, 1)
    rows.reject(bad, "bad_number", "pose_score", "is not a number from 0 to 1")
    people, bad = values.count(_without_nan(rows.column("person_count")), pa.int32())
    rows.reject(bad, "bad_number", "person_count", "is not a whole number from 0")
    if layout.pixels:
        unknown = pc.or_(pc.is_null(sizes["width"]), pc.is_null(sizes["height"]))
        rows.reject(unknown, "bad_number", "landmarks are in pixels, and width or height is absent")
    stored, outside, far = _stored(points, layout, sizes)
    reason = "a score, visibility or presence is not from 0 to 1"
    rows.reject(pa.array(outside), "bad_number", reason)
    reason = f"a coordinate is more than {FARTHEST} pictures away; for pixels set "
    reason += '[catalogue] landmarks_coordinates = "pixels"'
    rows.reject(pa.array(far), "bad_number", reason)
    address, bad, left = absolute(address, settings.image_root or root)
    rows.reject(bad, "bad_uri", "image_uri", "is no address, or is relative to no known folder")
    if not settings.allow_parent_paths:
        rows.reject(left, "bad_uri", "image_uri", LEAVES)

    person = np.any(stored[..., STORED[layout.points].index(_trusted(layout.points))] > 0, axis=1)
    seen = pa.array(person)
    accepted = {
        "image_uri": address,
        "content_sha256": pa.nulls(batch.num_rows, pa.string()),
        "status": pc.if_else(seen, pa.scalar("ok"), pa.scalar("no_person")),
        **sizes,
        "person_count": pc.if_else(seen, people, pa.scalar(0, pa.int32())),
        "pose_score": pc.cast(score, pa.float32()),
        "landmarks": _lists(stored, person),
    }
    digests = _digests(accepted, stored, layout.points)
    accepted["content_sha256"] = pa.array(digests, pa.string())
    return rows.split(list(accepted.values()), ACCEPTED_LANDMARKS, rows.key)


def list_length(batch: pa.RecordBatch, column: str, uri: str) -> int | None:
    """The commonest number of values of a list column's rows, None where all are empty."""
    counts = np.bincount(_flattened(batch.column(column), column, uri)[1], minlength=1)
    counts = counts[counts > 0]
    return int(np.bincount(counts).argmax()) if len(counts) else None


def _trusted(points: int) -> str:
    return "visibility" if points == 33 else "score"


def _points(batch: pa.RecordBatch, layout: Layout, uri: str) -> tuple[Floats, Mask, Mask]:
    """(N, points, values) with NaN where there is none; rows of another number of values, and
    rows with something that is no number.
    """
    rows, width = batch.num_rows, len(layout.values)
    points = np.full((rows, layout.points, width), np.nan)
    unreadable = np.zeros(rows, dtype=bool)
    if layout.list_column:
        own = _column(batch, layout.list_column, uri)
        flat, parent = _flattened(own, layout.list_column, uri)
        found, bad = _floats(flat, layout.list_column, uri)
        counts = np.bincount(parent, minlength=rows)
        whole = counts == layout.length
        points[whole] = found[whole[parent]].reshape(-1, layout.points, width)
        unreadable[parent[bad]] = True
        return points, (counts > 0) & ~whole, unreadable
    for value, names in enumerate(layout.columns()):
        for point, name in enumerate(names):
            found, bad = _floats(_column(batch, name, uri), name, uri)
            points[:, point, value] = found
            unreadable |= bad
    return points, np.zeros(rows, dtype=bool), unreadable


def _column(batch: pa.RecordBatch, name: str, uri: str) -> pa.Array:
    if name not in batch.schema.names:
        raise UnposedError(f"{storage.shown(uri)} has no column {name}, unlike the table's others")
    return batch.column(name)


def _flattened(column: pa.Array, name: str, uri: str) -> tuple[pa.Array, npt.NDArray[np.int64]]:
    """All values of a column of lists (of lists), and the row of each. Text is JSON's lists."""
    kind = column.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        bare = pc.replace_substring_regex(values.text(column, False), r"[\[\](){}\s]+", " ")
        bare = pc.utf8_trim_whitespace(bare)
        bare = pc.if_else(pc.equal(bare, ""), pa.scalar(None, pa.string()), bare)
        column = pc.split_pattern_regex(bare, r"\s*[,;]\s*|\s+")
    elif not _is_list(kind) and not pa.types.is_null(kind):
        raise UnposedError(f"{storage.shown(uri)}: column {name} holds {kind}, not lists")
    parent = np.arange(len(column))
    while _is_list(column.type):
        # Not list_parent_indices: it counts the values that a null list may hide, too.
        lengths = _numpy(pc.fill_null(pc.list_value_length(column), 0))
        parent = np.repeat(parent, lengths)
        column = pc.list_flatten(column)
    return column, parent if not pa.types.is_null(column.type) else parent[:0]


def _is_list(kind: pa.DataType) -> bool:
    return (
        pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    )


def _floats(column: pa.Array, name: str, uri: str) -> tuple[Floats, Mask]:
    """float64 with NaN for no value, and which are no number."""
    kind = column.type
    numeric = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    if numeric or pa.types.is_null(kind):
        found = pc.fill_null(pc.cast(column, pa.float64(), safe=False), np.nan)
        return _numpy(found), np.zeros(len(column), dtype=bool)
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
        raise UnposedError(f"{storage.shown(uri)}: column {name} holds {kind}, not numbers")
    found, bad = values.number(_without_nan(column))
    return _numpy(pc.fill_null(found, np.nan)), _numpy(bad).astype(bool)


def _without_nan(column: pa.Array) -> pa.Array:
    """NaN, as a number or in words, is no value."""
    if pa.types.is_floating(column.type):
        return pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        words = pc.match_substring_regex(column, r"(?i)^\s*(nan|na|none)\s*$")
        return pc.if_else(words, pa.scalar(None, column.type), column)
    return column


def _numpy(column: pa.Array) -> npt.NDArray[Any]:
    return np.asarray(column.to_numpy(zero_copy_only=False))


def _stored(
    points: Floats, layout: Layout, sizes: dict[str, pa.Array]
) -> tuple[npt.NDArray[np.float32], Mask, Mask]:
    """(N, points, values) as in `STORED`, 0 throughout where a point is not found; rows with a
    score outside [0, 1], and rows with a point too far away to be one.
    """
    given = {name: points[..., index] for index, name in enumerate(layout.values)}
    if layout.pixels:
        width, height = (
            _numpy(pc.fill_null(pc.cast(sizes[name], pa.float64()), np.nan))[:, None]
            for name in ("width", "height")
        )
        given["x"], given["y"] = given["x"] / width, given["y"] / height
        if "z" in given:
            given["z"] = given["z"] / width
    # The one kind of score stands in where the table calls it by the other's name.
    trusted = _trusted(layout.points)
    for name in ("visibility", "score", "presence"):
        if trusted not in given and name in given:
            given[trusted] = given[name]
    found = np.isfinite(given["x"]) & np.isfinite(given["y"])
    scores = [given[name] for name in ("visibility", "presence", "score") if name in given]
    out = np.zeros(points.shape[:2], dtype=bool)
    for item in scores:
        out |= (item < -_SLACK) | (item > 1 + _SLACK)
    with np.errstate(invalid="ignore"):
        farthest = np.maximum(np.abs(given["x"]), np.abs(given["y"]))
    far = found & (farthest > FARTHEST)
    if trusted in given:
        found &= np.nan_to_num(given[trusted]) > 0
    defaults = {"z": 0.0, "visibility": 1.0, "presence": 1.0, "score": 1.0}
    stored = np.zeros((*points.shape[:2], len(STORED[layout.points])), dtype=np.float32)
    for index, name in enumerate(STORED[layout.points]):
        item = given.get(name, np.full(found.shape, defaults.get(name, 0.0)))
        item = np.nan_to_num(item, posinf=0, neginf=0)
        if name in ("visibility", "presence", "score"):
            item = np.clip(item, 0, 1)
        stored[..., index] = np.where(found, np.clip(item, -1e6, 1e6), 0) + 0.0  # no -0
    return stored, np.any(out, axis=1), np.any(far, axis=1)


def _lists(stored: npt.NDArray[np.float32], person: Mask) -> pa.Array:
    flat = stored[person].reshape(-1)
    lengths = np.where(person, stored.shape[1] * stored.shape[2], 0)
    offsets = pa.array(np.r_[0, np.cumsum(lengths)], pa.int32())
    return pa.ListArray.from_arrays(offsets, pa.array(flat, pa.float32()), mask=pa.array(~person))


def _digests(
    columns: dict[str, pa.Array], stored: npt.NDArray[np.float32], points: int
) -> list[str]:
    """What names a row's content: a sha256 over everything that is kept of it.

    Pictures without a person differ only in their addresses, so there the address
    belongs to the content.
    """
    fields = zip(
        *(
            columns[name].to_pylist()
            for name in (
                "image_uri",
                "status",
                "width",
                "height",
                "person_count",
                "pose_score",
            )
        ),
        strict=True,
    )
    little = stored.astype("<f4")
    return [
        hashlib.sha256(
            repr((points, uri if status == "no_person" else "", *rest)).encode() + row.tobytes()
        ).hexdigest()
        for row, (uri, status, *rest) in zip(little, fields, strict=True)
    ]
