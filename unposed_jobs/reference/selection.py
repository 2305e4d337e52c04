"""The reference set: the top-K popular products with enough pictures (paper sections 3.1, 4.1)."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from unposed_jobs.config import TrainingSettings
from unposed_jobs.errors import UnposedError
from unposed_jobs.ranking import popularity

MIN_PRODUCTS = 3
"""A reference of fewer products would be a copy of one of them, not what its cohort shows."""


def select(products: pa.Table, picture_counts: pa.Table, settings: TrainingSettings) -> pa.Table:
    """Choose the reference products, the most popular first.

    `products` has product_id and what `[training] popularity` needs; `picture_counts` has
    product_id and pictures (int), and may leave out products without any. Returns the chosen
    rows of `products` with two columns more, pictures and popularity. Ties are broken by
    product_id, so the same catalogue gives the same reference.

    Raises UnposedError where fewer than `MIN_PRODUCTS` products have `min_pictures` pictures,
    with the settings to change.
    """
    found = pc.index_in(
        products["product_id"].cast(pa.string()),
        value_set=picture_counts["product_id"].cast(pa.string()).combine_chunks(),
    )
    pictures = picture_counts["pictures"].cast(pa.int64()).take(found).fill_null(0)
    score = popularity.score(products, settings)
    products = _with(products, "pictures", pictures)
    products = _with(products, "popularity", pa.array(score))
    enough = products.filter(pc.greater_equal(products["pictures"], settings.min_pictures))
    if enough.num_rows < MIN_PRODUCTS:
        raise UnposedError(_too_few(pictures, enough.num_rows, settings))
    ordered = enough.sort_by([("popularity", "descending"), ("product_id", "ascending")])
    if settings.top_k < MIN_PRODUCTS:
        raise UnposedError(
            f"[training] top_k = {settings.top_k} is too few; set it to {MIN_PRODUCTS} or more"
        )
    return ordered.slice(0, settings.top_k)


def _with(table: pa.Table, name: str, column: pa.Array | pa.ChunkedArray) -> pa.Table:
    if name in table.column_names:
        return table.set_column(table.column_names.index(name), name, column)
    return table.append_column(name, column)


def _too_few(pictures: pa.ChunkedArray, enough: int, settings: TrainingSettings) -> str:
    counts = -np.sort(-np.asarray(pictures.to_numpy()))
    told = (
        f"only {enough} of {len(counts)} products have the {settings.min_pictures} pictures of a "
        f"reference product, and {MIN_PRODUCTS} are needed"
    )
    if len(counts) >= MIN_PRODUCTS and counts[MIN_PRODUCTS - 1] > 0:
        # The setting at which a tenth of the catalogue, or at least the few needed, would serve.
        wanted = max(MIN_PRODUCTS, len(counts) // 10)
        remedy = int(counts[min(wanted, int(np.count_nonzero(counts))) - 1])
        return f"{told}; set [training] min_pictures = {remedy} or lower (--min-pictures {remedy})"
    return f"{told}; the catalogue lists too few products with pictures to learn from"
