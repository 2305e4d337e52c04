"""Pictures of which people said what they show, held against what a model reads in them.

They are examples to judge by, never to train on: nothing in `reference` reads them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from unposed_jobs.decisions.kinds import SHOWS
from unposed_jobs.decisions.store import Recorded

Ask = Callable[[str, Sequence[Any]], Sequence[dict[str, Any]]]
"""Rows of a SELECT over the published tables; values are bound to ``?``."""


@dataclass(frozen=True)
class Reading:
    """One labelled picture that the model has read."""

    product_id: str
    agrees: bool
    """Whether the model's nearest class belongs to the ask that the person named."""


def readings(found: Sequence[Recorded], model_version: str, ask: Ask) -> list[Reading]:
    """Of the labelled pictures those that a model has read; an ask counts by any of its classes.

    A label without the picture's content, or of one that the model never saw, is left out.
    """
    labels = [
        one.decision
        for one in found
        if one.decision.kind == SHOWS and one.stands and one.decision.content_sha256
    ]
    if not labels:
        return []
    rows = ask(
        """
        SELECT p.content_sha256, any_value(n.ask_id) AS ask_id, list(DISTINCT m.pose_id) AS classes
        FROM image_poses p
        LEFT JOIN vocabulary n ON n.model_version = p.model_version AND n.pose_id = p.pose_id
        LEFT JOIN vocabulary m ON m.model_version = p.model_version
            AND coalesce(m.ask_id, m.pose_id) = coalesce(n.ask_id, n.pose_id)
        WHERE p.model_version = ? AND p.content_sha256 IN (SELECT unnest(?))
        GROUP BY p.content_sha256
        """,
        [model_version, sorted({str(label.content_sha256) for label in labels})],
    )
    known = {row["content_sha256"]: {*(row["classes"] or ()), row["ask_id"]} for row in rows}
    return [
        Reading(str(label.product_id), label.ask_id in known[label.content_sha256])
        for label in labels
        if label.content_sha256 in known
    ]
