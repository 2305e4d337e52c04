"""Whether a training goes on with the champion's classes, or starts them anew."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from unposed_jobs.config import TrainingSettings
from unposed_jobs.embedding.autoencoder import Autoencoder
from unposed_jobs.embedding.scaler import Scaler
from unposed_jobs.embedding.topology import Floats, Topology
from unposed_jobs.vocabulary import continuity
from unposed_jobs.vocabulary.clustering import Clusters, Indices, squared_distances
from unposed_jobs.vocabulary.continuity import Proposed
from unposed_jobs.vocabulary.matching import KEPT, NEW, Lineage
from unposed_jobs.vocabulary.no_person import NoPersonBranch

if TYPE_CHECKING:
    from unposed_jobs.reference.bundle import Bundle

CONTINUED = "continued"
LEARNED_FROM = "embedding_pictures"
"""The metric of how many pictures an embedding was learned from."""
OUTGROWN = 2.0
"""An embedding is learned anew where the reference has so many times the pictures it was from."""
_SAME = ("embedding", "clusters", "cluster_range", "epochs", "learning_rate", "weight_decay")
"""Settings that ask for another vocabulary when they change."""


@dataclass(frozen=True)
class Going:
    """How the classes with a person go on; `clusters` is None where they start anew, for `reason`.

    `lineage` is by the champion's ids.
    """

    reason: str
    encoder: Scaler | Autoencoder | None = None
    clusters: Clusters | None = None
    lineage: Lineage | None = None


def person(
    champion: Bundle | None,
    topology: Topology,
    encoder: Scaler | Autoencoder,
    features: Floats,
    *,
    fresh: Callable[[Floats], Proposed],
    settings: TrainingSettings,
    next_id: int,
) -> Going:
    """Go on with the champion's classes of pictures with a person, if that is good enough.

    `encoder` was learned anew from features (n, D) of the reference's pictures, each content once;
    `fresh` is the new clustering, given the pictures in the space that is common to both.
    """
    reason = _obstacle(champion, topology, encoder, len(features), settings)
    if champion is None or champion.person is None or reason:
        return Going(reason or "there is no champion")
    before = champion.person
    points = before.points(features)
    going = continuity.go_on(before.clusters, points, fresh(before.scaler.encode(features)))
    if going is None:
        return Going("the champion's embedding does not separate a new pose")
    lineage = _lineage(before.clusters, before.pose_ids, going, next_id)
    return Going(CONTINUED, before.encoder, going.clusters, lineage)


def other(
    champion: Bundle | None,
    branch: NoPersonBranch,
    statistics: Floats,
    owner: npt.NDArray[np.str_],
    *,
    next_id: int,
) -> tuple[NoPersonBranch, Lineage] | None:
    """The same of pictures without a person: statistics (m, S), each content once, all known.

    None where there are no classes to go on with, or their measures are others.
    """
    earlier = champion.other if champion else None
    if earlier is None or earlier.branch.blind or branch.blind:
        return None
    before = earlier.branch
    measures = ("mean", "scale", "low", "high", "kind_weight")
    if not all(np.array_equal(getattr(before, one), getattr(branch, one)) for one in measures):
        return None
    points = before.standardise(statistics)
    going = continuity.go_on(
        before.clusters, points, Proposed.of(branch.clusters, points, points, owner)
    )
    if going is None:
        return None
    lineage = _lineage(before.clusters, earlier.pose_ids, going, next_id)
    return dataclasses.replace(branch, clusters=going.clusters), lineage


def _obstacle(
    champion: Bundle | None,
    topology: Topology,
    encoder: Scaler | Autoencoder,
    pictures: int,
    settings: TrainingSettings,
) -> str | None:
    """Why the champion's classes with a person cannot go on, None where they can be tried."""
    before = champion.person if champion else None
    if champion is None or before is None:
        return "there is no champion"
    changed = [
        name
        for name in _SAME
        if _plain(champion.parameters.get(name)) != _plain(getattr(settings, name))
    ]
    reasons = {
        "the champion knows another skeleton": before.topology is not topology,
        "the champion has another embedding": type(before.encoder) is not type(encoder),
        "the champion's classes know nothing of readings": not before.reading_weight,
        f"[training] {', '.join(changed)} changed": bool(changed),
        f"the reference has {OUTGROWN:g} times the pictures the embedding was learned from": (
            pictures >= OUTGROWN * champion.metrics.get(LEARNED_FROM, pictures)
        ),
    }
    return next((reason for reason, holds in reasons.items() if holds), None)


def _lineage(
    before: Clusters, ids: npt.NDArray[np.int32], going: continuity.Continued, next_id: int
) -> Lineage:
    kept = going.before >= 0
    pose_ids = np.full(len(kept), -1, dtype=np.int32)
    pose_ids[kept] = ids[going.before[kept]]
    pose_ids[~kept] = next_id + np.arange(np.count_nonzero(~kept))
    distance = np.full(len(kept), np.nan)
    now, spread = going.clusters.middles()
    then, _ = before.middles()
    moved: Indices = going.before[kept]
    distance[kept] = np.sqrt(np.diagonal(squared_distances(now[kept], then[moved]))) / spread[kept]
    retired = sorted(set(ids.tolist()) - set(pose_ids[kept].tolist()))
    return Lineage(pose_ids, tuple(np.where(kept, KEPT, NEW).tolist()), distance, tuple(retired))


def _plain(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value
