"""The reference set by Spark: the top-K popular products (paper sections 3.1 and 4.1).

Popularity is `ranking.popularity`, batch by batch on the executors; only the catalogue's prior
(four numbers) and the K chosen products ever reach the driver.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import pyarrow as pa
from pyspark.sql import functions as F
from pyspark.sql.types import DoubleType, StructField, StructType

from unposed_jobs.ranking import popularity
from unposed_jobs.reference import selection

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from unposed_jobs.config import Settings
    from unposed_jobs.distributed.ingest import Catalogue


def reference_products(catalogue: Catalogue, settings: Settings) -> DataFrame:
    """The K most popular products with enough pictures: their columns, `popularity` and
    `listed` (pictures on the day). Ties are broken by product_id.

    Raises UnposedError where too few products have enough pictures.
    """
    training = settings.training
    listed = catalogue.images.groupBy("product_id").agg(F.count(F.lit(1)).alias("listed"))
    qualified = catalogue.products.join(
        listed.where(F.col("listed") >= training.min_pictures), "product_id"
    )
    chosen = (
        with_popularity(catalogue, qualified, settings)
        .orderBy(F.desc("popularity"), "product_id")
        .limit(training.top_k)
        .persist()
    )
    enough = chosen.limit(selection.MIN_PRODUCTS).count()
    if enough < selection.MIN_PRODUCTS:
        products = catalogue.products.count()
        wanted = max(selection.MIN_PRODUCTS, products // 10)
        best = listed.orderBy(F.desc("listed")).limit(wanted).agg(F.min("listed"), F.count("*"))
        least, found = best.collect()[0]
        reachable = least if found == wanted else 0
        selection.require_enough(enough, products, reachable, training)
    return chosen


def with_popularity(catalogue: Catalogue, products: DataFrame, settings: Settings) -> DataFrame:
    """Add `popularity` to some of the catalogue's products, held against all of it."""
    training = settings.training
    if training.popularity != popularity.WEIGHTED_RATING:
        return _scored(products, settings, None)
    rated = catalogue.products.where("average_rating is not null and rating_count > 0")
    row = rated.agg(
        F.sum(F.col("average_rating") * F.col("rating_count")) / F.sum("rating_count"),
        F.median("rating_count"),
        F.max("rating_count"),
        F.max("average_rating"),
    ).head()
    prior = None
    if row is not None and row[0] is not None:
        prior = popularity.Prior(
            mean=row[0],
            reviews=max(1.0, row[1]),
            most_reviews=float(row[2]),
            best=max(popularity.BEST_RATING, row[3]),
        )
    return _scored(products, settings, prior)


def _scored(products: DataFrame, settings: Settings, prior: popularity.Prior | None) -> DataFrame:
    training = settings.training

    def score(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            rows = pa.Table.from_batches([batch])
            values = pa.array(popularity.score(rows, training, prior), pa.float64())
            yield from rows.append_column("popularity", values).to_batches()

    schema = StructType([*products.schema.fields, StructField("popularity", DoubleType())])
    return products.mapInArrow(score, schema)
