"""Catalogue rows that are wrong on purpose, few enough for the usual error budget of 5 %."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from unposed_jobs.lab.sample.plan import PlannedProduct

_SHARE = 0.04
"""Largest share of a table's rows that may be wrong."""


@dataclass
class RejectedRows:
    """Rows to append to products.csv and images.csv.

    `truth` tells for each its source, product_id, image_uri and reason.
    """

    products: list[tuple[Any, ...]] = field(default_factory=list)
    images: list[tuple[Any, ...]] = field(default_factory=list)
    truth: list[tuple[str, str, str, str]] = field(default_factory=list)


def rejected_rows(products: Sequence[PlannedProduct], seed: int) -> RejectedRows:
    """One of each kind for every 150 products; fewer where the budget would not bear them."""
    rows = RejectedRows()
    times = max(len(products) // 150, 1)
    for number in range(times):
        twin = products[(seed + 7 + 11 * number) % len(products)]
        names = (twin.cohort.category, twin.cohort.subcategory, twin.garment.style, "women")
        lost, odd = f"X{number + 1:05d}A", f"X{number + 1:05d}B"
        for reason, row in (
            ("missing_category", (lost, "", *names[1:], 4.1, 12)),
            ("duplicate_key", (twin.product_id, *names, 5.0, twin.rating_count + 1)),
            ("bad_number", (odd, *names, "NaN", 3)),
        ):
            if len(rows.products) < int(_SHARE * len(products)):
                rows.products.append(row)
                rows.truth.append(("products", row[0], "", reason))
    pictures = sum(len(product.pictures) for product in products)
    for number in range(times):
        owner = products[(seed + 3 + 5 * number) % len(products)]
        added, ghost = owner.pictures[0].added_at, f"Z{number + 1:05d}"
        for reason, product_id, uri in (
            ("unknown_product", ghost, f"pictures/{ghost}/01.jpg"),
            ("missing_key", owner.product_id, ""),
        ):
            if len(rows.images) < int(_SHARE * pictures):
                rows.images.append((product_id, uri, 99, added, ""))
                rows.truth.append(("images", product_id, uri, reason))
    return rows
