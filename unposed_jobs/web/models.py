"""Models, and what a candidate would change: its figures, confusion and flags beside the
champion's."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from unposed_jobs.web.languages import N_
from unposed_jobs.web.prepared import Row
from unposed_jobs.web.reading import Day

MOST_SHOWN = 120
"""Turned flags of one page."""
MOST_CONFUSED = 24
STATUSES = {
    "champion": N_("Champion"),
    "candidate": N_("Candidate"),
    "retired": N_("Retired"),
    "rejected": N_("Rejected"),
}
FIGURES = {
    "stability": N_("Found again when learned from a part"),
    "silhouette_same_space": N_("Silhouette, same pictures and space"),
    "named": N_("Share of pictures that it can name"),
}
"""Of the comparison, each (champion, candidate)."""
_COLUMNS = "model_version, status, estimator_id, run_date, promoted_on, reason, metrics"


@dataclass(frozen=True)
class Confused:
    """Pictures that the champion reads as one class and the candidate as another."""

    before_id: int
    """-1 where it knows none."""
    after_id: int
    before: str
    """What the class is called; empty where no model's vocabulary has it."""
    after: str
    pictures: int
    share: float
    """Of the pictures that the champion reads so."""


def everything(day: Day) -> list[Row]:
    """All models, the latest first."""
    rows = day.from_views(f"SELECT {_COLUMNS} FROM models ORDER BY run_date DESC, model_version")  # noqa: S608
    return [_read(row) for row in rows]


def find(day: Day, version: str) -> Row | None:
    """One model."""
    rows = day.from_views(f"SELECT {_COLUMNS} FROM models WHERE model_version = ?", [version])  # noqa: S608
    return _read(rows[0]) if rows else None


def _read(row: Row) -> Row:
    metrics = json.loads(row["metrics"] or "{}")
    compared = metrics.get("promotion") or {}
    return row | {
        "metrics": metrics,
        "compared": compared,
        "waits": row["status"] == "candidate" and bool(compared.get("waits")),
    }


def figures(model: Row) -> list[tuple[str, float, float]]:
    """(what, the champion's, the candidate's) of what was compared."""
    pairs = [(label, model["compared"].get(name) or []) for name, label in FIGURES.items()]
    return [(label, *pair) for label, pair in pairs if len(pair) == 2 and None not in pair]


def confused(day: Day, model: Row) -> tuple[list[Confused], int]:
    """What both models read otherwise, most pictures first, and how many pictures they read
    alike."""
    rows = model["compared"].get("confusion") or []
    names = _names(day, [model["compared"].get("champion") or "", model["model_version"]])
    of_class: dict[int, int] = {}
    for before, _, pictures in rows:
        of_class[before] = of_class.get(before, 0) + pictures
    old, new = model["compared"].get("champion"), model["model_version"]
    found = [
        Confused(
            before,
            after,
            names.get((old, before), ""),
            names.get((new, after), ""),
            pictures,
            pictures / of_class[before],
        )
        for before, after, pictures in rows
        if before != after
    ]
    alike = sum(pictures for before, after, pictures in rows if before == after)
    return found[:MOST_CONFUSED], alike


def _names(day: Day, versions: list[str]) -> dict[tuple[Any, int], str]:
    """By model and class; ids stay from model to model, names need not."""
    rows = day.from_views(
        "SELECT model_version, pose_id, name FROM vocabulary "
        "WHERE model_version IN (SELECT unnest(?))",
        [versions],
    )
    return {(row["model_version"], row["pose_id"]): row["name"] for row in rows}


def turned_by_ask(day: Day, model: Row) -> list[Row]:
    """How many flags would turn of each ask, opened and closed, most first."""
    if not day.has("candidate_flags"):
        return []
    return day.from_views(
        """
        SELECT ask_id, any_value(ask_name) AS ask_name,
            count(*) FILTER (state_after = 'missing') AS opened,
            count(*) FILTER (state_before = 'missing') AS closed
        FROM candidate_flags WHERE model_version = ?
        GROUP BY ask_id ORDER BY count(*) DESC, ask_id
        """,
        [model["model_version"]],
    )


def turned(day: Day, model: Row, ask: int | None, change: str) -> list[Row]:
    """The first flags that would turn, those with a picture first; None and '' ask for all."""
    if not day.has("candidate_flags"):
        return []
    rows = day.from_views(
        f"""
        SELECT f.* FROM candidate_flags f
        WHERE f.model_version = $version AND ($ask IS NULL OR f.ask_id = $ask)
            AND ($change = '' OR (f.state_after = 'missing') = ($change = 'opened'))
        ORDER BY f.image_uri IS NULL, f.product_id, f.ask_id LIMIT {MOST_SHOWN}
        """,  # noqa: S608
        {
            "version": model["model_version"],
            "ask": ask,
            "change": change,
        },
    )
    old, new = model["compared"].get("champion"), model["model_version"]
    names = _names(day, [old or "", new])
    titles = day.titles([row["product_id"] for row in rows])
    for row in rows:
        row["title"] = titles.get(row["product_id"])
        row["read_before"] = names.get((old, row["pose_before"]), "")
        row["read_after"] = names.get((new, row["pose_after"]), "")
    return rows
