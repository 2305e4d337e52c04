"""Products with their named pictures, for an audit without Spark."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from unposed_jobs.audit.pictures import PICTURE

_NAMED = ("pose_id", "confidence", "near_pose_ids", "kind", "perceptual_hash")
_PLAIN = ("category", "subcategory", "product_type")


def products_batch(
    pictures: pa.Table, assigned: pa.Table, attributes: Sequence[str]
) -> pa.RecordBatch:
    """What `inference.audit_products` takes, from N pictures and a model's names for them.

    `pictures` has product_id, image_uri, content_sha256 and status (of `landmarks`); used where
    they are there: the cohort `attributes`, category, subcategory, product_type, position,
    person_count. `assigned` is ``Bundle.assign(pictures)``, in the same order. One row for each
    product, by ascending id. Pictures are shown in the order of their addresses where they have no
    position.
    """
    ids = pictures["product_id"].cast(pa.string()).to_numpy(zero_copy_only=False).astype(str)
    products, first, owner = np.unique(ids, return_index=True, return_inverse=True)
    columns = {
        "image_uri": pictures["image_uri"].to_pylist(),
        "position": _optional(pictures, "position"),
        "image_status": ["ok"] * pictures.num_rows,
        "landmark_status": pictures["status"].to_pylist(),
        "content_sha256": pictures["content_sha256"].to_pylist(),
        "person_count": _optional(pictures, "person_count"),
        **{name: assigned[name].to_pylist() for name in _NAMED},
    }
    shown: list[list[dict[str, Any]]] = [[] for _ in products]
    for row in np.argsort(np.array(columns["image_uri"], dtype=str), kind="stable").tolist():
        shown[owner[row]].append({name: values[row] for name, values in columns.items()})
    names = dict.fromkeys((*_PLAIN, *attributes))
    values = {name: [_optional(pictures, name)[row] for row in first] for name in names}
    return pa.RecordBatch.from_arrays(
        [
            pa.array(products.tolist(), pa.string()),
            *(pa.array(column, pa.string()) for column in values.values()),
            pa.array(shown, pa.list_(PICTURE)),
        ],
        names=["product_id", *values, "pictures"],
    )


def _optional(table: pa.Table, name: str) -> list[Any]:
    return table[name].to_pylist() if name in table.column_names else [None] * table.num_rows
