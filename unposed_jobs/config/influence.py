"""``[influence]``: what a picture is worth."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from unposed_jobs.config.fields import STRICT, Count, CountOrNone, Section, Texts, Unit


@dataclass(frozen=True, config=STRICT)
class InfluenceSettings(Section):
    """What pictures are worth, from the published days: a regression, and differences in
    differences. A column is `rating_count`, `average_rating` or one of ``[catalogue] carry``.
    """

    section: ClassVar[str] = "influence"

    outcome: Annotated[str, Field(examples=["sales"])] = "rating_count"
    """The column that says how well a product sells."""
    counts: Literal["total", "day"] = "total"
    """What the outcome counts: everything since the product was listed (`total`), or what the
    catalogue of one day says of that day (`day`)."""
    scale: Literal["log", "linear"] = "log"
    """`log`: estimates are percentages, as for sales and counts; `linear`: they are in the
    outcome's own unit, as for a mean rating."""
    numbers: Texts = ("price",)
    """Columns of numbers that are held fixed; one that is not carried is told as a warning."""
    labels: Texts = ("brand",)
    """Columns of names that are held fixed, besides category, subcategory and product_type."""
    listed_since: Annotated[str, Field(examples=["launched_on"])] = ""
    """The column of the date that a product is listed since, which holds its age fixed; empty: age
    is not held fixed, and each estimate says so."""
    cluster: str = "brand"
    """Products that share this column's value are not taken for independent of one another; empty,
    not carried or with too few values: each product is."""
    period_days: Annotated[Count, Unit("days")] = 7
    """The length of a period of the history."""
    periods: Annotated[int, Field(ge=2), Unit("periods")] = 4
    """Periods before and after a gap was closed that are compared. A history of three times as
    many, and two, allows all checks."""
    min_products: Annotated[int, Field(ge=50), Unit("products")] = 200
    """A category with fewer is estimated with all others only."""
    max_products: Annotated[int, Field(ge=200), Unit("products")] = 20_000
    """Of each category so many are taken, always the same ones; of a history those whose gaps were
    closed, and so many others."""
    seed: CountOrNone = 20221012
    """Of the bootstrap."""
