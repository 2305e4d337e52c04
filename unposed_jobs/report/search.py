"""Every product of the day for the page's search, in files that it loads when somebody searches.

A page that is opened from a disk can load scripts, but no data: each file is a script that hands
rows over. There is no markup in them; the page makes text of all it shows.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from unposed_jobs.report.facts import NO_CATEGORY, Tables

FOLDER = "search"
ROWS = 20_000
"""Products in a file: some two megabytes."""

_ROWS = """
    SELECT
        a.product_id, category, subcategory, status, missing_count, is_target, completeness,
        carried, asks
    FROM (
        SELECT * FROM product_audit WHERE run_date = $1 AND product_id BETWEEN $2 AND $3
    ) a
    LEFT JOIN (
        SELECT product_id, list(coalesce(ask_id, pose_id) ORDER BY rank) AS asks
        FROM pose_flags
        WHERE run_date = $1 AND state = 'missing' AND product_id BETWEEN $2 AND $3
        GROUP BY product_id
    ) f ON f.product_id = a.product_id
    ORDER BY a.product_id
"""
_PARTS = """
    SELECT min(product_id) AS first, max(product_id) AS last
    FROM (
        SELECT product_id, row_number() OVER (ORDER BY product_id) - 1 AS place
        FROM product_audit WHERE run_date = $1
    )
    GROUP BY place // $2 ORDER BY first
"""


def write(
    tables: Tables,
    run_date: datetime.date,
    folder: Path,
    *,
    columns: Sequence[str],
    anchors: Mapping[str, str],
) -> int:
    """Write the files into `folder`; returns how many. `anchors` are the cards' addresses.

    A row is product_id, category, subcategory, status, missing_count, whether it has few pictures,
    completeness, the carried values of `columns`, the missing asks' ids, and the card's address.
    """
    parts = tables.query(_PARTS, [run_date, ROWS]).to_pylist()
    if parts:
        (folder / FOLDER).mkdir()
    for number, part in enumerate(parts, start=1):
        rows = []
        for row in tables.query(_ROWS, [run_date, part["first"], part["last"]]).to_pylist():
            carried = dict(row["carried"] or ())
            share = row["completeness"]
            rows.append(
                [
                    row["product_id"],
                    row["category"] or NO_CATEGORY,
                    row["subcategory"] or "",
                    row["status"],
                    row["missing_count"],
                    int(row["is_target"]),
                    None if share is None else round(share, 3),
                    [carried.get(name) for name in columns],
                    row["asks"] or [],
                    anchors.get(row["product_id"], ""),
                ]
            )
        text = json.dumps(rows, separators=(",", ":"))
        (folder / FOLDER / f"{number}.js").write_text(f"unposedProducts({number},{text});\n")
    return len(parts)
