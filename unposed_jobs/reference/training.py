"""Algorithm 1, the training flow (paper section 4.6), under the names of its steps.

==================  ==========================================================================
GETLANDMARK         upstream, in `unposed_jobs.pose.extraction`
GETEMBEDDING        `get_embedding`: 77 or 61 features of each picture
AUTOENC             `autoenc`: learned on all pictures, then applied to them
CALCALLCENTROIDS    `calc_all_centroids`: classes, their ids, names and exemplars
LEARNRANK           `learn_rank`: the order of the poses in each cohort
==================  ==========================================================================

`train_reference` runs them and returns what the algorithm returns - AllCentroids, RankVector,
AutoencVector - as a `Bundle`.
"""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from unposed_jobs.config import TrainingSettings
from unposed_jobs.embedding import autoencoder
from unposed_jobs.embedding.augmentation import jittered_features
from unposed_jobs.embedding.autoencoder import Autoencoder
from unposed_jobs.embedding.features import RATIOS, names
from unposed_jobs.embedding.scaler import Scaler
from unposed_jobs.embedding.topology import Floats, of_array
from unposed_jobs.errors import UnposedError
from unposed_jobs.ranking import order
from unposed_jobs.ranking.order import PoseOrder
from unposed_jobs.reference import cohorts, describing
from unposed_jobs.reference.bundle import Bundle, OtherBranch, PersonBranch
from unposed_jobs.reference.cohorts import ReferenceProducts
from unposed_jobs.reference.describing import PoseClass
from unposed_jobs.reference.pictures import (
    NO_PERSON,
    PERSON,
    PictureArrays,
    arrays,
    statistics_width,
    topology_of,
)
from unposed_jobs.vocabulary import clustering, matching, no_person
from unposed_jobs.vocabulary.matching import Lineage

VIEWS = 8
"""Variations of each picture that the autoencoder compares."""
COLUMNS = ("product_id", "image_uri", "content_sha256", "status", "landmarks", "popularity")
RANK_ATTRIBUTES = ("category", "subcategory", "product_type")
EMBEDDINGS = ("autoencoder", "features")

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


@dataclass(frozen=True)
class Centroids:
    """AllCentroids: both branches, the classes with their members, and the next free id."""

    person: PersonBranch | None
    other: OtherBranch | None
    classes: list[PoseClass]
    next_pose_id: int


def train_reference(
    pictures: pa.Table,
    settings: TrainingSettings,
    *,
    run_date: datetime.date,
    estimator_id: str,
    attributes: Sequence[str] = ("category", "subcategory"),
    champion: Bundle | None = None,
    data: dict[str, Any] | None = None,
    progress: Progress = lambda message: None,
) -> Bundle:
    """Learn a candidate model from the reference set.

    `pictures` has one row for each picture of a reference product: product_id, the cohort
    `attributes`, popularity, image_uri, content_sha256, status, landmarks; and, used where they
    are there, product_type, pose_score, person_count, perceptual_hash, statistics, width and
    height. `champion` is the model in use: its ids are kept where its poses are found again.
    `data` says which data was read (snapshot ids) and goes into the manifest.

    The same table (row order does not matter) and settings give the same bundle.

    Raises UnposedError for a missing column, an unknown embedding, or a reference without a
    single picture that can be used.
    """
    pictures = _ordered(pictures, attributes, settings)
    found, features = get_embedding(pictures)
    metrics: dict[str, Any] = {"pictures": pictures.num_rows}
    metrics |= {
        f"{kind}_pictures": int((found.kind == kind).sum())
        for kind in ("person", "no_person", "unreadable")
    }
    if not metrics["person_pictures"] + metrics["no_person_pictures"]:
        raise UnposedError(
            f"none of the reference's {pictures.num_rows} pictures could be read, so there is "
            "nothing to learn; look at the statuses in the tables images and landmarks"
        )
    progress(f"{metrics['person_pictures']} pictures with a person: learning the embedding")
    encoder, codes = autoenc(pictures, found, features, settings, metrics)
    reading = Reading(pictures, found, features, codes)
    centroids = calc_all_centroids(
        reading, encoder, settings, metrics, champion=champion, progress=progress
    )
    progress(f"{len(centroids.classes)} classes: learning their order")
    reference = cohorts.gather(pictures, _kept_attributes(pictures, attributes), centroids.classes)
    learned = learn_rank(reference, tuple(attributes), settings, metrics)
    return Bundle(
        run_date=run_date,
        estimator_id=estimator_id,
        attributes=tuple(attributes),
        person=centroids.person,
        other=centroids.other,
        ranker=learned.ranker,
        vocabulary=describing.vocabulary(centroids.classes, champion),
        cohorts=cohorts.table(reference, learned, tuple(attributes), settings.exemplars),
        next_pose_id=centroids.next_pose_id,
        parameters=_parameters(settings),
        metrics=metrics,
        data=data or {},
    )


def get_embedding(pictures: pa.Table) -> tuple[PictureArrays, Floats]:
    """GETEMBEDDING: features (n, 77) or (n, 61) of the pictures that show a person."""
    found = arrays(pictures, topology_of(pictures), statistics_width(pictures))
    return found, found.features


def autoenc(
    pictures: pa.Table,
    found: PictureArrays,
    features: Floats,
    settings: TrainingSettings,
    metrics: dict[str, Any],
) -> tuple[Scaler | Autoencoder | None, Floats]:
    """AUTOENC: learn the embedding on all pictures and apply it; (n, 8), or the bare features.

    A content that is listed several times teaches once. With fewer pictures than
    `autoencoder.MIN_PICTURES` the bare features are used, and the metrics say so. No encoder
    comes back where no picture shows a person.
    """
    if not len(features):
        metrics["embedding"] = "none: no picture shows a person"
        return None, features
    once = _first_of_content(pictures, found.person)
    scaler = Scaler.fit(features[once])
    metrics["embedding"] = settings.embedding
    if settings.embedding == "features":
        return scaler, scaler.encode(features)
    if len(once) < autoencoder.MIN_PICTURES:
        metrics["embedding"] = f"features: {len(once)} pictures are too few for an autoencoder"
        return scaler, scaler.encode(features)
    views = jittered_features(found.landmarks[once], VIEWS, settings.seed, found.aspect[once])
    learned = autoencoder.fit(features[once], settings, views, scaler)
    metrics["autoencoder_loss"] = [round(learned.losses[0], 4), round(learned.losses[-1], 4)]
    return learned, learned.encode(features)


def calc_all_centroids(
    reading: Reading,
    encoder: Scaler | Autoencoder | None,
    settings: TrainingSettings,
    metrics: dict[str, Any],
    *,
    champion: Bundle | None = None,
    progress: Progress = lambda message: None,
) -> Centroids:
    """CALCALLCENTROIDS: the classes, with a person and without, under stable ids.

    The champion's classes are looked up by what it says of the same pictures
    (`vocabulary.matching`); where they stand is also where k-means begins.
    """
    before = _previous(reading.pictures, champion)
    next_id = champion.next_pose_id if champion else 0
    classes: list[PoseClass] = []
    person = other = None
    if encoder is not None:
        person, found = _person_branch(
            reading, encoder, settings, metrics, Past(champion, before, next_id, progress)
        )
        classes += found
        next_id = max([next_id, *(int(pose_id) + 1 for pose_id in person.pose_ids)])
    if len(reading.found.no_person):
        other, found = _other_branch(
            reading, settings, metrics, Past(champion, before, next_id, progress)
        )
        classes += found
        next_id = max([next_id, *(int(pose_id) + 1 for pose_id in other.pose_ids)])
    describing.settle_names(classes, champion)
    return Centroids(person, other, classes, next_id)


def _person_branch(
    reading: Reading,
    encoder: Scaler | Autoencoder,
    settings: TrainingSettings,
    metrics: dict[str, Any],
    past: Past,
) -> tuple[PersonBranch, list[PoseClass]]:
    champion, before = past.champion, past.poses
    pictures, found, codes = reading.pictures, reading.found, reading.codes
    once = _first_of_content(pictures, found.person)
    previous = champion.person.pose_ids if champion and champion.person else None
    start, ids = _located(codes[once], before[found.person[once]], previous)
    k, figures = _number_of_classes(codes[once], settings, len(start), past.progress)
    clusters = clustering.fit(codes[once], k, settings.seed, start)
    metrics |= {"clusters": len(clusters), "by_clusters": figures}
    metrics |= _quality(reading.features[once], codes[once], encoder, len(clusters), settings.seed)
    lineage = _match(clusters, start, ids, settings, past.next_id)
    metrics |= _counts(PERSON, lineage)
    assigned = clusters.assign(codes)
    topology = of_array(found.landmarks)
    first = names(topology).index(RATIOS[0])
    ratios = reading.features[:, first : first + len(RATIOS)]
    classes = describing.describe(
        pictures,
        found.person,
        dataclasses.replace(assigned, confidence=assigned.confidence * found.trust),
        clusters,
        lineage,
        names=describing.person_names(ratios, assigned, len(clusters)),
        kind=PERSON,
        count=settings.exemplars,
    )
    return PersonBranch(topology, encoder, clusters, lineage.pose_ids), classes


def _other_branch(
    reading: Reading, settings: TrainingSettings, metrics: dict[str, Any], past: Past
) -> tuple[OtherBranch, list[PoseClass]]:
    champion, before = past.champion, past.poses
    rows, values = reading.found.no_person, reading.found.statistics
    once = _first_of_content(reading.pictures, rows)
    earlier = champion.other if champion else None
    branch = no_person.fit(values[once], settings.seed, earlier.branch if earlier else None)
    ids = earlier.pose_ids if earlier else None
    if branch.blind:
        # Without statistics there is one class, and it is the one there was.
        start = branch.clusters.centroids[: 0 if ids is None else 1]
        ids = np.array([] if ids is None else ids[:1], dtype=np.int32)
    else:
        points = branch.standardise(np.nan_to_num(values))
        known = np.asarray(np.isfinite(values).all(axis=1))
        start, ids = _located(points, np.where(known, before[rows], -1), ids)
    lineage = _match(branch.clusters, start, ids, settings, past.next_id)
    metrics |= {"no_person_clusters": len(branch)} | _counts(NO_PERSON, lineage)
    assigned = branch.assign(values)
    classes = describing.describe(
        reading.pictures,
        rows,
        assigned,
        branch.clusters,
        lineage,
        names=describing.no_person_names(values, assigned, len(branch)),
        kind=NO_PERSON,
        count=settings.exemplars,
    )
    return OtherBranch(branch, lineage.pose_ids), classes


def learn_rank(
    reference: ReferenceProducts,
    attributes: tuple[str, ...],
    settings: TrainingSettings,
    metrics: dict[str, Any],
) -> PoseOrder:
    """LEARNRANK: the order of the poses in each cohort; see `ranking.order`."""
    learned = order.learn(
        reference.attributes, attributes, reference.shows, reference.popularity, settings.seed
    )
    metrics |= learned.figures | {"products": len(reference.products)}
    return learned


def _ordered(pictures: pa.Table, attributes: Sequence[str], settings: TrainingSettings) -> pa.Table:
    missing = [name for name in (*COLUMNS, *attributes) if name not in pictures.column_names]
    if missing:
        raise UnposedError(
            f"the reference pictures have no column {missing[0]}; check "
            "[catalogue] cohort_attributes and the column mappings"
        )
    if settings.embedding not in EMBEDDINGS:
        raise UnposedError(
            f"[training] embedding = {settings.embedding!r} is unknown; "
            f"use {' or '.join(EMBEDDINGS)}"
        )
    return pictures.sort_by([("product_id", "ascending"), ("image_uri", "ascending")])


def _first_of_content(pictures: pa.Table, rows: Ints) -> Ints:
    """Positions within `rows` of the first picture of each content."""
    contents = pictures["content_sha256"].to_numpy(zero_copy_only=False)[rows].astype(str)
    return np.sort(np.unique(contents, return_index=True)[1])


def _previous(pictures: pa.Table, champion: Bundle | None) -> Ints:
    """(N,) the champion's pose of each picture, -1 for none or where it cannot say."""
    if champion is None:
        return np.full(pictures.num_rows, -1)
    seen = topology_of(pictures)
    if champion.topology is not None and seen is not None and champion.topology is not seen:
        return np.full(pictures.num_rows, -1)
    return np.asarray(champion.assign(pictures)["pose_id"].fill_null(-1).to_numpy())


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
        clusters.centroids,
        clusters.spread,
        start,
        ids,
        limit=settings.match_distance,
        next_id=next_id,
    )


def _number_of_classes(
    codes: Floats, settings: TrainingSettings, previous: int, progress: Progress
) -> tuple[int, dict[str, dict[str, float]]]:
    if settings.clusters:
        return min(settings.clusters, clustering.max_classes(codes)), {}
    return clustering.choose_k(
        codes, settings.cluster_range, settings.seed, previous or None, progress=progress
    )


def _quality(
    features: Floats, codes: Floats, encoder: Scaler | Autoencoder, k: int, seed: int
) -> dict[str, float]:
    """Stability and silhouette, with the autoencoder and without: does it earn its place?"""
    stability, silhouette = clustering.quality(codes, k, seed)
    figures = {"stability": round(stability, 4), "silhouette": round(silhouette, 4)}
    if isinstance(encoder, Autoencoder):
        stability, silhouette = clustering.quality(encoder.scaler.encode(features), k, seed)
        figures["stability_features"] = round(stability, 4)
        figures["silhouette_features"] = round(silhouette, 4)
    return figures


def _counts(kind: str, lineage: Lineage) -> dict[str, Any]:
    return {f"{kind}_{name}": lineage.lineage.count(name) for name in (matching.KEPT, matching.NEW)}


def _kept_attributes(pictures: pa.Table, attributes: Sequence[str]) -> tuple[str, ...]:
    """What the ranker may look at: the cohort's attributes and the paper's."""
    further = [name for name in RANK_ATTRIBUTES if name in pictures.column_names]
    return tuple(dict.fromkeys((*attributes, *further)))


def _parameters(settings: TrainingSettings) -> dict[str, Any]:
    """The settings that decide what is learned; where bundles are kept does not."""
    values = dataclasses.asdict(settings)
    del values["bundles"]
    return values
