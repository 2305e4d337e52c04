"""The SQL of the view `changes`: which gaps opened and closed between published days, and why.

The cause is the first that applies: a waiver; a product that came or went; the picture
that fills the ask, or filled it; then what else differs between the two audits, in the order in
which it overrules pictures: model, shot profile, settings, the product's place in the catalogue;
last, the product's other pictures (one that is no longer unclear may open a gap).
"""

from __future__ import annotations

_DAYS = """
    SELECT
        run_date, lag(run_date) OVER days AS previous_date,
        model_version, model_version <> lag(model_version) OVER days AS new_model,
        profile <> lag(profile) OVER days AS new_profile,
        settings <> lag(settings) OVER days AS new_settings
    FROM published_days
    WINDOW days AS (ORDER BY run_date)
"""
# A day from before there were asks has a class for each.
_FLAGS = """
    SELECT
        run_date, product_id, coalesce(ask_id, pose_id) AS ask_id,
        coalesce(ask_name, pose_name) AS ask_name, state, evidence_image, shown_by
    FROM pose_flags
"""
# First by the keys of what is missing alone: of many flags few change.
_MISSING = """
    SELECT run_date, product_id, ask_id FROM flags WHERE state = 'missing'
"""
_OPENED = """
    SELECT m.run_date, d.previous_date, m.product_id, m.ask_id
    FROM missing m
    JOIN days d ON d.run_date = m.run_date
    ANTI JOIN missing o
        ON o.run_date = d.previous_date AND o.product_id = m.product_id AND o.ask_id = m.ask_id
    WHERE d.previous_date IS NOT NULL
"""
_CLOSED = """
    SELECT d.run_date, d.previous_date, m.product_id, m.ask_id
    FROM missing m
    JOIN days d ON d.previous_date = m.run_date
    ANTI JOIN missing n
        ON n.run_date = d.run_date AND n.product_id = m.product_id AND n.ask_id = m.ask_id
"""
_MOVED = """
    SELECT
        k.run_date, 'opened' AS change, k.product_id, k.ask_id, n.ask_name,
        o.state AS state_before, n.state AS state_after, o.evidence_image AS picture,
        o.shown_by
    FROM opened k
    JOIN flags n
        ON n.run_date = k.run_date AND n.product_id = k.product_id AND n.ask_id = k.ask_id
    LEFT JOIN flags o
        ON o.run_date = k.previous_date AND o.product_id = k.product_id AND o.ask_id = k.ask_id
    UNION ALL
    SELECT
        k.run_date, 'closed', k.product_id, k.ask_id, o.ask_name,
        o.state, n.state, n.evidence_image, n.shown_by
    FROM closed k
    JOIN flags o
        ON o.run_date = k.previous_date AND o.product_id = k.product_id AND o.ask_id = k.ask_id
    LEFT JOIN flags n
        ON n.run_date = k.run_date AND n.product_id = k.product_id AND n.ask_id = k.ask_id
"""
# Both days' pictures of products with a change.
_PICTURES = """
    SELECT
        sides.run_date, sides.product_id, image_uri,
        count(*) FILTER (p.run_date = sides.run_date) > 0 AS after,
        count(*) FILTER (p.run_date <> sides.run_date) > 0 AS before,
        count(DISTINCT concat_ws(' ', coalesce(content_sha256, status))) > 1 AS other
    FROM (
        SELECT run_date, product_id, unnest([run_date, previous_date]) AS day
        FROM (SELECT DISTINCT run_date, product_id FROM moved) JOIN days USING (run_date)
    ) sides
    JOIN product_images p ON p.run_date = sides.day AND p.product_id = sides.product_id
    GROUP BY ALL
"""
_COMPARED = """
    SELECT
        run_date, product_id,
        bool_or(after AND NOT before) AS added, bool_or(before AND NOT after) AS removed,
        bool_or(other) AS changed
    FROM pictures JOIN days USING (run_date)
    WHERE run_date IN (FROM pictured) AND previous_date IN (FROM pictured)
    GROUP BY ALL
"""
_PLACE = "row({0}.category, {0}.subcategory, {0}.product_type)"
CHANGES = f"""
WITH days AS ({_DAYS}),
    -- Kept in memory both days' flags would be most of what a query may use.
    flags AS NOT MATERIALIZED ({_FLAGS}), missing AS NOT MATERIALIZED ({_MISSING}),
    opened AS ({_OPENED}), closed AS ({_CLOSED}), moved AS ({_MOVED}),
    -- A day of an earlier version has no pictures in the table: their cause is unknown.
    pictured AS (SELECT DISTINCT run_date FROM product_images),
    pictures AS ({_PICTURES}), compared AS ({_COMPARED})
SELECT
    m.run_date, d.previous_date, m.change, m.product_id,
    coalesce(n.category, o.category) AS category,
    coalesce(n.subcategory, o.subcategory) AS subcategory,
    coalesce(n.product_type, o.product_type) AS product_type,
    coalesce(n.carried, o.carried) AS carried,
    m.ask_id, m.ask_name, m.state_before, m.state_after,
    CASE
        WHEN m.state_after = 'waived' THEN 'waived'
        WHEN m.state_before = 'waived' THEN 'waiver ended'
        WHEN m.shown_by IS NOT NULL AND m.change = 'closed' THEN 'picture confirmed'
        WHEN m.shown_by IS NOT NULL THEN 'confirmation ended'
        WHEN o.product_id IS NULL THEN 'new product'
        WHEN n.product_id IS NULL THEN 'product removed'
        WHEN c.run_date IS NOT NULL AND p.after AND NOT p.before THEN 'picture added'
        WHEN c.run_date IS NOT NULL AND p.before AND NOT p.after THEN 'picture removed'
        WHEN c.run_date IS NOT NULL AND p.other THEN 'picture changed'
        WHEN d.new_model THEN 'new model'
        WHEN d.new_profile THEN 'new profile'
        WHEN d.new_settings THEN 'new settings'
        WHEN {_PLACE.format("n")} IS DISTINCT FROM {_PLACE.format("o")} THEN 'new catalogue'
        WHEN c.added THEN 'picture added'
        WHEN c.removed THEN 'picture removed'
        WHEN c.changed THEN 'picture changed'
        ELSE 'unknown'
    END AS why,
    m.picture, d.model_version
FROM moved m
JOIN days d ON d.run_date = m.run_date
LEFT JOIN product_audit n ON n.run_date = d.run_date AND n.product_id = m.product_id
LEFT JOIN product_audit o ON o.run_date = d.previous_date AND o.product_id = m.product_id
LEFT JOIN pictures p
    ON p.run_date = m.run_date AND p.product_id = m.product_id AND p.image_uri = m.picture
LEFT JOIN compared c ON c.run_date = m.run_date AND c.product_id = m.product_id
"""  # noqa: S608 - constants
COLUMNS = {
    "previous_date": "The published day before, with which it is compared",
    "change": "opened: missing now and not before; closed: the other way round",
    "state_before": "The flag's state on the day before; null: there was none",
    "state_after": "The flag's state on the day; null: there is none",
    "why": "picture added, picture removed, picture changed (its content, or whether it can be "
    "read); new product, product removed; waived, waiver ended; "
    "picture confirmed, by a person, confirmation ended; new model, new profile, new "
    "settings ([audit], or another version of the code); new catalogue: another category or type; "
    "unknown",
    "picture": "The picture that fills the ask, or filled it before",
}
