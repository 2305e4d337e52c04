"""The SQL of the view `worth_of_gaps`: each gap with the estimate that speaks best for it.

That is the strongest claim: an effect before an association, a change whose checks failed, nothing,
a refusal; of equal claims the product's own category before all products. Of gaps whose ask was
never estimated all of it is null.
"""

from __future__ import annotations

_BEST = """
    SELECT g.category, i.*
    FROM (SELECT DISTINCT coalesce(category, '') AS category, ask_id FROM gaps) g
    JOIN influence_current i ON i.ask_id = g.ask_id AND i.cohort IN ('', g.category)
    QUALIFY row_number() OVER (
        PARTITION BY g.category, g.ask_id
        ORDER BY list_position(['effect', 'association', 'change', 'none', 'refused'], i.claim),
            i.cohort = '', i.method, i.term
    ) = 1
"""
_OUTCOME = """
    CASE b.outcome
        WHEN 'rating_count' THEN a.rating_count
        WHEN 'average_rating' THEN a.average_rating
        ELSE TRY_CAST(a.carried[b.outcome] AS DOUBLE)
    END
"""
WORTH = f"""
WITH gaps AS (
    SELECT * REPLACE (
        coalesce(ask_id, pose_id) AS ask_id, coalesce(ask_name, pose_name) AS ask_name
    )
    FROM pose_flags_current WHERE state = 'missing'
), best AS ({_BEST})
SELECT
    g.run_date, g.product_id, g.category, g.subcategory, g.product_type, a.carried,
    g.ask_id, g.ask_name, g.rank, g.shot_code,
    b.estimate, b.low, b.high, b.scale, b.claim, b.method, b.cohort, b.n, b.says,
    CASE
        WHEN b.claim NOT IN ('effect', 'association') THEN NULL
        WHEN b.scale = 'log' THEN b.estimate * {_OUTCOME}
        ELSE b.estimate
    END AS worth,
    b.outcome, b.run_date AS estimated_on
FROM gaps g
LEFT JOIN product_audit_current a USING (product_id)
LEFT JOIN best b ON b.category = coalesce(g.category, '') AND b.ask_id = g.ask_id
"""  # noqa: S608 - constants
COLUMNS = {
    "worth": "The estimate times the product's own outcome, or the estimate itself on a linear "
    "scale: to order gaps by; what a picture adds only where the claim is effect; null where "
    "nothing can be told",
    "estimated_on": "The day of the estimate",
    "n": "Products that the estimate compares",
}
