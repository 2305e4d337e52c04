"""Which of a source's columns is meant by one of ours, where its name says so in other words."""

from __future__ import annotations

import re
from collections.abc import Sequence

_OTHER_NAMES = {
    "product_id": ("id", "sku", "item_id", "article_id", "asin", "handle"),
    "category": ("product_category", "main_category", "master_category", "department"),
    "subcategory": ("sub_category", "product_subcategory"),
    "average_rating": ("rating", "avg_rating", "rating_average", "stars", "review_rating"),
    "rating_count": ("ratings", "ratings_count", "reviews", "review_count", "number_of_reviews"),
    "image_uri": (
        "image",
        "image_url",
        "picture",
        "picture_url",
        "photo",
        "image_path",
        "filename",
    ),
}
"""Our column and what others call it, the surest first. Not what may as well be something else: a
`product` may be its title, a `url` its page."""
_OPTIONAL = ("average_rating", "rating_count")
"""Columns that a source must have, or be said not to have."""


def alike(columns: Sequence[str], wanted: Sequence[str]) -> dict[str, str]:
    """Our name = the source's, for each wanted column whose name differs in case, spaces and
    punctuation, or is another word for it; "" for a rating that the source does not have.

    A column is taken once. Names that are ours already are not repeated.
    """
    plain: dict[str, str] = {}
    for name in columns:
        plain.setdefault(_plain(name), name)
    taken = {name for name in wanted if name in columns}
    found: dict[str, str] = {}
    for ours in (name for name in wanted if name not in taken):
        names = (plain.get(other) for other in (ours, *_OTHER_NAMES.get(ours, ())))
        theirs = next((name for name in names if name and name not in taken), None)
        if theirs is not None:
            found[ours] = theirs
            taken.add(theirs)
        elif ours in _OPTIONAL:
            found[ours] = ""
    return found


def _plain(name: str) -> str:
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name.strip())
    return re.sub(r"[^a-z0-9]+", "_", words.lower()).strip("_")
