"""Products and histories of known worth, by arithmetic alone."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from unposed_jobs.influence import design, differences


def products(outcome, present, **changes) -> pa.Table:
    """Rows of `design.PRODUCTS`; `present` is (N, asks)."""
    count = len(outcome)
    columns = {
        "product_id": [f"p{row}" for row in range(count)],
        "outcome": outcome,
        "usable": [4] * count,
        "present": [np.flatnonzero(row).tolist() for row in np.asarray(present)],
        "unknown": [[]] * count,
        "shares": [[]] * count,
        "numbers": [[]] * count,
        "labels": [[]] * count,
        "days": pa.nulls(count),
        "cluster": pa.nulls(count),
        **changes,
    }
    return _table(columns, design.PRODUCTS)


def history(flows, gaps, **changes) -> pa.Table:
    """Rows of `differences.HISTORY` of counts a day; `gaps` has (ask, missing, closed) by row."""
    count = len(flows)
    listed = [
        [
            {"ask_id": ask, "missing": list(missing), "closed": list(closed)}
            for ask, missing, closed in row
        ]
        for row in gaps
    ]
    columns = {
        "product_id": [f"p{row}" for row in range(count)],
        "values": [list(map(float, row)) for row in flows],
        "usable": [4] * count,
        "numbers": [[]] * count,
        "labels": [[]] * count,
        "days": pa.nulls(count),
        "cluster": pa.nulls(count),
        "gaps": listed,
        **changes,
    }
    return _table(columns, differences.HISTORY)


def _table(columns, schema: pa.Schema) -> pa.Table:
    return pa.table([pa.array(columns[item.name], item.type) for item in schema], schema=schema)
