"""How often the champion agrees with what people said that pictures show.

People label what the audit got wrong, so this is no accuracy: it says whether a later model reads
those pictures better than the one before.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from unposed_jobs.config import Settings
from unposed_jobs.decisions import Store, labels
from unposed_jobs.decisions.kinds import SHOWS
from unposed_jobs.lab.evaluation import bootstrap
from unposed_jobs.reference import registry
from unposed_jobs.sql import statements
from unposed_jobs.warehouse import Warehouse


def judge(settings: Settings, seed: int) -> dict[str, Any] | None:
    """The share that the champion agrees on, with its interval over products; None without any."""
    store = Store.existing(settings.decisions.store)
    found = store.standing([SHOWS]) if store else []
    if not found:
        return None
    warehouse = Warehouse.open(settings.warehouse, create=False)
    model = registry.require_champion(warehouse).model_version
    read = labels.readings(
        found, model, lambda sql, values: statements.query(warehouse, sql, values).to_pylist()
    )
    products = sorted({one.product_id for one in read})
    sums = np.zeros((len(products), 2))
    for one in read:
        sums[products.index(one.product_id)] += one.agrees, 1
    share = bootstrap.interval(sums, lambda drawn: drawn[:, 0] / drawn[:, 1], seed=seed)
    return {
        "pictures": len(read),
        "unread": len(found) - len(read),
        "agreed": int(sums[:, 0].sum()),
        "share": share.value,
        "low": share.low,
        "high": share.high,
    }


def line(figures: dict[str, Any]) -> str:
    """It in one line."""
    return (
        f"pictures that people labelled: the champion agrees on {figures['agreed']} of "
        f"{figures['pictures']} ({figures['share']:.2f}, 95 % {figures['low']:.2f} to "
        f"{figures['high']:.2f}); {figures['unread']} it has not read"
    )
