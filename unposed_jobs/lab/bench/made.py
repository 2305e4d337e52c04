"""A made catalogue of any size: products, pictures and landmarks by their numbers, vectorised.

Stick figures in the shots of a shop (front, back, side, legs, ...), turned and placed a little
differently each, and pictures without a person. Picture `p` belongs to product ``p // PICTURES``.
A batch is made from its first number, so that tables that are made apart fit together.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from unposed_jobs.pose import statistics
from unposed_jobs.pose.topology import BLAZEPOSE33
from unposed_jobs.warehouse import tables

PICTURES = 4
"""Of each product."""
DAY = date(2026, 1, 5)
FURTHER = tuple(f"column_{number:02}" for number in range(20))
"""Columns of a product that only `[catalogue] carry` would keep."""

Numbers = npt.NDArray[np.int64]
_MOMENT = datetime(2026, 1, 1, tzinfo=UTC)
_CATEGORIES = np.array(["Tops", "Trousers", "Dresses"])
_HEAD = -1.4
_PARTS = {
    "shoulder": (0.34, -1.0, 0.0),
    "elbow": (0.42, -0.5, 0.02),
    "wrist": (0.45, 0.0, -0.05),
    "pinky": (0.46, 0.08, -0.05),
    "index": (0.45, 0.09, -0.06),
    "thumb": (0.43, 0.06, -0.06),
    "hip": (0.2, 0.0, 0.0),
    "knee": (0.2, 0.85, 0.0),
    "ankle": (0.2, 1.7, 0.05),
    "heel": (0.2, 1.78, 0.1),
    "foot_index": (0.22, 1.8, -0.15),
    "eye_inner": (0.03, _HEAD - 0.06, -0.18),
    "eye": (0.06, _HEAD - 0.06, -0.17),
    "eye_outer": (0.09, _HEAD - 0.06, -0.15),
    "ear": (0.13, _HEAD - 0.02, 0.0),
}
_SHOTS = np.array(
    [  # yaw in degrees, top and bottom of the frame in torso lengths
        (0, -2.2, 2.0),
        (180, -2.2, 2.0),
        (90, -2.2, 2.0),
        (0, -1.75, 0.3),
        (180, -1.75, 0.3),
        (-90, -1.75, 0.3),
        (0, -1.15, 0.35),
        (0, -0.12, 2.0),
    ]
)
_USUAL = np.array([(3, 4, 5, 6), (0, 7, 1, 2), (0, 1, 3, 2)])
"""The shots of a category, by position."""
_STATISTICS = len(statistics.NAMES)
_SPREAD = np.array([[8.0], [0.04], [0.04]])
_ODD, _BARE = 0.25, 0.1
"""Shares of pictures of any other shot, and of pictures without a person."""


def figure() -> npt.NDArray[np.float64]:
    """One who stands and faces the camera: (33, 3), in torso lengths from the hips' middle; x to
    the person's left, y down, z away from the camera.
    """
    points = np.zeros((len(BLAZEPOSE33), 3))
    for index, name in enumerate(BLAZEPOSE33):
        side = 1 if "left" in name else -1
        if name == "nose":
            points[index] = 0.0, _HEAD, -0.2
        elif name.startswith("mouth"):
            points[index] = 0.04 * side, _HEAD + 0.08, -0.18
        else:
            x, y, z = _PARTS[name.replace("left_", "").replace("right_", "")]
            points[index] = x * side, y, z
    return points


def landmarks(numbers: Numbers, estimator_id: str) -> pa.RecordBatch:
    """Rows of the table `landmarks` (without bucket and run_id) of these consecutive pictures."""
    rng = np.random.default_rng([7, int(numbers[0])])
    count = len(numbers)
    shot = _USUAL[(numbers // PICTURES) % len(_CATEGORIES), numbers % PICTURES]
    shot = np.where(rng.random(count) < _ODD, rng.integers(0, len(_SHOTS), count), shot)
    bare = rng.random(count) < _BARE
    points = _seen(shot, rng)
    figures = rng.normal(
        np.where(rng.random(count) < 0.5, 0.2, 0.8)[:, None], 0.03, (count, _STATISTICS)
    )
    schema = pa.schema(
        [
            pa.field(field.name, field.type)
            for field in tables.LANDMARKS.schema
            if field.name not in ("bucket", "run_id")
        ]
    )
    known = {
        "estimator_id": pa.repeat(pa.scalar(estimator_id), count),
        "content_sha256": _hashes(numbers),
        "status": pa.array(np.where(bare, "no_person", "ok").tolist()),
        "width": pa.repeat(pa.scalar(800, pa.int32()), count),
        "height": pa.repeat(pa.scalar(1000, pa.int32()), count),
        "person_count": pa.array((~bare).astype(np.int32)),
        "pose_score": pa.array(np.where(bare, 0, rng.uniform(0.9, 1, count)).astype(np.float32)),
        "landmarks": _lists(points.reshape(count, -1), ~bare),
        "perceptual_hash": pa.array(
            [f"{value:016x}" for value in rng.integers(0, 1 << 63, count).tolist()]
        ),
        "statistics": _lists(figures.clip(0, 1), bare),
    }
    columns = [
        known[field.name] if field.name in known else pa.nulls(count, field.type)
        for field in schema
    ]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def images(numbers: Numbers) -> pa.RecordBatch:
    """Rows of the table `images` (without bucket and run_id): all known since `DAY`."""
    listed, count = listing(numbers), len(numbers)
    return pa.RecordBatch.from_pydict(
        {name: listed[name] for name in ("image_uri", "etag", "size", "last_modified")}
        | {
            "content_sha256": _hashes(numbers),
            "status": pa.repeat(pa.scalar("ok"), count),
            "error": pa.nulls(count, pa.string()),
            "first_seen": pa.repeat(pa.scalar(DAY), count),
            "last_seen": pa.repeat(pa.scalar(DAY), count),
        }
    )


def listing(numbers: Numbers) -> pa.RecordBatch:
    """Rows of the catalogue's images. The etag is told, so that no file is looked at."""
    product = numbers // PICTURES
    return pa.RecordBatch.from_pydict(
        {
            "product_id": _products(product),
            "image_uri": pa.array(
                [f"/made/{a:08}/{b:09}.jpg" for a, b in zip(product, numbers, strict=True)]
            ),
            "position": pa.array((numbers % PICTURES + 1).astype(np.int32)),
            "etag": pa.array([value[:32] for value in _hashes(numbers).to_pylist()]),
            "size": pa.array(50_000 + numbers % 100_003),
            "last_modified": pa.repeat(
                pa.scalar(_MOMENT, pa.timestamp("us", tz="UTC")), len(numbers)
            ),
        }
    )


def products(numbers: Numbers) -> pa.RecordBatch:
    """Rows of the catalogue's products."""
    category = _CATEGORIES[numbers % len(_CATEGORIES)]
    part = (numbers // len(_CATEGORIES)) % 5
    return pa.RecordBatch.from_pydict(
        {
            "product_id": _products(numbers),
            "category": pa.array(category.tolist()),
            "subcategory": pa.array(
                [f"{a} {b}" for a, b in zip(category.tolist(), part.tolist(), strict=True)]
            ),
            "product_type": pa.nulls(len(numbers), pa.string()),
            "average_rating": pa.array(1 + (numbers * 7919 % 401) / 100),
            "rating_count": pa.array(numbers * 104_729 % 5_003),
        }
        | {name: _words(numbers, place) for place, name in enumerate(FURTHER)}
    )


def _words(numbers: Numbers, place: int) -> pa.Array:
    """A text for each product: of every other column one of its own, else one of two hundred."""
    words = (numbers * 7919 + place) % (200 if place % 2 else 1_000_003)
    return pa.array([f"value {place} {word}" for word in words.tolist()])


def _seen(shot: npt.NDArray[np.int64], rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """(N, 33, 5) of the figures in these shots."""
    count = len(shot)
    yaw, top, bottom = _SHOTS[shot].T + rng.normal(0, 1, (3, count)) * _SPREAD
    points = figure() + rng.normal(0, 0.015, (count, len(BLAZEPOSE33), 3))
    turn = np.deg2rad(yaw)[:, None]
    height = (bottom - top)[:, None]
    found = np.empty((count, len(BLAZEPOSE33), 5), np.float32)
    across = points[..., 0] * np.cos(turn) + points[..., 2] * np.sin(turn)
    found[..., 0] = 0.5 + rng.normal(0, 0.04, (count, 1)) + across / height
    found[..., 1] = (points[..., 1] - top[:, None]) / height
    found[..., 2] = (points[..., 2] * np.cos(turn) - points[..., 0] * np.sin(turn)) / height
    inside = (found[..., 1] > 0) & (found[..., 1] < 1)
    noise = rng.uniform(0, 0.02, (2, *inside.shape))
    found[..., 3] = np.where(inside, 0.98, 0.02) + noise[0]
    found[..., 4] = np.where(inside, 0.97, 0.05) + noise[1]
    return found


def _hashes(numbers: Numbers) -> pa.Array:
    return pa.array([hashlib.sha256(b"%d" % value).hexdigest() for value in numbers.tolist()])


def _products(numbers: Numbers) -> pa.Array:
    return pa.array([f"P{value:08}" for value in numbers.tolist()])


def _lists(values: npt.NDArray[np.floating], there: npt.NDArray[np.bool_]) -> pa.Array:
    """A list of float32 for each row, null where it is not `there`."""
    width = values.shape[1]
    offsets = pa.array(np.concatenate([[0], np.cumsum(there * width)]).astype(np.int32))
    kept = pa.array(values[there].astype(np.float32).ravel())
    return pa.ListArray.from_arrays(offsets, kept, mask=pa.array(~there))
