"""The kinds' part of the estimator's id, for drivers that need none of the networks."""

from __future__ import annotations

import hashlib

from unposed_jobs.config import PoseSettings
from unposed_jobs.networks import weights
from unposed_jobs.pose.kinds import reading

WEIGHTS = "efficientnet-lite0"
VERSION = 1
"""Raised when the answers of an equal head and equal weights would change."""


def identify(inner: str, settings: PoseSettings) -> str:
    """The `estimator_id` of `inner` with the kinds: another network or head is another id.

    Everything is then extracted again, pictures of people too: one id for each row keeps the rule
    simple. Raises UnposedError for missing or damaged weights.
    """
    digest = hashlib.sha256(f"{VERSION}".encode() + reading.content())
    digest.update(weights.verify(settings, WEIGHTS).sha256.encode())
    return f"{inner}-kinds{digest.hexdigest()[:8]}"
