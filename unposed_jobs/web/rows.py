"""The rows of whole lists, as exports, digests and bulk actions have them."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Iterator
from typing import Any

from unposed_jobs.web import exports
from unposed_jobs.web.filters import Filter
from unposed_jobs.web.prepared import Row
from unposed_jobs.web.reading import Day, Page

AT_ONCE = 5000
"""Rows that are read at a time."""


def gap_rows(day: Day, wanted: Filter, me: str, limit: int) -> Iterator[Row]:
    """All rows of a work list, page by page, at most `limit`."""
    return every(lambda one: day.gaps(one, me), wanted, limit)


def every(read: Callable[[Filter], Page], wanted: Filter, limit: int) -> Iterator[Row]:
    """All rows of a list, page by page, at most `limit`."""
    wanted = dataclasses.replace(wanted, after="", size=AT_ONCE)

    def pages() -> Iterator[Row]:
        one = wanted
        while True:
            page = read(one)
            yield from page.rows
            if page.after is None:
                return
            one = dataclasses.replace(one, after=page.after.written())

    return itertools.islice(pages(), limit)


def export_names(day: Day, marketplace: str) -> list[str]:
    """The columns of an exported work list."""
    code = [f"{marketplace}_code"] if marketplace else []
    return [
        *("product_id", "title", "category", "subcategory", "product_type", *day.about.columns),
        *(
            "ask_id",
            "ask",
            "shot_code",
            *code,
            "remedy",
            "remedy_uri",
            "remedy_part",
            "remedy_seconds",
            "rank",
            "state",
            "missing_since",
        ),
        *("assigned_to", "studio_day", "waived_by", "waived_reason", "waived_until", "example"),
    ]


def export_row(day: Day, row: Row, marketplace: str) -> list[Any]:
    """One row of it."""
    carried = [row[f"c{place}"] for place in range(len(day.about.columns))]
    code = exports.marketplace_code(marketplace, row["ask_name"], row["shot_code"])
    return [
        *(row[name] for name in ("product_id", "title", "category", "subcategory", "product_type")),
        *carried,
        row["ask_id"],
        row["ask_name"],
        row["shot_code"],
        *([code] if marketplace else []),
        row["advice"],
        row["remedy_uri"],
        row["crop"],
        row["remedy_seconds"],
        row["rank"],
        row["work_state"],
        row["since"],
        row["assignee"],
        row["due"],
        row["waive_by"] or row["waived_by"],
        row["waive_reason"] or row["waived_reason"],
        row["waive_until"] or row["waived_until"],
        row["example"],
    ]
