"""What each cohort's reference products show: shares, scores and example pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from unposed_jobs.ranking.frequency import cohorts_of
from unposed_jobs.ranking.order import PoseOrder
from unposed_jobs.reference.describing import PoseClass

Floats = npt.NDArray[np.float64]

MIN_CONFIDENCE = 0.5
"""Below it a reference picture does not count as showing its pose, as in the audit."""


@dataclass(frozen=True)
class ReferenceProducts:
    """N reference products against P poses, the most popular product first.

    `shows` (N, P) bool; `best` (N, P) address of the product's surest picture of a pose, None
    where it has none; `popularity` (N,) in [0, 1]; `pose_ids` (P,); `recognised` (N,) the share
    of a product's pictures that surely show some pose, in [0, 1].
    """

    products: list[str]
    attributes: dict[str, list[str | None]]
    popularity: Floats
    pose_ids: npt.NDArray[np.int32]
    shows: npt.NDArray[np.bool_]
    best: npt.NDArray[np.object_]
    recognised: Floats


def gather(
    pictures: pa.Table, attributes: Sequence[str], classes: Sequence[PoseClass]
) -> ReferenceProducts:
    """From pictures to products. `attributes` are the columns to keep of each product."""
    ids = pictures["product_id"].cast(pa.string()).to_numpy(zero_copy_only=False).astype(str)
    products, first, row_of = np.unique(ids, return_index=True, return_inverse=True)
    popularity = _unit(np.asarray(pictures["popularity"].cast(pa.float64()).to_numpy())[first])
    order = np.argsort(-popularity, kind="stable")
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    uris = pictures["image_uri"].to_numpy(zero_copy_only=False)
    classes = sorted(classes, key=lambda item: item.pose_id)
    shows = np.zeros((len(products), len(classes)), dtype=bool)
    best = np.full(shows.shape, None, dtype=object)
    recognised = np.zeros(len(ids), dtype=bool)
    for column, item in enumerate(classes):
        sure = item.confidence >= MIN_CONFIDENCE
        rows = item.rows[sure][np.argsort(item.confidence[sure], kind="stable")]
        product = place[row_of[rows]]
        shows[product, column] = True
        best[product, column] = uris[rows]  # The surest comes last and stays.
        recognised[rows] = True
    return ReferenceProducts(
        products[order].tolist(),
        {
            name: pictures[name].take(pa.array(first[order])).cast(pa.string()).to_pylist()
            for name in attributes
        },
        popularity[order],
        np.array([item.pose_id for item in classes], dtype=np.int32),
        shows,
        best,
        (np.bincount(row_of, recognised) / np.bincount(row_of))[order],
    )


def table(
    reference: ReferenceProducts, order: PoseOrder, attributes: Sequence[str], examples: int
) -> pa.Table:
    """One row for each cohort, coarser ones included, and pose: what the audit expects of it.

    Columns: `attributes` (null at the end for a coarser cohort, all null for the whole
    reference), pose_id, products, share, score, and example_images of the cohort's most popular
    products. A cohort's score is the mean of its products' scores, by the order that is used.
    """
    scores = order.score(reference.attributes, tuple(attributes))
    cohorts = cohorts_of(reference.attributes, attributes, len(reference.products))
    rows: list[dict[str, Any]] = []
    for key in order.frequency.rows:
        members = [row for row, cohort in enumerate(cohorts) if cohort[: len(key)] == key]
        values = dict(zip(attributes, (*key, *[None] * len(attributes)), strict=False))
        share = order.frequency.share[order.frequency.rows[key]]
        score = scores[members].mean(axis=0) if members else share
        for column, pose_id in enumerate(reference.pose_ids.tolist()):
            best = [reference.best[row, column] for row in members]
            rows.append(
                values
                | {
                    "pose_id": pose_id,
                    "products": len(members),
                    "share": float(share[column]),
                    "score": float(score[column]),
                    "example_images": [uri for uri in best if uri is not None][:examples],
                }
            )
    schema = pa.schema(
        [
            *(pa.field(name, pa.string()) for name in attributes),
            pa.field("pose_id", pa.int32()),
            pa.field("products", pa.int64()),
            pa.field("share", pa.float64()),
            pa.field("score", pa.float64()),
            pa.field("example_images", pa.list_(pa.string())),
        ]
    )
    return pa.Table.from_pylist(rows, schema=schema)


def _unit(popularity: Floats) -> Floats:
    """In [0, 1]: as it is, or, of a column with another range, by its rank among the products."""
    values = np.nan_to_num(popularity)
    if not len(values) or (values.min() >= 0 and values.max() <= 1):
        return values
    levels, place = np.unique(values, return_inverse=True)
    return (place + 1) / len(levels)
