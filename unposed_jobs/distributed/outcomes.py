"""The published days as what `influence` takes: products of one day, and their histories.

Frames of executors alone. Each cohort is a sample of bounded size, always of the same products:
which are in it is decided by a hash of their ids, so that no task needs to see a whole category.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from unposed_jobs.distributed import frames
from unposed_jobs.influence import design, differences
from unposed_jobs.influence.estimates import ALL_PRODUCTS

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

    from unposed_jobs.config import InfluenceSettings
    from unposed_jobs.warehouse import RunRecord, Warehouse

COHORT = "cohort"
MOST_PERIODS = 53
SHARES = {
    "share of pictures with a person": "with_person",
    "share of pictures with a model": "model",
    "share of pictures worn without a face": "worn",
}
"""Terms of a product's pictures, each a share of them, and the column that has it. The first is of
the audit, the others of the facts (`picture_facts`), where there are some."""
_OWN = ("rating_count", "average_rating")
_HASHES = 1_000_000
_LABELS = ("category", "subcategory", "product_type")


@dataclass(frozen=True)
class Days:
    """The published days, the period that each is in, and where their rows are."""

    spark: SparkSession
    warehouse: Warehouse
    runs: tuple[RunRecord, ...]
    """Of the audits, by day."""
    period_days: int

    @property
    def latest(self) -> RunRecord:
        """The last day's."""
        return self.runs[-1]

    @property
    def periods(self) -> int:
        """How many there are, also those without a day."""
        return 1 + self._back(self.runs[0].run_date)

    @property
    def ends(self) -> tuple[RunRecord, ...]:
        """The last day of each period that has one."""
        found = {self.period(run.run_date): run for run in self.runs}
        return tuple(found[period] for period in sorted(found))

    def period(self, day: dt.date) -> int:
        """The number of the day's period; the first is 0, the latest day ends the last."""
        return self.periods - 1 - self._back(day)

    def _back(self, day: dt.date) -> int:
        return (self.latest.run_date - day).days // self.period_days

    def read(self, name: str, runs: Sequence[RunRecord]) -> DataFrame:
        """The published rows of a day table of those days, with their `period`."""
        keys = {"run_date": [r.run_date for r in runs], "run_id": [r.run_id for r in runs]}
        rows = frames.read_table(self.spark, self.warehouse, name, keys)
        known = [(run.run_date, run.run_id, self.period(run.run_date)) for run in runs]
        shown = self.spark.createDataFrame(known, "run_date date, run_id string, period int")
        return rows.join(F.broadcast(shown), ["run_date", "run_id"])


def days(
    spark: SparkSession,
    warehouse: Warehouse,
    published: Sequence[RunRecord],
    settings: InfluenceSettings,
) -> Days:
    """The published audits, by day, of the last `MOST_PERIODS` periods; there must be one."""
    first = published[-1].run_date - dt.timedelta(days=MOST_PERIODS * settings.period_days - 1)
    chosen = tuple(run for run in published if run.run_date >= first)
    return Days(spark, warehouse, chosen, settings.period_days)


def products(read: Days, settings: InfluenceSettings) -> DataFrame:
    """Rows of `design.PRODUCTS` of the latest day, with their `cohort`: category, and all."""
    audited = read.read("product_audit", [read.latest]).where("status <> 'unassessable'")
    chosen = _in_cohorts(audited, settings)
    shown = (
        read.read("pose_flags", [read.latest])
        .select("product_id", F.coalesce("ask_id", "pose_id").alias("ask_id"), "state")
        .groupBy("product_id")
        .agg(
            _asks_where("present").alias("present"),
            _asks_where("unknown").alias("unknown"),
        )
    )
    made = (
        chosen.where("usable > 0")
        .withColumn("with_person", F.col("with_person") / F.col("usable"))
        .join(shown, "product_id")
        .join(_classes(read), "product_id", "left")
        .select(
            COHORT,
            "product_id",
            _number(settings.outcome).alias("outcome"),
            "usable",
            "present",
            "unknown",
            F.create_map(
                *(part for name, column in SHARES.items() for part in (F.lit(name), F.col(column)))
            ).alias("shares"),
            *_held(settings),
        )
    )
    return made.select(COHORT, *design.PRODUCTS.names)


def histories(read: Days, settings: InfluenceSettings) -> DataFrame:
    """Rows of `differences.HISTORY`, with their `cohort`: of products that missed something at the
    end of some period, as they were in the first that they are known of."""
    ends = read.ends
    flags = read.read("pose_flags", ends).select(
        "product_id",
        F.coalesce("ask_id", "pose_id").alias("ask_id"),
        "state",
        "evidence_image",
        "shown_by",
        "period",
    )
    missing = flags.where("state = 'missing'").select("product_id", "ask_id", "period")
    closed = _closed(flags, missing, read.read("product_images", ends))
    gaps = (
        missing.withColumn("what", F.lit("missing"))
        .unionByName(closed.withColumn("what", F.lit("closed")))
        .groupBy("product_id", "ask_id")
        .agg(_periods_where("missing"), _periods_where("closed"))
        .groupBy("product_id")
        .agg(
            F.sort_array(F.collect_list(F.struct("ask_id", "missing", "closed"))).alias("gaps"),
            F.max(F.size("closed") > 0).alias("treated"),
        )
    )
    audited = read.read("product_audit", ends)
    known = [name for name in audited.columns if name not in ("product_id", "period")]
    first = audited.groupBy("product_id").agg(F.min_by(F.struct(*known), "period").alias("first"))
    first = first.select("product_id", "first.*").where("usable > 0").join(gaps, "product_id")
    chosen = _in_cohorts(first, settings)
    made = chosen.join(_values(read, audited, settings), "product_id").select(
        COHORT, "product_id", "values", "usable", "gaps", *_held(settings)
    )
    return made.select(COHORT, *differences.HISTORY.names)


def _classes(read: Days) -> DataFrame:
    """`model` and `worn`: shares of those of the product's pictures whose image class is known."""
    facts = frames.read_table(read.spark, read.warehouse, "picture_facts")
    classes = facts.groupBy("content_sha256").agg(
        F.max_by("image_class", "facts_version").alias("image_class")
    )
    shown = read.read("product_images", [read.latest]).select("product_id", "content_sha256")
    return (
        shown.join(classes.where("image_class IS NOT NULL"), "content_sha256")
        .groupBy("product_id")
        .agg(
            *(
                F.avg((F.col("image_class") == name).cast("double")).alias(name)
                for name in ("model", "worn")
            )
        )
    )


def _closed(flags: DataFrame, missing: DataFrame, pictures: DataFrame) -> DataFrame:
    """The gaps that a picture filled which the product did not have a period before.

    Where a product's pictures of that period were not kept, nobody knows: it counts as not filled.
    """
    before = missing.withColumn("period", F.col("period") + 1)
    filled = flags.where("state = 'present' AND shown_by IS NULL AND evidence_image IS NOT NULL")
    had = pictures.select(
        "product_id", F.col("image_uri").alias("evidence_image"), F.col("period") + 1
    ).toDF("product_id", "evidence_image", "period")
    return (
        filled.join(before, ["product_id", "ask_id", "period"], "left_semi")
        .join(had.select("product_id", "period").distinct(), ["product_id", "period"], "left_semi")
        .join(had, ["product_id", "evidence_image", "period"], "left_anti")
        .select("product_id", "ask_id", "period")
    )


def _values(read: Days, audited: DataFrame, settings: InfluenceSettings) -> DataFrame:
    """`values`, the outcome of each period: at its end, or the mean of its days."""
    rows = audited if settings.counts == "total" else read.read("product_audit", read.runs)
    values = rows.groupBy("product_id", "period").agg(F.avg(_number(settings.outcome)).alias("v"))
    by_period = values.groupBy("product_id").agg(
        F.map_from_entries(F.collect_list(F.struct("period", "v"))).alias("known")
    )
    periods = F.sequence(F.lit(0), F.lit(read.periods - 1))
    return by_period.select(
        "product_id",
        F.transform(periods, lambda period: F.try_element_at("known", period)).alias("values"),
    )


def _in_cohorts(rows: DataFrame, settings: InfluenceSettings) -> DataFrame:
    """Each product in the sample of its category, and in that of all, with the name as `cohort`.

    Where there is a column `treated`, treated products are sampled by themselves.
    """
    treated = F.col("treated") if "treated" in rows.columns else F.lit(False)
    place = F.pmod(F.xxhash64("product_id", F.lit(settings.seed)), F.lit(_HASHES))
    whole = rows.withColumn(COHORT, F.lit(ALL_PRODUCTS))
    by_category = rows.where("category <> ''").withColumn(COHORT, F.col("category"))
    sampled = []
    for one, least in ((whole, 1), (by_category, settings.min_products)):
        grouped = one.withColumn("group", treated)
        counts = grouped.groupBy(COHORT, "group").agg(F.count(F.lit(1)).alias("count"))
        large = counts.groupBy(COHORT).agg(F.sum("count").alias("all")).where(F.col("all") >= least)
        limits = counts.join(large, COHORT).select(COHORT, "group", "count")
        kept = place < F.lit(float(_HASHES * settings.max_products)) / F.col("count")
        sampled.append(grouped.join(limits, [COHORT, "group"]).where(kept).drop("group", "count"))
    return reduce(lambda one, more: one.unionByName(more), sampled)


def _held(settings: InfluenceSettings) -> list[Column]:
    """numbers, labels, days and cluster."""
    numbers = [part for name in settings.numbers for part in (F.lit(name), _number(name))]
    labels = [part for name in _LABELS for part in (F.lit(name), F.col(name))]
    labels += [part for name in settings.labels for part in (F.lit(name), _text(name))]
    age = F.lit(None)
    if settings.listed_since:
        age = F.datediff("run_date", _text(settings.listed_since).substr(1, 10).try_cast("date"))
    return [
        (F.create_map(*numbers) if numbers else F.lit(None))
        .cast("map<string,double>")
        .alias("numbers"),
        F.create_map(*labels).cast("map<string,string>").alias("labels"),
        F.greatest(age.cast("double"), F.lit(0.0)).alias("days")
        if settings.listed_since
        else age.cast("double").alias("days"),
        (_text(settings.cluster) if settings.cluster else F.lit(None).cast("string")).alias(
            "cluster"
        ),
    ]


def _number(name: str) -> Column:
    return F.col(name).cast("double") if name in _OWN else _text(name).try_cast("double")


def _text(name: str) -> Column:
    return F.col(name).cast("string") if name in _OWN else F.col("carried")[name]


def _asks_where(state: str) -> Column:
    return F.sort_array(F.collect_set(F.when(F.col("state") == state, F.col("ask_id"))))


def _periods_where(what: str) -> Column:
    return F.sort_array(F.collect_set(F.when(F.col("what") == what, F.col("period")))).alias(what)
