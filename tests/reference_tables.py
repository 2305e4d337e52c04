"""Training tables of stick figures, and models learned from them."""

from __future__ import annotations

import dataclasses
import datetime
import hashlib

import numpy as np
import pyarrow as pa
from landmark_figures import Pose, coco, figures

from unposed_jobs.config import TrainingSettings
from unposed_jobs.pose import statistics
from unposed_jobs.reference.bundle import Bundle
from unposed_jobs.reference.training import train_reference

SHOTS = {
    "Tops": [Pose("front", "upper"), Pose("back", "upper"), Pose("left", "upper"), Pose()],
    "Trousers": [Pose(), Pose("back"), Pose("front", "legs"), Pose("right")],
}
OTHERS = {"detail": 0.03, "size chart": 0.8}
SETTINGS = TrainingSettings(epochs=40, cluster_range=(6, 9))
BARE = dataclasses.replace(SETTINGS, embedding="features")
DAY = datetime.date(2026, 1, 5)


def reference(products: int = 24, seed: int = 0, points: int = 33, people: bool = True) -> pa.Table:
    """The training table of so many products, with the truth of each picture in `truth`."""
    rng = np.random.default_rng(seed)
    rows = []
    for number in range(products):
        category = list(SHOTS)[number % 2]
        shots: list = [*SHOTS[category], SHOTS[category][0]] if people else []
        for position, shot in enumerate([*shots, *OTHERS]):
            person = isinstance(shot, Pose)
            values = OTHERS.get(shot, 0.5) if not person else 0.5
            landmarks = None
            if person:
                found = figures([shot], seed=int(rng.integers(1 << 30)))
                found[..., 2] *= 2.4  # BlazePose tells more depth than there is.
                landmarks = (coco(found) if points == 17 else found).ravel().tolist()
            uri = f"/pictures/{seed}/{number:03}/{position}.jpg"
            rows.append(
                {
                    "product_id": f"P{seed}-{number:03}",
                    "category": category,
                    "subcategory": f"{category} {number % 3}",
                    "product_type": None,
                    "average_rating": 4.0,
                    "rating_count": 10,
                    "popularity": 0.3 + 0.5 * number / products,
                    "image_uri": uri,
                    "content_sha256": hashlib.sha256(uri.encode()).hexdigest(),
                    "status": "ok" if person else "no_person",
                    "landmarks": landmarks,
                    "pose_score": 0.99 if person else None,
                    "person_count": int(person),
                    "perceptual_hash": f"{int(rng.integers(1 << 62)):016x}",
                    "statistics": None
                    if person
                    else (values + rng.normal(0, 0.03, len(statistics.NAMES))).tolist(),
                    "truth": shot.label if person else shot,
                }
            )
    schema = pa.schema(
        {
            name: pa.string()
            for name in (
                *("product_id", "category", "subcategory", "product_type", "image_uri"),
                *("content_sha256", "status", "perceptual_hash", "truth"),
            )
        }
        | {name: pa.float64() for name in ("average_rating", "popularity")}
        | {"rating_count": pa.int64(), "person_count": pa.int32(), "pose_score": pa.float32()}
        | {name: pa.list_(pa.float32()) for name in ("landmarks", "statistics")}
    )
    return pa.Table.from_pylist(rows, schema=schema)


def train(pictures: pa.Table, settings: TrainingSettings = SETTINGS, **more) -> Bundle:
    given = {"run_date": DAY, "estimator_id": "figures", **more}
    return train_reference(pictures, settings, **given)
