"""Train and audit the In-shop products: what a week and a night would publish of them.

Algorithm 1 on the reference products (`train_reference`), the model's names for the other
products' pictures (`Bundle.assign`), Algorithm 2 on those (`audit_products`), all from rows that
are read as a night reads a table of landmarks. What the jobs add, Spark and the warehouse, decides
nothing; a test holds the rows that they publish to the ones of here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from unposed_jobs.audit.expectations import Expectations
from unposed_jobs.audit.inference import AuditRun, audit_products
from unposed_jobs.audit.products import products_batch
from unposed_jobs.catalogue import landmark_layout
from unposed_jobs.catalogue import landmarks as landmark_rows
from unposed_jobs.config import AuditSettings, CatalogueSettings, TrainingSettings
from unposed_jobs.errors import UnposedError
from unposed_jobs.lab.evaluation.stability import JUDGED_DAY
from unposed_jobs.pose.second_look import keeping
from unposed_jobs.reference.training import train_reference

Bool = npt.NDArray[np.bool_]
FILES = {17: "keypoints17.parquet", 33: "product33.parquet"}
ADDITIONAL = "additional"
"""People's label of what is no view. Products with such a picture are left out: what it shows may
be the view that is asked for."""
ASSORTMENT = "assortment"
"""A column that is the same for all products: one cohort."""
SIZE = 256
"""Pixels, of every picture of the 33-point table."""


def kept_reading(table: pa.Table) -> pa.Table:
    """landmarks, pose_score, person_probability, person_confidence of each row of the 33-point
    table: the reading that the product keeps of the two that it made.
    """
    detector, second = (_points(table[name]) for name in ("detector", "second_look"))
    sure = table["person_confidence"].cast(pa.float64()).to_numpy()
    reading = keeping.kept(detector, second, sure)
    flat = [None if np.isnan(one).all() else one.reshape(-1) for one in reading.landmarks]
    return pa.table(
        {
            "landmarks": pa.array(flat, pa.list_(pa.float32())),
            "pose_score": table["detector_score"],
            "person_probability": table["person_probability"],
            "person_confidence": pa.array(reading.confidence, from_pandas=True),
        }
    )


def _points(column: pa.ChunkedArray) -> npt.NDArray[np.float32]:
    """(N, 33, 5), NaN where a row has none."""
    points = np.full((len(column), 33, 5), np.nan, dtype=np.float32)
    for row, values in enumerate(column.to_pylist()):
        if values is not None:
            points[row] = np.asarray(values, dtype=np.float32).reshape(33, 5)
    return points


def read(folder: str | Path, points: int) -> pa.Table:
    """The pictures with label, as `train_reference` takes them, of products that can be judged.

    Left out are pictures of which the 17-point table says nothing (no key point, and no flat
    picture), then products with a picture labelled "additional". Raises UnposedError where the
    table is absent or not as described.
    """
    path = Path(folder) / FILES[points]
    if not path.is_file():
        raise UnposedError(f"no In-shop table {path}; name the folder above it with --data")
    table = pq.read_table(path)
    absent = sorted({"image", "product_id", "category", "pose_label"} - set(table.column_names))
    if absent:
        raise UnposedError(f"{path} has no column {absent[0]}")
    read = kept_reading(table) if points == 33 else table
    found = _landmarks(read.append_column("image_uri", table["image"].cast(pa.string())), points)
    label = strings(table["pose_label"])
    product = strings(table["product_id"])
    seen = strings(found["status"]) == "ok"
    kept = seen | (label == "flat") | (points == 33)
    kept &= ~np.isin(product, product[kept & (label == ADDITIONAL)])
    columns = {
        "product_id": pa.array(product),
        "category": table["category"].cast(pa.string()),
        "subcategory": pa.nulls(len(label), pa.string()),
        ASSORTMENT: pa.array(["clothing"] * len(label)),
        "label": pa.array(label),
        "popularity": pa.array(np.zeros(len(label))),
        **{name: found[name] for name in found.column_names},
    }
    return pa.table(columns).filter(pa.array(kept))


def _landmarks(table: pa.Table, points: int) -> pa.Table:
    """The table's rows as those of a landmark table are read by a night, and in its order."""
    settings = CatalogueSettings(image_root="/")
    batch = table.combine_chunks().to_batches()[0]
    length = None
    if points == 33:
        length = landmark_rows.list_length(batch, "landmarks", "the In-shop table")
    layout = landmark_layout.layout(batch.schema.names, settings, "the In-shop table", length)
    if layout is None or layout.points != points:
        raise UnposedError(f"the In-shop table does not hold {points} points")
    accepted, rejects = landmark_rows.landmarks(batch, layout, settings, "the In-shop table")
    if rejects.num_rows:
        raise UnposedError(f"the In-shop table has a bad row: {rejects['reason'][0]}")
    rows = pa.Table.from_batches([accepted]).select(
        ["image_uri", "content_sha256", "status", "person_count", "pose_score", "landmarks"]
    )
    for name in ("person_probability", "person_confidence"):
        if name in table.column_names:
            rows = rows.append_column(name, table[name])
    if points == 33:
        for name in ("width", "height"):
            rows = rows.append_column(name, pa.array([SIZE] * rows.num_rows, pa.int32()))
    return rows


@dataclass(frozen=True)
class Audited:
    """One split: the judged products' rows of the day tables, and the reference pictures with the
    class that the model gives each (`pose`, -1 for none).
    """

    flags: pa.Table
    products: pa.Table
    reference: pa.Table
    pose: npt.NDArray[np.int64]


def audit_split(
    pictures: pa.Table,
    judged: Bool,
    attributes: Sequence[str],
    training: TrainingSettings,
    audit: AuditSettings,
) -> Audited:
    """Train on the products outside `judged` (N,), audit those inside."""
    reference = pictures.filter(pa.array(~judged))
    ids = strings(reference["product_id"])
    names, counts = np.unique(ids, return_counts=True)
    enough = names[counts >= training.min_pictures]
    reference = reference.filter(pa.array(np.isin(ids, enough)))
    model = train_reference(
        reference.drop_columns(["label"]),
        training,
        run_date=JUDGED_DAY,
        estimator_id="inshop",
        attributes=attributes,
    )
    own = pictures.filter(pa.array(judged)).drop_columns(["label"])
    batch = products_batch(own, model.assign(own), model.attributes)
    run = AuditRun(JUDGED_DAY, "judged", model.model_version)
    day = audit_products(batch, Expectations.from_bundle(model), audit, run)
    pose = model.assign(reference)["pose_id"].fill_null(-1).to_numpy().astype(np.int64)
    return Audited(day.pose_flags, day.product_audit, reference, pose)


def strings(column: pa.ChunkedArray) -> npt.NDArray[np.str_]:
    """A column without nulls as (N,) of str."""
    return column.to_numpy(zero_copy_only=False).astype(str)
