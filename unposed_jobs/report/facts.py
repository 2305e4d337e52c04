"""Reads one published day from the warehouse: figures in SQL, rows only for what is shown."""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import pyarrow as pa

from unposed_jobs.errors import UnposedError
from unposed_jobs.report.model import Category, Figures, Pose, PoseCount, Reject, Unassessable

NO_CATEGORY = "(no category)"
MOST_MISSING = 6
UNASSESSABLE_SHOWN = 1000
REJECTS_SHOWN = 500

_FIGURES = """
    count(*) AS products,
    count(*) FILTER (status = 'complete') AS complete,
    count(*) FILTER (status = 'gaps') AS gaps,
    count(*) FILTER (status = 'unassessable') AS unassessable,
    count(*) FILTER (is_target) AS targets,
    coalesce(sum(pictures), 0)::BIGINT AS pictures,
    coalesce(sum(usable), 0)::BIGINT AS usable,
    coalesce(sum(unreadable), 0)::BIGINT AS unreadable,
    coalesce(sum(duplicates), 0)::BIGINT AS duplicates,
    coalesce(sum(missing_count), 0)::BIGINT AS missing,
    avg(completeness) FILTER (status <> 'unassessable') AS completeness
"""


class Tables(Protocol):
    """What the report needs of a `unposed_jobs.warehouse.Warehouse`."""

    def query(self, sql: str, parameters: Sequence[Any] | None = None) -> pa.Table:
        """Rows of a SELECT over the tables; ``?`` stand for the parameters."""


@dataclass(frozen=True)
class Day:
    """The published audit of a day."""

    run_date: datetime.date
    run_id: str
    model_version: str


def _rows(tables: Tables, sql: str, *parameters: Any) -> list[dict[str, Any]]:
    return tables.query(sql, list(parameters)).to_pylist()


def published_day(tables: Tables, run_date: datetime.date) -> Day:
    """The audit that is published for a day.

    Raises UnposedError naming the days that are published where this one is not.
    """
    runs = _rows(
        tables,
        "SELECT run_date, run_id, model_version FROM runs WHERE job = 'audit' "
        "AND state = 'published' ORDER BY run_date DESC, finished_at DESC",
    )
    for run in runs:
        if run["run_date"] == run_date:
            return Day(run_date, run["run_id"], run["model_version"])
    if not runs:
        raise UnposedError(f"no audit is published yet; run: unposed audit --date {run_date}")
    days = list(dict.fromkeys(str(run["run_date"]) for run in runs))
    more = f" and {len(days) - 5} more" if len(days) > 5 else ""
    raise UnposedError(
        f"no audit is published for {run_date}; published: {', '.join(days[:5])}{more}"
    )


def latest_day(tables: Tables) -> datetime.date:
    """The latest published day; raises UnposedError where there is none."""
    (row,) = _rows(
        tables,
        "SELECT max(run_date) AS day FROM runs WHERE job = 'audit' AND state = 'published'",
    )
    if row["day"] is None:
        raise UnposedError("no audit is published yet; run: unposed audit")
    return row["day"]


def previous_day(tables: Tables, run_date: datetime.date) -> datetime.date | None:
    """The last published day before this one."""
    (row,) = _rows(
        tables,
        "SELECT max(run_date) AS day FROM runs WHERE job = 'audit' AND state = 'published' "
        "AND run_date < ?",
        run_date,
    )
    return row["day"]


def figures(tables: Tables, run_date: datetime.date) -> Figures:
    """The day's figures over all products."""
    (row,) = _rows(tables, f"SELECT {_FIGURES} FROM product_audit WHERE run_date = ?", run_date)  # noqa: S608 - a constant
    return Figures(**row)


def categories(tables: Tables, run_date: datetime.date) -> tuple[Category, ...]:
    """Figures for each category and its subcategories, largest first."""
    sql = f"""
        SELECT category, subcategory, grouping(subcategory) AS whole, {_FIGURES}
        FROM product_audit WHERE run_date = ?
        GROUP BY GROUPING SETS ((category), (category, subcategory))
        ORDER BY products DESC, category, subcategory
    """  # noqa: S608 - a constant
    wholes: dict[str, Figures] = {}
    parts: dict[str, list[Category]] = defaultdict(list)
    for row in _rows(tables, sql, run_date):
        name = row.pop("category") or NO_CATEGORY
        subcategory, whole = row.pop("subcategory"), row.pop("whole")
        if whole:
            wholes[name] = Figures(**row)
        else:
            parts[name].append(Category(subcategory or "(none)", Figures(**row)))
    missed: dict[str, list[PoseCount]] = defaultdict(list)
    counts = _rows(
        tables,
        "SELECT category, pose_id, any_value(pose_name) AS name, count(*) AS products "
        "FROM pose_flags WHERE run_date = ? AND state = 'missing' "
        "GROUP BY category, pose_id ORDER BY products DESC, pose_id",
        run_date,
    )
    for row in counts:
        name = row["category"] or NO_CATEGORY
        share = row["products"] / max(wholes[name].products, 1) if name in wholes else 0.0
        missed[name].append(PoseCount(row["pose_id"], row["name"], row["products"], share))
    return tuple(
        Category(name, found, tuple(missed[name][:MOST_MISSING]), tuple(parts[name]))
        for name, found in wholes.items()
    )


def most_missing(poses: Sequence[Pose], products: int) -> tuple[PoseCount, ...]:
    """The poses that most products miss."""
    ranked = sorted((pose for pose in poses if pose.missing), key=lambda p: (-p.missing, p.pose_id))
    return tuple(
        PoseCount(pose.pose_id, pose.name, pose.missing, pose.missing / max(products, 1))
        for pose in ranked[:MOST_MISSING]
    )


def vocabulary(tables: Tables, day: Day) -> tuple[Pose, ...]:
    """The model's poses with the day's counts: people first, then the most frequent."""
    counts = {
        row["pose_id"]: row
        for row in _rows(
            tables,
            "SELECT pose_id, count(*) FILTER (state = 'present') AS present, "
            "count(*) FILTER (state = 'missing') AS missing "
            "FROM pose_flags WHERE run_date = ? GROUP BY pose_id",
            day.run_date,
        )
    }
    rows = _rows(
        tables,
        "SELECT pose_id, name, kind, shot_code, size, spread, lineage, exemplars "
        "FROM vocabulary WHERE model_version = ? "
        "ORDER BY lineage = 'retired', kind DESC, size DESC, pose_id",
        day.model_version,
    )
    none = {"present": 0, "missing": 0}
    return tuple(
        Pose(
            **{**row, "exemplars": tuple(row["exemplars"] or ())},
            present=counts.get(row["pose_id"], none)["present"],
            missing=counts.get(row["pose_id"], none)["missing"],
        )
        for row in rows
    )


def unassessable(tables: Tables, run_date: datetime.date) -> tuple[Unassessable, ...]:
    """Products that could not be assessed, those with most pictures first."""
    rows = _rows(
        tables,
        "SELECT product_id, category, subcategory, pictures, unreadable, reason "
        "FROM product_audit WHERE run_date = ? AND status = 'unassessable' "
        "ORDER BY pictures DESC, product_id LIMIT ?",
        run_date,
        UNASSESSABLE_SHOWN,
    )
    return tuple(
        Unassessable(
            row["product_id"],
            " / ".join(part for part in (row["category"], row["subcategory"]) if part)
            or NO_CATEGORY,
            row["pictures"],
            row["unreadable"],
            row["reason"] or "",
        )
        for row in rows
    )


def rejects(
    tables: Tables, run_date: datetime.date
) -> tuple[tuple[Reject, ...], tuple[tuple[str, str, int], ...]]:
    """Source rows that were set aside, and how many for each reason."""
    rows = _rows(
        tables,
        "SELECT source, row_key, reason, detail FROM catalogue_rejects WHERE run_date = ? "
        "ORDER BY reason, source, row_key, detail LIMIT ?",
        run_date,
        REJECTS_SHOWN,
    )
    counts = _rows(
        tables,
        "SELECT source, reason, count(*) AS number FROM catalogue_rejects WHERE run_date = ? "
        "GROUP BY source, reason ORDER BY number DESC, source, reason",
        run_date,
    )
    return (
        tuple(
            Reject(r["source"], r["row_key"] or "", r["reason"], r["detail"] or "") for r in rows
        ),
        tuple((row["source"], row["reason"], row["number"]) for row in counts),
    )
