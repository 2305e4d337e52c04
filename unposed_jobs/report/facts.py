"""Reads one published day from the warehouse: figures in SQL, rows only for what is shown."""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import pyarrow as pa

from unposed_jobs.errors import UnposedError
from unposed_jobs.report.model import Ask, AskCount, Category, Figures, Pose, Reject, Unjudged
from unposed_jobs.vocabulary.asks import AGREEMENT
from unposed_jobs.vocabulary.naming import CHART_CODE

NO_CATEGORY = "(no category)"
MOST_MISSING = 6
UNJUDGED_SHOWN = 1000
REJECTS_SHOWN = 500
MOST_CHOICES = 60
"""Values of a column in a list to choose from; more of them are only searched."""

_FIGURES = """
    count(*) AS products,
    count(*) FILTER (status = 'complete') AS complete,
    count(*) FILTER (status = 'gaps') AS gaps,
    count(*) FILTER (status = 'unclear') AS unclear,
    count(*) FILTER (status = 'unassessable') AS unassessable,
    count(*) FILTER (is_target) AS targets,
    coalesce(sum(pictures), 0)::BIGINT AS pictures,
    coalesce(sum(usable), 0)::BIGINT AS usable,
    coalesce(sum(unreadable), 0)::BIGINT AS unreadable,
    coalesce(sum(duplicates), 0)::BIGINT AS duplicates,
    coalesce(sum(missing_count), 0)::BIGINT AS missing,
    coalesce(sum(charts), 0)::BIGINT AS charts,
    avg(completeness) FILTER (status <> 'unassessable') AS completeness
"""
_AUDITED = f"""
    product_audit LEFT JOIN (
        SELECT run_date, product_id, count(*) AS charts
        FROM pose_flags JOIN vocabulary USING (model_version, pose_id)
        WHERE run_date = $1 AND state = 'missing'
            AND kind = 'no_person' AND vocabulary.shot_code = '{CHART_CODE}'
        GROUP BY run_date, product_id
    ) USING (run_date, product_id)
"""  # noqa: S608 - a constant
_ASK = """
    coalesce(ask_id, pose_id) AS ask_id, any_value(coalesce(ask_name, pose_name)) AS name
"""
"""Days from before there were asks have a class for each."""


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
        "SELECT run_date, run_id, model_version FROM published_days ORDER BY run_date DESC",
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
        "SELECT max(run_date) AS day FROM published_days",
    )
    if row["day"] is None:
        raise UnposedError("no audit is published yet; run: unposed audit")
    return row["day"]


def previous_day(tables: Tables, run_date: datetime.date) -> datetime.date | None:
    """The last published day before this one."""
    (row,) = _rows(
        tables,
        "SELECT max(run_date) AS day FROM published_days WHERE run_date < ?",
        run_date,
    )
    return row["day"]


def figures(tables: Tables, run_date: datetime.date) -> Figures:
    """The day's figures over all products."""
    (row,) = _rows(tables, f"SELECT {_FIGURES} FROM {_AUDITED} WHERE run_date = $1", run_date)  # noqa: S608 - constants
    return Figures(**row)


def categories(tables: Tables, run_date: datetime.date) -> tuple[Category, ...]:
    """Figures for each category and its subcategories, largest first."""
    sql = f"""
        SELECT category, subcategory, grouping(subcategory) AS whole, {_FIGURES}
        FROM {_AUDITED} WHERE run_date = $1
        GROUP BY GROUPING SETS ((category), (category, subcategory))
        ORDER BY products DESC, category, subcategory
    """  # noqa: S608 - constants
    wholes: dict[str, Figures] = {}
    parts: dict[str, list[Category]] = defaultdict(list)
    for row in _rows(tables, sql, run_date):
        name = row.pop("category") or NO_CATEGORY
        subcategory, whole = row.pop("subcategory"), row.pop("whole")
        if whole:
            wholes[name] = Figures(**row)
        else:
            parts[name].append(Category(subcategory or "(none)", Figures(**row)))
    missed: dict[str, list[AskCount]] = defaultdict(list)
    counts = _rows(
        tables,
        f"SELECT category, {_ASK}, count(*) AS products "  # noqa: S608 - a constant
        "FROM pose_flags WHERE run_date = ? AND state = 'missing' "
        "GROUP BY category, coalesce(ask_id, pose_id) ORDER BY products DESC, ask_id",
        run_date,
    )
    for row in counts:
        name = row["category"] or NO_CATEGORY
        share = row["products"] / max(wholes[name].products, 1) if name in wholes else 0.0
        missed[name].append(AskCount(row["ask_id"], row["name"], row["products"], share))
    return tuple(
        Category(name, found, tuple(missed[name][:MOST_MISSING]), tuple(parts[name]))
        for name, found in wholes.items()
    )


def most_missing(asks: Sequence[Ask], products: int) -> tuple[AskCount, ...]:
    """What most products miss."""
    ranked = sorted((ask for ask in asks if ask.missing), key=lambda a: (-a.missing, a.ask_id))
    return tuple(
        AskCount(ask.ask_id, ask.name, ask.missing, ask.missing / max(products, 1))
        for ask in ranked[:MOST_MISSING]
    )


def vocabulary(tables: Tables, day: Day) -> tuple[tuple[Ask, ...], tuple[Pose, ...]]:
    """What the day was audited by, with its counts, and the model's retired classes.

    Classes are grouped as the day's flags group them, which the settings may decide otherwise than
    the model; on a day without products as the model does.
    """
    shown = {
        row["pose_id"]: row["products"]
        for row in _rows(
            tables,
            "SELECT pose_id, count(*) AS products FROM (SELECT unnest(poses_present) AS pose_id "
            "FROM product_audit WHERE run_date = ?) GROUP BY pose_id",
            day.run_date,
        )
    }
    classes = _rows(
        tables,
        "SELECT pose_id, name, kind, shot_code, size, spread, lineage, exemplars, ask_id, "
        "ask_name, asked, agreement FROM vocabulary WHERE model_version = ? "
        "ORDER BY size DESC, pose_id",
        day.model_version,
    )
    poses = {row["pose_id"]: _pose(row, shown) for row in classes}
    learned = {row["pose_id"]: row for row in classes if row["lineage"] != "retired"}
    groups = _rows(
        tables,
        f"SELECT {_ASK}, any_value(coalesce(members, [pose_id])) AS members, "  # noqa: S608
        "count(*) FILTER (state = 'present') AS present, "
        "count(*) FILTER (state = 'missing') AS missing "
        "FROM pose_flags WHERE run_date = ? GROUP BY coalesce(ask_id, pose_id)",
        day.run_date,
    ) or _as_learned(learned)
    by_class = all(len(group["members"]) == 1 for group in groups) and len(groups) > len(
        {row["ask_id"] for row in learned.values()}
    )
    asks = [_ask(group, learned, poses, by_class) for group in groups if _known(group, learned)]
    asks.sort(
        key=lambda ask: (
            ask.kind != "person",
            ask.why_not is not None,
            -sum(pose.size for pose in ask.poses),
            ask.ask_id,
        )
    )
    return tuple(asks), tuple(pose for pose in poses.values() if pose.lineage == "retired")


def _known(group: dict[str, Any], learned: dict[int, dict[str, Any]]) -> bool:
    return not learned.keys().isdisjoint(group["members"])


def _pose(row: dict[str, Any], shown: dict[int, int]) -> Pose:
    own = ("pose_id", "name", "kind", "shot_code", "size", "spread", "lineage")
    return Pose(
        **{name: row[name] for name in own},
        exemplars=tuple(row["exemplars"] or ()),
        present=shown.get(row["pose_id"], 0),
    )


def _as_learned(learned: dict[int, dict[str, Any]]) -> list[dict[str, Any]]:
    """The model's own asks, in the shape of the day's."""
    groups: dict[int, dict[str, Any]] = {}
    for pose_id, row in learned.items():
        grouped = row["ask_id"] is not None
        ask_id, name = (row["ask_id"], row["ask_name"]) if grouped else (pose_id, row["name"])
        empty = {"ask_id": ask_id, "name": name, "members": [], "present": 0, "missing": 0}
        groups.setdefault(ask_id, empty)["members"].append(pose_id)
    return list(groups.values())


def _ask(
    group: dict[str, Any],
    learned: dict[int, dict[str, Any]],
    poses: dict[int, Pose],
    by_class: bool,
) -> Ask:
    rows = [row for pose_id, row in learned.items() if pose_id in group["members"]]
    agreements = {row["agreement"] for row in rows}
    agreement = agreements.pop() if len(agreements) == 1 and not by_class else None
    refused = not by_class and not group["missing"] and all(r["asked"] is False for r in rows)
    why_not = None
    if refused and agreement is not None and agreement < AGREEMENT:
        why_not = "too few of its pictures come out the same when all is done again"
    elif refused:
        why_not = "too few of the popular products show it"
    return Ask(
        group["ask_id"],
        group["name"],
        tuple(poses[row["pose_id"]] for row in rows),
        group["present"],
        group["missing"],
        agreement,
        why_not,
    )


def choices(
    tables: Tables, run_date: datetime.date, columns: Sequence[str]
) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """The values of carried columns that have more than one and few enough to choose from."""
    rows = _rows(
        tables,
        "SELECT name, list(value ORDER BY value) AS values FROM ("
        "SELECT DISTINCT entry.key AS name, entry.value AS value FROM ("
        "SELECT unnest(map_entries(carried)) AS entry FROM product_audit WHERE run_date = $1) "
        "WHERE entry.value IS NOT NULL AND list_contains($2::VARCHAR[], entry.key)"
        ") GROUP BY name HAVING count(*) BETWEEN 2 AND $3",
        run_date,
        list(columns),
        MOST_CHOICES,
    )
    found = {row["name"]: tuple(row["values"]) for row in rows}
    return tuple((name, found[name]) for name in columns if name in found)


def unjudged(tables: Tables, run_date: datetime.date, status: str) -> tuple[Unjudged, ...]:
    """Products that are `unassessable` or `unclear`, those with most pictures first."""
    rows = _rows(
        tables,
        "SELECT product_id, category, subcategory, pictures, unreadable, reason "
        "FROM product_audit WHERE run_date = ? AND status = ? "
        "ORDER BY pictures DESC, product_id LIMIT ?",
        run_date,
        status,
        UNJUDGED_SHOWN,
    )
    return tuple(
        Unjudged(
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
