"""A product's pictures together: its colours, and what marketplaces say; rows for a day's tables.

Of the pictures' facts only, without pixels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa

from unposed_jobs.pictures import colours, rows, standards
from unposed_jobs.pictures.standards import Failing, Listed, Market
from unposed_jobs.warehouse.picture_tables import PRODUCT_COLOURS, READY_FOR

COHORT = ("category", "subcategory", "product_type")


@dataclass(frozen=True)
class Wanted:
    """What is asked of products; travels to executors. `marketplaces` are names or files."""

    run_date: date
    run_id: str
    marketplaces: tuple[str, ...]
    colours_apart: float


def tables(products: pa.RecordBatch, wanted: Wanted) -> dict[str, pa.Table]:
    """Rows of `product_colours` and `ready_for` by table.

    `products` has product_id, the columns of `COHORT`, and `shown`: each product's pictures in
    order, structs of image_uri and the columns of `picture_facts`; a null width is a picture
    without facts. Raises UnposedError for an unknown marketplace.
    """
    markets = [standards.market(name) for name in wanted.marketplaces]
    coloured, ready = [], []
    for product in products.to_pylist():
        stamp = {name: product[name] for name in ("product_id", *COHORT)}
        stamp |= {"run_date": wanted.run_date, "run_id": wanted.run_id}
        shown = product["shown"] or []
        known = [one for one in shown if one["width"] is not None]
        coloured.append(stamp | of_colours(known, wanted.colours_apart))
        listed = [_listed(one) for one in known]
        part = colours.part_of(word for name in COHORT for word in (product[name] or "").split())
        counts = {"judged": len(known), "unjudged": len(shown) - len(known)}
        for market in markets:
            ready.append(stamp | counts | of_market(market, listed, part))
    return {
        "product_colours": pa.Table.from_pylist(coloured, PRODUCT_COLOURS.schema),
        "ready_for": pa.Table.from_pylist(ready, READY_FOR.schema),
    }


def of_colours(pictures: Sequence[Mapping[str, Any]], most_apart: float) -> dict[str, Any]:
    """A product's columns of `product_colours`, of rows of `picture_facts` with image_uri.

    Its colours are those of the most typical picture: whose main colour is nearest, by the median,
    to the large colours of the others.
    """
    told = [(one["image_uri"], rows.colours_of(one)) for one in pictures if one["colours"]]
    row: dict[str, Any] = {"pictures": len(told), "disagree": False}
    if not told:
        return row
    found = colours.disagreement([each for _, each in told])
    if found is not None:
        apart, farthest = found
        row |= {
            "apart": apart,
            "apart_image_uri": told[farthest][0],
            "disagree": apart > most_apart,
        }
    uri, typical = told[_most_typical([each for _, each in told])]
    return row | {
        "image_uri": uri,
        "colours": [one.hex for one in typical],
        "colour_names": [one.name for one in typical],
        "colour_shares": [one.share for one in typical],
    }


def of_market(market: Market, pictures: Sequence[Listed], part: str) -> dict[str, Any]:
    """A product's columns of `ready_for`, by one marketplace."""
    failing = standards.judge(market, pictures, part) if pictures else []
    return {
        "marketplace": market.name,
        "ready": bool(pictures) and standards.ready(failing),
        "rules": [one.rule.rule for one in failing],
        "levels": [one.rule.level for one in failing],
        "images": [one.picture for one in failing],
        "found": [one.found for one in failing],
        "wanted": [_wanted(one) for one in failing],
        "remedies": [one.remedy for one in failing],
    }


def _wanted(one: Failing) -> str:
    return f"{one.rule.measure} {one.rule.wanted}"


def _listed(row: Mapping[str, Any]) -> Listed:
    return Listed(
        row["image_uri"], rows.facts_of(row), row["file_bytes"] or 0, row["file_format"] or ""
    )


def _most_typical(pictures: Sequence[Sequence[colours.Colour]]) -> int:
    """The picture whose main colour lies nearest to the others' large colours, by the median."""
    large = [colours.large(told) for told in pictures]
    away = [
        np.median([float(colours.delta_e(own[0], other).min()) for other in large]) for own in large
    ]
    return int(np.argmin(away))
