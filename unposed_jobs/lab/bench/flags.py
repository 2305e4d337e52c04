"""The second half of the gate: does the other estimator change what the audit says?

A model is learned from MediaPipe's landmarks of a rendered catalogue; the products are then
audited with either estimator's landmarks of the same pictures.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from unposed_jobs.audit import inference
from unposed_jobs.audit.expectations import Expectations
from unposed_jobs.audit.pictures import PICTURE
from unposed_jobs.config import AuditSettings, PoseSettings, TrainingSettings
from unposed_jobs.pose import extraction
from unposed_jobs.pose.estimator import PoseEstimator
from unposed_jobs.pose.rows import LandmarkRow
from unposed_jobs.reference.bundle import Bundle
from unposed_jobs.reference.training import train_reference
from unposed_jobs.warehouse import tables

LEAST_SHARE = 0.999

_DAY = date(2026, 1, 5)
_PARTS = 32
_LANDMARKS = pa.schema(
    [
        pa.field(field.name, field.type)
        for field in tables.LANDMARKS.schema
        if field.name not in ("bucket", "run_id")
    ]
)


@dataclass(frozen=True)
class FlagParity:
    """Flags (a product, a pose) whose state is the same on both sides, and the missing ones."""

    products: int
    flags: int
    same: int
    missing_either: int
    """Flags that one side or both call missing."""
    missing_both: int

    @property
    def share(self) -> float:
        """Share of flags of the same state."""
        return self.same / self.flags if self.flags else 1.0

    @property
    def passed(self) -> bool:
        """Whether speed may be claimed."""
        return self.share >= LEAST_SHARE

    def __str__(self) -> str:
        return (
            f"{self.same} of {self.flags} flags ({100 * self.share:.2f} %) of {self.products} "
            f"products have the same state; {self.missing_both} of {self.missing_either} missing "
            "poses are flagged by both"
        )


def measure(
    catalogue: Path,
    pose: PoseSettings,
    reference: PoseEstimator,
    candidate: PoseEstimator,
    training: TrainingSettings | None = None,
) -> FlagParity:
    """Compare the flags of a rendered catalogue. The model is learned from `reference`'s."""
    products, listed, contents = _read(catalogue)
    sides = [_landmarks(contents, estimator, pose) for estimator in (reference, candidate)]
    bundle = train_reference(
        _joined(products, listed, sides[0]),
        training or TrainingSettings(),
        run_date=_DAY,
        estimator_id=reference.estimator_id,
    )
    theirs, ours = (_flags(products, listed, side, bundle) for side in sides)
    return _compare(theirs, ours, len(products))


def _read(catalogue: Path) -> tuple[list[dict[str, Any]], list[dict[str, Any]], list[bytes]]:
    """Products, the listed pictures that can be read as files, and the bytes of those."""
    with (catalogue / "products.csv").open() as source:
        products = {row["product_id"]: row for row in csv.DictReader(source) if row["category"]}
    with (catalogue / "images.csv").open() as source:
        rows = [row for row in csv.DictReader(source) if row["product_id"] in products]
    listed = [row for row in rows if row["image_uri"] and _file(catalogue, row).is_file()]
    unique = {(row["product_id"], row["image_uri"]): row for row in listed}
    listed = [row | {"number": number} for number, row in enumerate(unique.values())]
    contents = [_file(catalogue, row).read_bytes() for row in listed]
    used = {row["product_id"] for row in listed}
    return [row for name, row in products.items() if name in used], listed, contents


def _file(catalogue: Path, row: dict[str, Any]) -> Path:
    return catalogue / row["image_uri"]


def _landmarks(contents: Sequence[bytes], estimator: PoseEstimator, pose: PoseSettings) -> pa.Table:
    """One row of `landmarks` for each picture, in order."""
    rows: list[LandmarkRow] = []
    for start in range(0, len(contents), _PARTS):
        rows += extraction.extract_batch(contents[start : start + _PARTS], estimator, pose)
    return pa.Table.from_pylist([row.columns() for row in rows], schema=_LANDMARKS)


def _joined(
    products: list[dict[str, Any]], listed: list[dict[str, Any]], landmarks: pa.Table
) -> pa.Table:
    """What `train_reference` takes; popularity is the count of ratings."""
    by_id = {row["product_id"]: row for row in products}
    owners = [by_id[row["product_id"]] for row in listed]
    columns: dict[str, list[Any]] = {
        name: [row[name] for row in owners]
        for name in ("product_id", "category", "subcategory", "product_type")
    }
    columns["image_uri"] = [row["image_uri"] for row in listed]
    columns["popularity"] = [float(row["rating_count"] or 0) for row in owners]
    for name, values in columns.items():
        landmarks = landmarks.append_column(name, pa.array(values))
    return landmarks


def _flags(
    products: list[dict[str, Any]],
    listed: list[dict[str, Any]],
    landmarks: pa.Table,
    bundle: Bundle,
) -> list[str]:
    """The state of every pose of every product, in order."""
    assigned = bundle.assign(landmarks).to_pylist()
    seen = landmarks.select(["status", "person_count"]).to_pylist()
    pictures: dict[str, list[dict[str, Any]]] = {row["product_id"]: [] for row in products}
    for row, found, named in zip(listed, seen, assigned, strict=True):
        pictures[row["product_id"]].append(
            {
                "image_uri": row["image_uri"],
                "position": int(row["position"]) if row.get("position") else 0,
                "image_status": "ok",
                "landmark_status": found["status"],
                "person_count": found["person_count"],
            }
            | {name: named[name] for name in named if name != "distance"}
        )
    names = ("product_id", "category", "subcategory", "product_type")
    batch = pa.RecordBatch.from_pydict(
        {name: pa.array([row[name] or None for row in products], pa.string()) for name in names}
        | {"pictures": pa.array(list(pictures.values()), pa.list_(PICTURE))}
    )
    run = inference.AuditRun(_DAY, "bench", bundle.model_version)
    audited = inference.audit_products(
        batch, Expectations.from_bundle(bundle), AuditSettings(), run
    )
    return [str(state) for state in audited.pose_flags["state"].to_pylist()]


def _compare(reference: list[str], candidate: list[str], products: int) -> FlagParity:
    theirs, ours = np.array(reference), np.array(candidate)
    missing = (theirs == "missing").astype(int) + (ours == "missing")
    return FlagParity(
        products=products,
        flags=len(theirs),
        same=int((theirs == ours).sum()),
        missing_either=int((missing > 0).sum()),
        missing_both=int((missing == 2).sum()),
    )
