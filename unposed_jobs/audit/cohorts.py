"""Which cohort's expectations hold for each product of a batch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from unposed_jobs.audit.expectations import Expectations
from unposed_jobs.audit.profile import Profile
from unposed_jobs.errors import UnposedError


@dataclass(frozen=True)
class ProductCohorts:
    """The expectations of n products over A asks and P classes."""

    row: npt.NDArray[np.int64]
    """(n,) row of the expectations; -1 where the reference knows no cohort at all."""
    level: npt.NDArray[np.int64]
    """(n,) how many levels were backed off; 0 is the product's own cohort."""
    share: npt.NDArray[np.float64]
    """(n, A) of the cohort's reference products that show the ask; NaN for row -1."""
    score: npt.NDArray[np.float64]
    """(n, A) the ranking's score, NaN where there is none."""
    excluded: npt.NDArray[np.bool_]
    """(n, A) by the profile the ask does not apply, or it may not be asked for at all."""
    usual: npt.NDArray[np.int64]
    """(n, A) place of the class by which the cohort usually shows the ask."""
    fills: npt.NDArray[np.bool_]
    """(C + 1, A, P) by row: whether a picture of the class fills the ask; the last for row -1."""


def find_cohorts(
    batch: pa.RecordBatch, expectations: Expectations, profile: Profile
) -> ProductCohorts:
    """Look the cohort of each product up, once for each combination of attributes.

    Raises UnposedError for a cohort attribute that the batch does not have.
    """
    names = list(dict.fromkeys((*expectations.attributes, "category", "subcategory")))
    encoded = [pc.dictionary_encode(_attribute(batch, name)) for name in names]
    codes = np.stack([column.indices.fill_null(-1).to_numpy() for column in encoded], axis=1)
    combinations, index = np.unique(codes, axis=0, return_inverse=True)
    index = index.reshape(-1)
    row = np.full(len(combinations), -1, dtype=np.int64)
    level = np.zeros(len(combinations), dtype=np.int64)
    excluded = np.zeros((len(combinations), len(expectations.ask_ids)), dtype=bool)
    for place, combination in enumerate(combinations):
        value = {
            name: column.dictionary[int(code)].as_py() if code >= 0 else None
            for name, column, code in zip(names, encoded, combination, strict=True)
        }
        row[place], level[place] = expectations.find(
            [value[name] for name in expectations.attributes]
        )
        excluded[place] = ~expectations.asked | profile.excludes(
            value["category"], value["subcategory"], expectations
        )
    unknown = np.full((1, len(expectations.ask_ids)), np.nan)
    own = np.stack([np.isin(expectations.pose_ids, ids) for ids in expectations.members])[None]
    return ProductCohorts(
        row=row[index],
        level=level[index],
        share=np.concatenate([expectations.share, unknown])[row[index]],
        score=np.concatenate([expectations.score, unknown])[row[index]],
        excluded=excluded[index],
        usual=np.concatenate([expectations.usual, own.argmax(axis=2)])[row[index]],
        fills=np.concatenate([expectations.fills, own]),
    )


def _attribute(batch: pa.RecordBatch, name: str) -> pa.Array:
    """A column of its own, or an entry of the map `attributes`, as text."""
    if name in batch.schema.names:
        return batch.column(name).cast(pa.string())
    if "attributes" in batch.schema.names:
        entries = batch.column("attributes")
        keys = pc.unique(entries.keys).to_pylist()
        if name in keys or not keys:
            return pc.map_lookup(entries, pa.scalar(name), "first")
    raise UnposedError(
        f"the catalogue has no column {name}, by which the model defines cohorts; "
        "name it in [catalogue] cohort_attributes, or train again with other ones"
    )
