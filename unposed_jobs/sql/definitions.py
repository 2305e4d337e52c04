"""The analysts' views: their SQL and the comments of their columns.

Written for DuckDB. `published_days` decides what of the day tables may be seen.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from unposed_jobs.sql import changes
from unposed_jobs.warehouse.reading import quote
from unposed_jobs.warehouse.tables import DAY_TABLES, TABLES

CURRENT = ("pose_flags", "product_audit", "product_images", "product_colours", "ready_for")
"""Tables that have a view of their latest published day."""


@dataclass(frozen=True)
class View:
    """One view: its SELECT, and the comments of columns that no table has."""

    name: str
    doc: str
    sql: str
    columns: dict[str, str] = field(default_factory=dict)


def published_days(run_ids: Iterable[str]) -> View:
    """The view of what is published, of those runs: the days whose rows are all there."""
    listed = ", ".join(quote(run_id) for run_id in sorted(run_ids))
    return View(
        "published_days",
        "The audited days that are published, each with the run that readers see",
        f"""
        SELECT
            run_date, run_id, model_version, finished_at,
            figures->>'$.profile' AS profile, figures->>'$.settings' AS settings
        FROM runs
        WHERE list_contains(CAST([{listed}] AS VARCHAR[]), run_id)
        """,  # noqa: S608
        {
            "profile": "A digest of the shot profile; null: an audit of an earlier version",
            "settings": "A digest of [audit] and of the version of the code; null as above",
        },
    )


CURRENT_VIEWS = tuple(
    View(
        f"{name}_current",
        TABLES[name].doc.replace("For each audited day:", "For the latest published day:"),
        f"FROM {name}",
    )
    for name in CURRENT
)
_COUNTED = {
    "products": "Audited products",
    "complete_products": "Products with nothing missing",
    "gap_products": "Products that miss something",
    "unclear_products": "Products of which nothing is missing for certain",
    "unassessable_products": "Products of which too little could be read to say",
    "missing_asks": "Missing asks of all products",
    "mean_completeness": "Mean present share of the cohort's asks, assessable products",
}
DERIVED_VIEWS = (
    View(
        "top_missing_by_category",
        "For the latest published day: the asks that each category misses most",
        """
        SELECT
            run_date, category, ask_id, any_value(ask_name) AS ask_name,
            mode(shown) FILTER (state = 'missing').id AS pose_id,
            mode(shown) FILTER (state = 'missing').name AS pose_name,
            count(*) FILTER (state = 'missing') AS missing_products,
            count(*) FILTER (state IN ('missing', 'present')) AS assessed_products,
            missing_products / assessed_products AS missing_share,
            avg(score) FILTER (state = 'missing') AS mean_score,
            CAST(rank() OVER (
                PARTITION BY category ORDER BY missing_products DESC, mean_score DESC, ask_id
            ) AS INTEGER) AS place
        FROM (
            -- A day from before there were asks has a class for each.
            SELECT * REPLACE (
                    coalesce(ask_id, pose_id) AS ask_id, coalesce(ask_name, pose_name) AS ask_name
                ),
                {'id': pose_id, 'name': pose_name} AS shown
            FROM pose_flags_current
        )
        GROUP BY run_date, category, ask_id
        HAVING missing_products > 0
        ORDER BY category, place
        """,
        {
            "pose_id": "The class by which most of these products' cohorts show it",
            "pose_name": "Of that class",
            "missing_products": "Products that miss the ask",
            "assessed_products": "Products for which it could be said and that should show it",
            "missing_share": "missing_products / assessed_products",
            "mean_score": "Mean ranking score of the missing ask; association only",
            "place": "In the category, 1 is missed most",
        },
    ),
    View(
        "missing_trend",
        "For each published day and category: how complete the products are",
        """
        SELECT
            run_date, category,
            count(*) AS products,
            count(*) FILTER (status = 'complete') AS complete_products,
            count(*) FILTER (status = 'gaps') AS gap_products,
            count(*) FILTER (status = 'unclear') AS unclear_products,
            count(*) FILTER (status = 'unassessable') AS unassessable_products,
            CAST(sum(missing_count) AS BIGINT) AS missing_asks,
            avg(completeness) FILTER (status <> 'unassessable') AS mean_completeness
        FROM product_audit
        GROUP BY run_date, category
        ORDER BY run_date, category
        """,
        _COUNTED,
    ),
    View(
        "gaps_by",
        "For each published day and value of a product column: how complete the products are",
        """
        SELECT
            run_date, attribute.key AS attribute, attribute.value AS value,
            count(*) AS products,
            count(*) FILTER (status = 'complete') AS complete_products,
            count(*) FILTER (status = 'gaps') AS gap_products,
            CAST(sum(missing_count) AS BIGINT) AS missing_asks,
            avg(completeness) FILTER (status <> 'unassessable') AS mean_completeness
        FROM (
            SELECT
                run_date, status, missing_count, completeness,
                unnest(map_entries(map_concat(
                    coalesce(carried, CAST(MAP {} AS MAP(VARCHAR, VARCHAR))),
                    MAP {
                        'category': category, 'subcategory': subcategory,
                        'product_type': product_type
                    }
                ))) AS attribute
            FROM product_audit
        )
        GROUP BY run_date, attribute.key, attribute.value
        """,
        {
            "attribute": "The column: category, subcategory, product_type, or one that [catalogue] "
            "carry names",
            "value": "Its value; null where the product has none",
        }
        | _COUNTED,
    ),
    View(
        "changes",
        "For each published day: the gaps that opened and closed since the published day before, "
        "and why",
        changes.CHANGES,
        changes.COLUMNS,
    ),
    View(
        "waivers",
        "For the latest published day: the flags that are waived, by whom, why and until when",
        """
        SELECT
            f.run_date, f.product_id, f.category, f.subcategory, f.product_type, a.carried,
            coalesce(f.ask_id, f.pose_id) AS ask_id, coalesce(f.ask_name, f.pose_name) AS ask_name,
            f.shot_code, f.waived_by, f.waived_reason, f.waived_until,
            f.waived_until - f.run_date AS days_left
        FROM pose_flags_current f
        LEFT JOIN product_audit_current a USING (product_id)
        WHERE f.state = 'waived'
        ORDER BY f.waived_until NULLS LAST, f.product_id, ask_id
        """,
        {"days_left": "Days until the last one it is waived; null: for good"},
    ),
    View(
        "failing_rules",
        "For the latest published day: each rule of a marketplace that a product fails, with the "
        "picture and what mends it",
        """
        SELECT
            run_date, product_id, category, subcategory, product_type, marketplace, ready,
            unnest(rules) AS rule, unnest(levels) AS level, unnest(images) AS image_uri,
            unnest(found) AS found, unnest(wanted) AS wanted, unnest(remedies) AS remedy
        FROM ready_for_current
        """,
        {
            "rule": "Of the marketplace's file",
            "level": "must or advice",
            "image_uri": "The picture; empty: it is about all of the product's",
            "found": "What was measured",
            "wanted": "The rule's limits in words",
            "remedy": "crop; cut_out; re-export: the original in another size or file; shoot; "
            "leave_out",
        },
    ),
    View(
        "readiness",
        "For the latest published day: for each product and marketplace its own rules beside what "
        "popular products show",
        """
        SELECT
            r.run_date, r.product_id, r.category, r.subcategory, r.product_type, r.marketplace,
            r.ready,
            len(list_distinct(list_transform(
                list_filter(list_zip(r.rules, r.levels), lambda one: one[2] = 'must'),
                lambda one: one[1]
            ))) AS failing_rules,
            len(list_distinct(r.rules)) - failing_rules AS failing_advice,
            a.status, a.missing_count, a.top_missing,
            coalesce(f.croppable, 0) AS croppable
        FROM ready_for_current r
        LEFT JOIN product_audit_current a USING (product_id)
        LEFT JOIN (
            SELECT product_id, count(*) AS croppable FROM pose_flags_current
            WHERE state = 'missing' AND remedy = 'crop' GROUP BY product_id
        ) f USING (product_id)
        """,
        {
            "failing_rules": "Rules that must hold and do not",
            "failing_advice": "Rules that are advice and do not hold",
            "croppable": "Missing asks that lie within a picture that it has",
        },
    ),
    View(
        "decisions_current",
        "What people had decided in the application that the latest published day went by",
        """
        SELECT d.* FROM decisions d
        JOIN published_days p ON p.run_date = d.run_date AND p.run_id = d.run_id
        WHERE d.run_date = (SELECT max(run_date) FROM published_days)
        ORDER BY d.decision_id
        """,
    ),
    View(
        "unassessable_products",
        "For the latest published day: products of which too little could be read to say",
        """
        SELECT
            run_date, product_id, category, subcategory, product_type,
            pictures, usable, unreadable, duplicates, with_person, reason
        FROM product_audit_current
        WHERE status = 'unassessable'
        ORDER BY category, product_id
        """,
    ),
)
DAY_NAMES = tuple(table.name for table in DAY_TABLES)


def column_docs() -> dict[str, str]:
    """Comments of the tables' columns by name, for views that carry them on."""
    docs: dict[str, str] = {}
    # The day tables' words win: the views are of them.
    for table in (*TABLES.values(), *DAY_TABLES):
        for column in table.schema:
            docs[column.name] = (column.metadata or {}).get(b"doc", b"").decode()
    return docs
