"""The landmarks that the warehouse holds of the judged pictures."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from unposed_jobs.embedding.topology import BLAZEPOSE_33, COCO_17
from unposed_jobs.reference import registry
from unposed_jobs.warehouse import Warehouse

Floats = npt.NDArray[np.float32]
_COLUMNS = (
    "content_sha256", "status", "width", "height", "person_count", "pose_score",
    "person_confidence", "person_probability", "landmarks", "perceptual_hash", "statistics",
)  # fmt: skip


def read(warehouse: Warehouse, model_version: str) -> pd.DataFrame:
    """One row for each content that the model's estimator looked at; no row where it is unknown.

    Columns as in the table `landmarks`; the lists as they are, None where there is nobody.
    """
    used = [item for item in registry.models(warehouse) if item.model_version == model_version]
    if not used:
        return pd.DataFrame(columns=list(_COLUMNS))
    found = warehouse.read("landmarks", list(_COLUMNS), {"estimator_id": used[0].estimator_id})
    # By rows: pandas would make arrays of the lists, which Arrow then takes for another type.
    rows: list[dict[str, Any]] = found.to_pylist()
    return pd.DataFrame(rows, columns=list(_COLUMNS)).drop_duplicates("content_sha256")


def points(found: pd.Series) -> Floats:
    """The column `landmarks` as (N, 33, 5) or (N, 17, 3), nan where nobody was found.

    Without a single person the 33-point form is taken.
    """
    lengths = {len(values) for values in found if isinstance(values, list)}
    topology = COCO_17 if lengths == {COCO_17.flat_length} else BLAZEPOSE_33
    shape = (len(topology.points), topology.values)
    places = np.full((len(found), *shape), np.nan, dtype=np.float32)
    for row, values in enumerate(found):
        if isinstance(values, list):
            places[row] = np.asarray(values, dtype=np.float32).reshape(shape)
    return places


def reference_table(listed: pd.DataFrame, products: pd.DataFrame) -> pa.Table:
    """The pictures as `train_reference` takes them.

    `listed` has the columns of `read` and image_uri, product_id; `products` product_id and
    further columns that each picture gets of its product. Pictures that could not be read are
    left out.
    """
    kept = listed.loc[listed["status"].notna(), ["image_uri", "product_id", "label", *_COLUMNS]]
    return table(kept.merge(products, on="product_id"))


def table(rows: pd.DataFrame) -> pa.Table:
    """Rows of the table `landmarks`, or of `pose.rows.LandmarkRow`, as Arrow."""
    numbers = pa.list_(pa.float32())
    types = {"landmarks": numbers, "statistics": numbers}
    types |= dict.fromkeys(("width", "height", "person_count"), pa.int32())
    types |= dict.fromkeys(("person_confidence", "person_probability"), pa.float64())
    return pa.table(
        {
            # A list is never missing: pandas would ask each of its values.
            name: pa.array(
                [v if isinstance(v, list) or not pd.isna(v) else None for v in rows[name]],
                types.get(name),
            )
            for name in rows
        }
    )
