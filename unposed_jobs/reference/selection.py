"""Which products are the reference set (paper sections 3.1 and 4.1): the rule, and its refusal.

The top-K products by popularity among those with enough pictures. `distributed.popular`
applies it to a catalogue of any size; popularity is `unposed_jobs.ranking.popularity`.
"""

from __future__ import annotations

from collections.abc import Iterable

from unposed_jobs.config import TrainingSettings
from unposed_jobs.errors import UnposedError

MIN_PRODUCTS = 3
"""A reference of fewer products would be a copy of one of them, not what its cohort shows."""


def require_enough(
    qualified: int, products: int, reachable: int, settings: TrainingSettings
) -> None:
    """Refuse a reference of too few products, and say what to set.

    `qualified` of `products` products have `min_pictures` pictures; `reachable` is the number of
    pictures that a tenth of the products, or at least the few that are needed, do have (0: there
    is no such number). Raises UnposedError.
    """
    if qualified >= MIN_PRODUCTS:
        return
    shortage = (
        f"only {qualified} of {products} products have the {settings.min_pictures} pictures of a "
        f"reference product, and {MIN_PRODUCTS} are needed"
    )
    if reachable:
        raise UnposedError(
            f"{shortage}; set [training] min_pictures = {reachable} or lower "
            f"(--min-pictures {reachable})"
        )
    raise UnposedError(
        f"{shortage}; the catalogue lists too few products with pictures to learn from"
    )


def reachable(pictures: Iterable[int], settings: TrainingSettings) -> int:
    """The `min_pictures` with which there is a reference, by the pictures of each product: the
    settings' own where that is so, 0 where there is none.
    """
    counts = sorted((count for count in pictures if count), reverse=True)
    wanted = max(MIN_PRODUCTS, len(counts) // 10)
    if len(counts) < MIN_PRODUCTS or counts[MIN_PRODUCTS - 1] >= settings.min_pictures:
        return settings.min_pictures if len(counts) >= MIN_PRODUCTS else 0
    return counts[wanted - 1]
