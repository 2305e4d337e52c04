"""The day's `product_colours` and `ready_for`: each product with its pictures' facts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from pyspark.sql import functions as F

from unposed_jobs.distributed import frames
from unposed_jobs.pictures import products as judged
from unposed_jobs.pictures import standards
from unposed_jobs.warehouse.picture_tables import OF_DAYS, PICTURE_FACTS

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from unposed_jobs.config import FactsSettings
    from unposed_jobs.distributed.facts import Asked
    from unposed_jobs.jobs.context import Context

PRODUCTS_A_BATCH = 512
_NOT_NEEDED = ("facts_version", "bucket", "run_id", "mask")


def check(settings: FactsSettings) -> None:
    """Raise UnposedError for a marketplace that is not known, before anything is done."""
    for name in settings.marketplaces if settings.nightly else ():
        standards.market(name)


def with_facts(job: Context, products: DataFrame, pictures: DataFrame, wanted: Asked) -> DataFrame:
    """Each product of the day with `shown`, as `pictures.products.tables` takes them."""
    facts = frames.read_table(
        job.spark, job.warehouse, "picture_facts", {"facts_version": wanted.version}
    ).where(F.col("facts_version") == wanted.version)
    names = [item.name for item in PICTURE_FACTS.schema if item.name not in _NOT_NEEDED]
    shown = (
        pictures.select("product_id", "image_uri", "position", "content_sha256")
        .join(facts.select(*names), "content_sha256", "left")
        .groupBy("product_id")
        .agg(F.sort_array(F.collect_list(F.struct("position", "image_uri", *names))).alias("shown"))
    )
    return products.select("product_id", *judged.COHORT).join(shown, "product_id", "left")


def stage(job: Context, products: DataFrame, run_id: str) -> dict[str, list[Any]]:
    """Judge the products of `with_facts` on the executors; the staged files by table."""
    settings, warehouse = job.settings.facts, job.warehouse
    wanted = judged.Wanted(job.run.run_date, run_id, settings.marketplaces, settings.colours_apart)
    stagers = [warehouse.stage(table.name, run_id) for table in OF_DAYS]

    def judge(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        found: dict[str, list[pa.Table]] = {stager.table: [] for stager in stagers}
        for batch in batches:
            for start in range(0, batch.num_rows, PRODUCTS_A_BATCH):
                made = judged.tables(batch.slice(start, PRODUCTS_A_BATCH), wanted)
                for name, rows in made.items():
                    found[name].append(rows)
        for stager in stagers:
            if rows := [one for one in found[stager.table] if one.num_rows]:
                yield frames.staged_batch(stager.table, stager.write(pa.concat_tables(rows)))

    ordered = products.repartition("product_id").sortWithinPartitions("product_id")
    staged = frames.collect_staged(ordered.mapInArrow(judge, frames.STAGED))
    return {table.name: staged[table.name] for table in OF_DAYS}


def expected(job: Context, products: int) -> dict[str, int]:
    """How many rows so many products must give, by table."""
    markets = len(job.settings.facts.marketplaces)
    return {"product_colours": products, "ready_for": products * markets}
