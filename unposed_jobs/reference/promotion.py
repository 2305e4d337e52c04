"""Whether a candidate becomes the champion: no worse, and without turning flags for nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from unposed_jobs.config import AuditSettings, TrainingSettings
from unposed_jobs.reference import comparison
from unposed_jobs.reference.bundle import Bundle
from unposed_jobs.reference.pictures import arrays

TOLERANCES = {"stability": 0.1, "silhouette_same_space": 0.05, "named": 0.05}
"""How much a figure of the candidate may lie below the champion's. Stability is the noisiest: it
moves by some hundredths from one random resampling to the next."""
_FIGURE_NAMES = {
    "stability": "stability",
    "silhouette_same_space": "silhouette",
    "named": "share of named pictures",
}
_SCORED = 2_000
_SEED = 20221012


@dataclass(frozen=True)
class Decision:
    """`promote`, the reason in one line, and the figures it rests on."""

    promote: bool
    reason: str
    figures: dict[str, Any]
    turned: pa.Table | None = None
    """The flags that it turns, see `comparison.Comparison.turned`; None where nothing compares."""


def decide(
    candidate: Bundle,
    champion: Bundle | None,
    pictures: pa.Table,
    settings: TrainingSettings,
    audit: AuditSettings | None = None,
) -> Decision:
    """Compare two models on the very same pictures.

    `pictures` is the training table (product_id, the cohort attributes, content_sha256, status,
    landmarks, ...). Without a champion the candidate is promoted. Else it must not fall more than
    its tolerance (`TOLERANCES`) below the champion in stability, in silhouette - of both models'
    classes in one space, the candidate's weighted features - and in the share of pictures it can
    name; and at most `max_flip_share` of the flags (product x ask, over the asks of either model)
    may change, no picture having changed. `audit` decides what is flagged, from which share and
    confidence on. A champion of another estimator cannot be compared, nor used any more.
    """
    audit = audit or AuditSettings()
    if champion is None:
        return Decision(True, "there is no champion yet", {})
    if champion.estimator_id != candidate.estimator_id:
        reason = f"the estimator is now {candidate.estimator_id}; the champion cannot use it"
        return Decision(True, reason, {"champion": champion.model_version})
    compared = comparison.compare(champion, candidate, pictures, audit)
    poses, flips, turned = compared.poses, compared.flip_share, compared.turned()
    figures: dict[str, Any] = {
        "champion": champion.model_version,
        "flip_share": round(flips, 4),
        "turned": compared.turned_count,
        "confusion": compared.confusion(),
        "named": [round(float((found >= 0).mean()), 4) for found in poses],
        "silhouette_same_space": _silhouettes(candidate, poses, pictures),
        "stability": [_stability(bundle) for bundle in (champion, candidate)],
    }
    for name, tolerance in TOLERANCES.items():
        before, after = figures[name]
        if before is not None and after is not None and after < before - tolerance:
            reason = f"{_FIGURE_NAMES[name]} {after:.3f} is worse than the champion's {before:.3f}"
            return Decision(False, reason, figures, turned)
    if flips > settings.max_flip_share:
        reason = (
            f"{flips:.1%} of the flags would change with no picture changed, more than "
            f"[training] max_flip_share = {settings.max_flip_share:g}"
        )
        return Decision(False, reason, figures, turned)
    reason = f"no worse than the champion; {flips:.1%} of the flags change"
    return Decision(True, reason, figures, turned)


def accept(refusal: Decision, who_and_why: str) -> Decision:
    """What becomes of a refusal that somebody overrules; `who_and_why` is kept.

    The figures keep both, so that a later reader sees what was known and who took it on.
    """
    return Decision(
        True,
        f"accepted by hand ({who_and_why}) though {refusal.reason}",
        refusal.figures | {"accepted_by_hand": who_and_why, "refused_because": refusal.reason},
        refusal.turned,
    )


def wait(refusal: Decision) -> Decision:
    """What becomes of a refusal that is left to a person: the candidate stays one until then."""
    return Decision(
        False,
        f"waits for a person: {refusal.reason}",
        refusal.figures | {"waits": True, "refused_because": refusal.reason},
        refusal.turned,
    )


def _stability(bundle: Bundle) -> float | None:
    """None for a single class: it is found again in any part of any data."""
    if bundle.metrics.get("clusters") == 1:
        return None
    return bundle.metrics.get("stability")


def _silhouettes(
    candidate: Bundle, poses: Sequence[npt.NDArray[np.int64]], pictures: pa.Table
) -> list[float | None]:
    """Of the champion's and the candidate's classes, on the same pictures in the same space."""
    if candidate.person is None:
        return [None, None]
    from sklearn.metrics import silhouette_score  # Takes a second to import.

    found = arrays(pictures, candidate.person.topology, 0)
    points = candidate.person.scaler.encode(found.features)
    named = np.all([pose[found.person] >= 0 for pose in poses], axis=0)
    rows = np.flatnonzero(named)
    if len(rows) > _SCORED:
        rows = np.random.default_rng(_SEED).choice(rows, _SCORED, replace=False)
    scores: list[float | None] = []
    for pose in poses:
        labels = pose[found.person][rows]
        enough = 1 < len(np.unique(labels)) < len(labels)
        score = silhouette_score(points[rows], labels) if enough else None
        scores.append(None if score is None else round(float(score), 4))
    return scores
