"""Catalogue rows that are wrong on purpose, few enough for the usual error budget of 5 %."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from unposed_jobs.catalogue.sample.plan import PlannedProduct

_SHARE = 0.04
"""Largest share of a table's rows that may be wrong."""


@dataclass
class RejectedRows:
    """Rows to append to products.csv and images.csv, and the truth: source, row_key, reason."""

    products: list[tuple[Any, ...]] = field(default_factory=list)
    images: list[tuple[Any, ...]] = field(default_factory=list)
    truth: list[tuple[str, str, str]] = field(default_factory=list)


def rejected_rows(products: Sequence[PlannedProduct], seed: int) -> RejectedRows:
    """One of each kind for every 150 products; fewer where the budget would not bear them."""
    rows = RejectedRows()
    times = max(len(products) // 150, 1)
    room = int(_SHARE * len(products))
    for number in range(times):
        twin = products[(seed + 7 + 11 * number) % len(products)]
        no_category, no_rating = f"X{number + 1:05d}A", f"X{number + 1:05d}B"
        cohort = twin.cohort
        for product_id, reason, row in (
            (no_category, "missing_category",
             (no_category, "", cohort.subcategory, "", "women", 4.1, 12)),
            (twin.product_id, "duplicate_key",
             (twin.product_id, cohort.category, cohort.subcategory, twin.garment.style,
              "women" if twin.womenswear else "men", twin.average_rating, twin.rating_count)),
            (no_rating, "bad_number",
             (no_rating, cohort.category, cohort.subcategory, "", "men", "NaN", 3)),
        ):  # fmt: skip
            if len(rows.products) < room:
                rows.products.append(row)
                rows.truth.append(("products", product_id, reason))
    room = int(_SHARE * sum(len(product.pictures) for product in products))
    for number in range(times):
        owner = products[(seed + 3 + 5 * number) % len(products)]
        added = owner.pictures[0].added_at
        ghost = f"Z{number + 1:05d}"
        uri = f"pictures/{ghost}/00.jpg"
        for key, reason, image in (
            (uri, "unknown_product", (ghost, uri, 0, added, "")),
            (owner.product_id, "missing_key", (owner.product_id, "", 99, added, "")),
        ):  # fmt: skip
            if len(rows.images) < room:
                rows.images.append(image)
                rows.truth.append(("images", key, reason))
    return rows
