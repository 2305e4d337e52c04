"""A published day made ready for the pages: one DuckDB file with a row for each product and gap.

The published Parquet files hold everything, but not in an order that a search or a page of a
million products can be read from at once. The file is made once a run from the views, beside its
place, and renamed; whatever is in it can be made again.

=========  =========================================================================
products   each product with its title, popularity and chosen carried columns
gaps       each flag that is missing, unknown or waived, and since when it is missing
failing    each rule of a marketplace that a product fails
choices    the values of columns that have few of them, with their counts
asks       what the day was audited by
trend      how many products were complete and what they missed, of the last days
days       all published days
about      the day, its run and what could not be done
=========  =========================================================================
"""

from __future__ import annotations

import datetime
import hashlib
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from unposed_jobs.config import Settings
from unposed_jobs.errors import UnposedError
from unposed_jobs.report import listing
from unposed_jobs.sql import published
from unposed_jobs.web import day_counts, prepared

_log = logging.getLogger(__name__)
FORMAT = 4
"""Of the file; another one is made anew."""
MOST_CHOICES = 200
_PASSING = ["audited", "first_pictures", "flagged", "since", "popularity", "estimated", "rules"]
"""Tables that others are made of."""


@dataclass(frozen=True)
class About:
    """The day that a file was made of."""

    run_date: datetime.date
    run_id: str
    model_version: str
    finished_at: datetime.datetime
    title: str
    """The carried column that heads a product; empty for none."""
    columns: tuple[str, ...]
    """Carried columns to filter by, in the order of the columns c0, c1, ..."""
    notes: tuple[str, ...]


def ready(settings: Settings) -> tuple[Path, About]:
    """The file of the latest published day, made where it is not there; those of other days go.

    Raises UnposedError where nothing is published or the folder cannot be written.
    """
    with published.open_views(settings.warehouse, settings.serve.memory) as views:
        days = views.execute(_DAYS).fetchall()
        if not days:
            raise UnposedError("no audit is published yet; run: unposed audit")
        run_date, run_id, model_version, finished_at = days[0]
        folder = Path(settings.serve.folder)
        title, columns = _columns(settings)
        mark = _mark(FORMAT, title, columns)
        # An earlier day that is published anew makes another file: gaps are as old as it says.
        shown = _mark([str(one[:2]) for one in days[: settings.serve.history_days]])
        path = folder / f"day-{run_id}-{mark}-{shown}.duckdb"
        if not path.is_file():
            about = About(run_date, run_id, model_version, finished_at, title, columns, ())
            earlier = sorted(folder.glob(f"day-*-{mark}-*.duckdb"), key=_age)
            with prepared.making(path, settings.serve.memory) as target:
                _fill(views, target, about, settings)
                before = next(iter(earlier), None)
                day_counts.fill(views, target, _few(target, columns), before)
    for other in folder.glob("day-*.duckdb"):
        if other != path:
            other.unlink(missing_ok=True)  # Who has it open keeps it until it is closed.
    return path, read_about(path)


def _age(path: Path) -> float:
    return -path.stat().st_mtime


def _few(target: duckdb.DuckDBPyConnection, columns: Sequence[str]) -> list[str]:
    """The carried columns that have few values."""
    known = {name for (name,) in target.execute("SELECT DISTINCT name FROM choices").fetchall()}
    return [name for name in columns if name in known]


def read_about(path: Path) -> About:
    """What the file says about itself."""
    with duckdb.connect(str(path), read_only=True) as connection:
        row = _one(connection, "SELECT * FROM about")
    assert row is not None
    run_date, run_id, model_version, finished_at, title, columns, notes = row
    return About(
        run_date,
        run_id,
        model_version,
        finished_at,
        title,
        tuple(json.loads(columns)),
        tuple(json.loads(notes)),
    )


def _mark(*what: Any) -> str:
    return hashlib.sha256(json.dumps(what).encode()).hexdigest()[:8]


def _columns(settings: Settings) -> tuple[str, tuple[str, ...]]:
    carry, wanted = settings.catalogue.carry, settings.serve.columns
    for name in wanted:
        if name not in carry:
            raise UnposedError(
                f"[serve] columns: {name} is not carried; [catalogue] carry has: "
                f"{', '.join(carry) or 'nothing'}"
            )
    title = settings.gallery.title if settings.gallery.title in carry else ""
    return title, tuple(name for name in wanted or carry if name != title)


def _one(connection: duckdb.DuckDBPyConnection, sql: str, parameters: Any = None) -> Any:
    return next(iter(connection.execute(sql, parameters).fetchall()), None)


def _fill(
    views: duckdb.DuckDBPyConnection,
    target: duckdb.DuckDBPyConnection,
    about: About,
    settings: Settings,
) -> None:
    notes: list[str] = []
    _popularity(target, settings, notes)
    carried = "".join(f", carried[?] AS c{place}" for place, _ in enumerate(about.columns))
    prepared.copy(
        views,
        target,
        "audited",
        f"""
        SELECT product_id, category, subcategory, product_type, status, reason, completeness,
            pictures, usable, unreadable, is_target, missing_count, top_missing,
            carried[?] AS title {carried}
        FROM product_audit_current
        """,  # noqa: S608 - places of parameters
        [about.title, *about.columns],
    )
    prepared.copy(
        views,
        target,
        "first_pictures",
        "SELECT product_id, arg_min(image_uri, coalesce(position, 0)) AS picture "
        "FROM product_images_current WHERE status IN ('shown', 'unclear', 'hidden') "
        "GROUP BY product_id",
    )
    target.execute(_PRODUCTS)
    # A file of views from before an upgrade may lack the newest columns.
    there = {row[0] for row in views.execute("DESCRIBE pose_flags_current").fetchall()}
    prepared.copy(views, target, "flagged", _FLAGGED if "advice" in there else _FLAGGED_BEFORE)
    prepared.copy(views, target, "since", _SINCE, [settings.serve.history_days])
    known = {row[0] for row in views.execute("SELECT view_name FROM duckdb_views()").fetchall()}
    prepared.copy(
        views, target, "estimated", _ESTIMATED if "worth_of_gaps" in known else _NO_ESTIMATES
    )
    target.execute(_GAPS)
    prepared.copy(views, target, "rules", _RULES if "failing_rules" in known else _NO_RULES)
    target.execute(_FAILING)
    prepared.copy(views, target, "asks", _ASKS)
    prepared.copy(views, target, "days", _DAYS_WITH_PICTURES)
    _choices(target, about)
    for name in _PASSING:
        target.execute(f"DROP TABLE {name}")
    target.execute(
        "CREATE TABLE about AS SELECT ?::DATE AS run_date, ? AS run_id, ? AS model_version, "
        "?::TIMESTAMPTZ AS finished_at, ? AS title, ? AS columns, ? AS notes",
        [
            about.run_date,
            about.run_id,
            about.model_version,
            about.finished_at,
            about.title,
            json.dumps(about.columns),
            json.dumps(notes),
        ],
    )


def _popularity(target: duckdb.DuckDBPyConnection, settings: Settings, notes: list[str]) -> None:
    try:
        rows = listing.from_settings(settings).popularity()
    except UnposedError as error:
        rows = listing.POPULARITY.empty_table()
        notes.append(f"The order knows no popularity: {error}")
    target.register("listed", rows)
    target.execute("CREATE TABLE popularity AS FROM listed")
    target.unregister("listed")


def _choices(target: duckdb.DuckDBPyConnection, about: About) -> None:
    target.execute("CREATE TABLE choices (name VARCHAR, value VARCHAR, products BIGINT)")
    names = {"category": "category", "product_type": "product_type"}
    names |= {f"c{place}": name for place, name in enumerate(about.columns)}
    for column, name in names.items():
        target.execute(
            f"""
            INSERT INTO choices
            SELECT ?, {column}, count(*) FROM products WHERE {column} IS NOT NULL
            GROUP BY {column}
            QUALIFY count(*) OVER () <= {MOST_CHOICES}
            """,  # noqa: S608 - our own column names
            [name],
        )
    target.execute(
        "INSERT INTO choices SELECT 'subcategory', category || chr(31) || subcategory, count(*) "
        "FROM products WHERE subcategory IS NOT NULL AND category IS NOT NULL GROUP BY ALL"
    )
    target.execute(
        "INSERT INTO choices SELECT 'marketplace', marketplace, count(DISTINCT pid) FROM failing "
        "GROUP BY ALL UNION ALL SELECT 'rule', rule, count(DISTINCT pid) FROM failing GROUP BY ALL"
    )


_DAYS = """
SELECT run_date, run_id, model_version, finished_at FROM published_days ORDER BY run_date DESC
"""
# A day of an earlier version has no pictures in its table.
_DAYS_WITH_PICTURES = f"""
WITH pictured AS (SELECT DISTINCT run_date FROM product_images)
SELECT d.*, d.run_date IN (FROM pictured) AS pictured FROM ({_DAYS}) d
"""  # noqa: S608 - a constant
# `standing`: the share of products that are at most as popular, in (0, 1]; 1 where none is known.
_PRODUCTS = """
CREATE TABLE products AS
SELECT
    CAST(row_number() OVER (ORDER BY a.product_id) AS BIGINT) AS pid, a.*,
    coalesce(p.score, 0.0) AS popularity,
    cume_dist() OVER (ORDER BY coalesce(p.score, 0.0)) AS standing,
    p.average_rating, p.rating_count, f.picture,
    lower(concat_ws(' ', a.product_id, a.title)) AS sought
FROM audited a
LEFT JOIN popularity p USING (product_id)
LEFT JOIN first_pictures f USING (product_id)
ORDER BY a.product_id
"""
_FLAGGED = """
SELECT
    product_id, coalesce(ask_id, pose_id) AS ask_id, coalesce(ask_name, pose_name) AS ask_name,
    pose_id, pose_name, shot_code, state, rank, score, confidence,
    coalesce(advice, remedy) AS advice, remedy_uri, remedy_box, remedy_seconds,
    example_images[1] AS example, waived_by, waived_reason, waived_until
FROM pose_flags_current WHERE state IN ('missing', 'unknown', 'waived')
"""
_FLAGGED_BEFORE = _FLAGGED.replace(
    "coalesce(advice, remedy) AS advice, remedy_uri, remedy_box, remedy_seconds",
    "remedy AS advice, NULL::VARCHAR AS remedy_uri, NULL::FLOAT[] AS remedy_box, "
    "NULL::DOUBLE AS remedy_seconds",
)
# The first published day of the unbroken row of days, up to the last, on which it is missing.
_SINCE = """
WITH days AS (
    SELECT run_date FROM published_days ORDER BY run_date DESC LIMIT ?
), flags AS (
    SELECT product_id, coalesce(ask_id, pose_id) AS ask_id, run_date, state = 'missing' AS missing
    FROM pose_flags WHERE run_date IN (FROM days)
), latest AS (
    SELECT product_id, ask_id, min(run_date) FILTER (missing) AS first_missing,
        max(run_date) FILTER (NOT missing) AS last_other
    FROM flags GROUP BY product_id, ask_id
    HAVING max(run_date) FILTER (missing) = (SELECT max(run_date) FROM days)
)
SELECT product_id, ask_id, CASE
    WHEN last_other IS NULL OR last_other < first_missing THEN first_missing
    ELSE (SELECT min(run_date) FROM days WHERE run_date > last_other)
    END AS since
FROM latest
"""
_GAPS = """
CREATE TABLE gaps AS
SELECT
    p.pid, f.* EXCLUDE (product_id), s.since,
    -- What many see and few do without comes first.
    CASE WHEN f.state = 'missing' THEN p.standing / f.rank ELSE 0.0 END AS worth,
    e.worth AS estimated, e.claim, e.says,
    p.popularity, p.category, p.subcategory,
    date_diff('day', DATE '2000-01-01', s.since) AS since_days
FROM flagged f JOIN products p USING (product_id)
LEFT JOIN since s ON s.product_id = f.product_id AND s.ask_id = f.ask_id
LEFT JOIN estimated e ON e.product_id = f.product_id AND e.ask_id = f.ask_id
ORDER BY worth DESC, p.pid, f.ask_id
"""
_ESTIMATED = """
SELECT product_id, ask_id, any_value(worth) AS worth, any_value(claim) AS claim,
    any_value(says) AS says
FROM worth_of_gaps GROUP BY product_id, ask_id
"""
_NO_ESTIMATES = """
SELECT NULL::VARCHAR AS product_id, NULL::INTEGER AS ask_id, NULL::DOUBLE AS worth,
    NULL::VARCHAR AS claim, NULL::VARCHAR AS says
WHERE false
"""
_RULES = "SELECT DISTINCT product_id, marketplace, rule, level FROM failing_rules"
_NO_RULES = """
SELECT NULL::VARCHAR AS product_id, NULL::VARCHAR AS marketplace, NULL::VARCHAR AS rule,
    NULL::VARCHAR AS level
WHERE false
"""
_FAILING = """
CREATE TABLE failing AS
SELECT r.marketplace, r.rule, r.level, p.pid
FROM rules r JOIN products p USING (product_id)
ORDER BY r.marketplace, r.rule, p.pid
"""
_ASKS = """
SELECT
    coalesce(ask_id, pose_id) AS ask_id, any_value(coalesce(ask_name, pose_name)) AS ask_name,
    any_value(coalesce(members, [pose_id])) AS members, mode(shot_code) AS shot_code,
    count(*) FILTER (state = 'missing') AS missing,
    count(*) FILTER (state = 'present') AS present,
    count(*) FILTER (state = 'waived') AS waived,
    count(*) FILTER (state = 'unknown') AS unclear
FROM pose_flags_current GROUP BY coalesce(ask_id, pose_id) ORDER BY ask_id
"""
