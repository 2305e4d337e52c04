"""The two branches of CALCALLCENTROIDS: classes of pictures with a person, and without one."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from unposed_jobs.config import TrainingSettings
from unposed_jobs.embedding.augmentation import mirrored, vary
from unposed_jobs.embedding.autoencoder import Autoencoder
from unposed_jobs.embedding.features import pose_features, ratios_of
from unposed_jobs.embedding.scaler import Scaler
from unposed_jobs.embedding.topology import Floats, of_array
from unposed_jobs.reference import continuing, describing
from unposed_jobs.reference.bundle import Bundle, OtherBranch, PersonBranch
from unposed_jobs.reference.describing import Grouped, PoseClass
from unposed_jobs.reference.figures import ClusteringFigures, NoPersonFigures, PersonFigures
from unposed_jobs.reference.pictures import NO_PERSON, PERSON, PictureArrays
from unposed_jobs.vocabulary import (
    cells,
    clustering,
    matching,
    naming,
    no_person,
    retaking,
    shot_space,
)
from unposed_jobs.vocabulary.clustering import Clusters
from unposed_jobs.vocabulary.continuity import Proposed
from unposed_jobs.vocabulary.matching import Lineage
from unposed_jobs.vocabulary.no_person import NoPersonBranch
from unposed_jobs.vocabulary.retaking import Retaken

Progress = Callable[[str], None]
Ints = npt.NDArray[np.integer]


@dataclass(frozen=True)
class Past:
    """The champion, its pose of each picture (-1 for none), and the next free id."""

    champion: Bundle | None
    poses: Ints
    next_id: int
    progress: Progress


@dataclass(frozen=True)
class Reading:
    """N pictures as read, and of the n with a person the features (n, D) and codes (n, d)."""

    pictures: pa.Table
    found: PictureArrays
    features: Floats
    codes: Floats


def person_branch(
    reading: Reading,
    encoder: Scaler | Autoencoder,
    settings: TrainingSettings,
    past: Past,
) -> tuple[PersonBranch, list[PoseClass], PersonFigures]:
    """Cluster the codes; centroids that show one shot become one class (`naming.shots`)."""
    champion, before = past.champion, past.poses
    pictures, found = reading.pictures, reading.found
    once = first_of_content(pictures, found.person)
    previous = champion.person.pose_ids if champion and champion.person else None
    topology, ratios = of_array(found.landmarks), ratios_of(reading.features)
    weight = shot_space.weight(reading.codes[once])
    codes = shot_space.with_readings(reading.codes, ratios, weight)
    products = pictures["product_id"].to_numpy(zero_copy_only=False).astype(str)
    owner, somebody = products[found.person[once]], found.somebody[once]
    # Independent of the champion: a fresh clustering is to find what the champion lacks.
    k, by_clusters = _number_of_classes(codes[once], settings, past.progress)
    clusters = clustering.fit(codes[once], k, settings.seed)
    number, learned_from = len(clusters), len(once)
    quality = _quality(reading.features[once], encoder, number, settings.seed)
    clusters = _by_shot(clusters, codes[once], ratios[once], owner, somebody)
    anew = functools.partial(Proposed.of, clusters, codes[once], owner=products[found.person[once]])
    going = continuing.person(
        champion,
        topology,
        encoder,
        reading.features[once],
        fresh=lambda common: anew(common=common),
        settings=settings,
        next_id=past.next_id,
    )
    if champion and champion.person and going.encoder and going.clusters and going.lineage:
        encoder, clusters, lineage = going.encoder, going.clusters, going.lineage
        weight = champion.person.reading_weight
        codes = champion.person.points(reading.features)
        learned_from = champion.metrics.get(continuing.LEARNED_FROM, len(once))
        number = len(clusters.centroids)
        quality = _quality(reading.features[once], encoder, number, settings.seed)
    else:
        located, ids = _located(codes[once], before[found.person[once]], previous)
        lineage = _match(clusters, located, ids, settings, past.next_id)
    figures = PersonFigures(
        clusters=number,
        by_clusters=by_clusters,
        quality=quality,
        vocabulary=going.reason,
        embedding_pictures=learned_from,
        shots=len(clusters),
        person_kept=lineage.lineage.count(matching.KEPT),
        person_new=lineage.lineage.count(matching.NEW),
    )
    branch = PersonBranch(topology, encoder, clusters, lineage.pose_ids, weight)
    branch, described = _describe_person(reading, once, branch, codes, lineage, settings=settings)
    return branch, described, figures


def _by_shot(
    clusters: Clusters,
    codes: Floats,
    ratios: Floats,
    owner: npt.NDArray[np.str_],
    somebody: Floats,
) -> Clusters:
    """Centroids divided by the shots that their pictures read as, and joined where it is one."""
    clusters = cells.divide(clusters, codes, naming.readings(ratios), owner, somebody)
    seen = describing.person_medians(ratios, clusters.nearest(codes), len(clusters))
    wider = naming.shots(seen, sides=False)
    clusters = clusters.merged(naming.shots(seen))
    clusters = cells.joined(clusters, wider, codes, owner, somebody)
    return cells.without_tiny(clusters, codes, owner, somebody)


def _describe_person(
    reading: Reading,
    once: Ints,
    branch: PersonBranch,
    codes: Floats,
    lineage: Lineage,
    *,
    settings: TrainingSettings,
) -> tuple[PersonBranch, list[PoseClass]]:
    """The branch with its confidences calibrated, and its classes with names and exemplars."""
    retaken = _person_trials(reading, once, branch, settings.seed)
    turned = _mirrored(reading, once, branch)
    clusters = dataclasses.replace(branch.clusters, calibration=retaken.calibration)
    assigned = clusters.assign(codes)
    ratios = ratios_of(reading.features)
    classes = describing.person_medians(ratios, assigned.index, len(clusters))
    sure = assigned.confidence * reading.found.trust
    assigned = dataclasses.replace(assigned, confidence=sure)
    described = describing.describe(
        reading.pictures,
        Grouped(reading.found.person, codes, assigned, assigned.confidence, clusters, lineage),
        naming.name_poses(classes),
        kind=PERSON,
        count=settings.exemplars,
    )
    for item, medians in zip(described, classes, strict=True):
        item.shot = naming.shot(medians)
    describing.confuse(described, retaken.became, turned)
    return dataclasses.replace(branch, clusters=clusters), described


def other_branch(
    reading: Reading, settings: TrainingSettings, past: Past
) -> tuple[OtherBranch, list[PoseClass], NoPersonFigures]:
    """Cluster the statistics; centroids of one kind of picture become a class (`naming.kinds`)."""
    champion, before = past.champion, past.poses
    rows, values = reading.found.no_person, reading.found.statistics
    once = first_of_content(reading.pictures, rows)
    earlier = champion.other if champion else None
    branch = no_person.fit(values[once], settings.seed, earlier.branch if earlier else None)
    ids = earlier.pose_ids if earlier else None
    points = np.zeros((len(values), 0), dtype=np.float32)
    if branch.blind:
        # Without statistics there is one class, and it is the one there was.
        located = branch.clusters.centroids[: 0 if ids is None else 1]
        ids = np.array([] if ids is None else ids[:1], dtype=np.int32)
    else:
        points = branch.standardise(np.nan_to_num(values))
        known = np.asarray(np.isfinite(values).all(axis=1))
        owner = reading.pictures["product_id"].to_numpy(zero_copy_only=False).astype(str)[rows]
        kinds = _kinds(branch.clusters, points[known], values[known], owner[known])
        branch = dataclasses.replace(branch, clusters=kinds)
        located, ids = _located(points, np.where(known, before[rows], -1), ids)
    owner = reading.pictures["product_id"].to_numpy(zero_copy_only=False).astype(str)[rows]
    finite = once[np.isfinite(values[once]).all(axis=1)]
    going = continuing.other(champion, branch, values[finite], owner[finite], next_id=past.next_id)
    if going is not None:
        branch, lineage = going
    else:
        lineage = _match(branch.clusters, located, ids, settings, past.next_id)
    branch = no_person.reaching(branch)
    figures = NoPersonFigures(
        no_person_clusters=len(branch),
        no_person_kept=lineage.lineage.count(matching.KEPT),
        no_person_new=lineage.lineage.count(matching.NEW),
    )
    branch, became = _calibrated(branch, values[finite], owner[finite], settings.seed)
    assigned = branch.assign(values)
    classes = describing.describe(
        reading.pictures,
        Grouped(
            rows,
            points,
            assigned,
            assigned.confidence * reading.found.nobody,
            branch.clusters,
            lineage,
        ),
        naming.name_no_person(describing.no_person_medians(values, assigned.index, len(branch))),
        kind=NO_PERSON,
        count=settings.exemplars,
    )
    describing.confuse(classes, became, became)
    return OtherBranch(branch, lineage.pose_ids), classes, figures


def _kinds(
    clusters: clustering.Clusters, points: Floats, values: Floats, owner: npt.NDArray[np.str_]
) -> clustering.Clusters:
    """A class for each kind of picture that is read in (m, S) statistics."""
    sure = np.ones(len(points))
    clusters = _divided(clusters, points, values, owner, sure)
    seen = describing.no_person_medians(values, clusters.nearest(points), len(clusters.centroids))
    return cells.without_tiny(clusters.merged(naming.kinds(seen)), points, owner, sure)


def _divided(
    clusters: clustering.Clusters,
    points: Floats,
    values: Floats,
    owner: npt.NDArray[np.str_],
    sure: Floats,
) -> clustering.Clusters:
    """A centroid for each kind of picture that is read, where the statistics are as they must
    be."""
    if values.shape[1] < naming.KIND_STATISTICS:
        return clusters
    return cells.divide(clusters, points, naming.kind_readings(values), owner, sure)


def first_of_content(pictures: pa.Table, rows: Ints) -> Ints:
    """Positions within `rows` of the first picture of each content."""
    contents = pictures["content_sha256"].to_numpy(zero_copy_only=False)[rows].astype(str)
    return np.sort(np.unique(contents, return_index=True)[1])


def _person_trials(reading: Reading, once: Ints, branch: PersonBranch, seed: int) -> Retaken:
    """The classes tried out: landmarks jittered, and classes learned again."""
    found, rows = reading.found, _some(once, seed)
    landmarks, aspect = found.landmarks[rows], found.aspect[rows]
    owner = reading.pictures["product_id"].to_numpy(zero_copy_only=False).astype(str)

    def again(rng: np.random.Generator) -> Floats:
        return branch.points(pose_features(vary(landmarks, rng), aspect))

    points = branch.points(reading.features[rows])
    owner, somebody = owner[found.person[rows]], found.somebody[rows]
    readings = naming.readings(ratios_of(reading.features[rows]))

    def divided(other: Clusters, points: Floats, rows: Ints) -> Clusters:
        return cells.divide(other, points, readings[rows], owner[rows], somebody[rows])

    return retaking.trials(branch.clusters, points, again, owner, seed, divided=divided)


def _mirrored(reading: Reading, once: Ints, branch: PersonBranch) -> Floats:
    """(K, K) share of the row's pictures that, mirrored, are of the column's class."""
    found = reading.found
    points = branch.points(reading.features[once])
    turned = pose_features(mirrored(found.landmarks[once]), found.aspect[once])
    classes = len(branch.clusters)
    counts = np.zeros((classes, classes + 1))
    now, then = (branch.clusters.assign(each).index for each in (points, branch.points(turned)))
    known = now >= 0
    np.add.at(counts, (now[known], then[known]), 1)  # No class is the last column.
    return (counts / np.maximum(counts.sum(axis=1, keepdims=True), 1))[:, :-1]


def _calibrated(
    branch: NoPersonBranch, values: Floats, owner: npt.NDArray[np.str_], seed: int
) -> tuple[NoPersonBranch, Floats]:
    """The same of pictures without a person, whose statistics are taken to come out equal; with
    what became of them, (K, K).
    """
    if branch.blind or not len(values):
        return branch, np.full((len(branch), len(branch)), np.nan)
    rows = _some(np.arange(len(values)), seed)
    values, owner = values[rows], owner[rows]
    points, sure = branch.standardise(values), np.ones(len(rows))
    bare = dataclasses.replace(branch.clusters, calibration=None)

    def divided(other: Clusters, points: Floats, rows: Ints) -> Clusters:
        return _divided(other, points, values[rows], owner[rows], sure[rows])

    found = retaking.trials(bare, points, lambda rng: points, owner, seed, divided=divided)
    clusters = dataclasses.replace(bare, calibration=found.calibration)
    return dataclasses.replace(branch, clusters=clusters), found.became


def _some(rows: Ints, seed: int) -> Ints:
    if len(rows) <= retaking.MAX_PICTURES:
        return rows
    return np.sort(np.random.default_rng(seed).choice(rows, retaking.MAX_PICTURES, replace=False))


def _located(
    points: Floats, previous: Ints, pose_ids: Ints | None
) -> tuple[Floats, npt.NDArray[np.int32]]:
    """Where the champion's classes stand among `points`, of those that hold any, and their ids."""
    if pose_ids is None:
        return np.zeros((0, points.shape[1]), dtype=np.float32), np.zeros(0, dtype=np.int32)
    ids = np.sort(pose_ids)
    position = np.searchsorted(ids, previous).clip(max=len(ids) - 1)
    centres, there = matching.locate(
        points, np.where(ids[position] == previous, position, -1), len(ids)
    )
    return centres[there], ids[there].astype(np.int32)


def _match(
    clusters: clustering.Clusters,
    start: Floats,
    ids: npt.NDArray[np.int32],
    settings: TrainingSettings,
    next_id: int,
) -> Lineage:
    return matching.match(
        *clusters.middles(),
        start,
        ids,
        limit=settings.match_distance,
        next_id=next_id,
    )


def _number_of_classes(
    codes: Floats, settings: TrainingSettings, progress: Progress
) -> tuple[int, dict[str, dict[str, float]]]:
    if settings.clusters:
        return min(settings.clusters, clustering.max_classes(codes)), {}
    return clustering.choose_k(codes, settings.cluster_range, settings.seed, progress=progress)


def _quality(
    features: Floats, encoder: Scaler | Autoencoder, k: int, seed: int
) -> ClusteringFigures:
    """Stability and silhouette of the bare codes, with the autoencoder and without: does it earn
    its place?"""
    stability, silhouette = clustering.quality(encoder.encode(features), k, seed)
    figures = ClusteringFigures(round(stability, 4), round(silhouette, 4))
    if isinstance(encoder, Autoencoder):
        stability, silhouette = clustering.quality(encoder.scaler.encode(features), k, seed)
        figures = dataclasses.replace(
            figures,
            stability_features=round(stability, 4),
            silhouette_features=round(silhouette, 4),
        )
    return figures
