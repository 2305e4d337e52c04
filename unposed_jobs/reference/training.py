"""Algorithm 1, the training flow (paper section 4.6), under the names of its steps.

==================  ==========================================================================
GETLANDMARK         upstream, in `unposed_jobs.pose.extraction`
GETEMBEDDING        `get_embedding`: 77 or 61 features of each picture
AUTOENC             `autoenc`: learned on all pictures, then applied to them
CALCALLCENTROIDS    `calc_all_centroids`: classes, their ids, names and exemplars
LEARNRANK           `learn_rank`: the order of the asks, and of the poses, in each cohort
==================  ==========================================================================

Between the centroids and their order, `reference.asking` finds which classes stand for one
another. `train_reference` runs them and returns what the algorithm returns - AllCentroids,
RankVector, AutoencVector - as a `Bundle`.
"""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from unposed_jobs.config import TrainingSettings
from unposed_jobs.embedding import autoencoder
from unposed_jobs.embedding.augmentation import jittered_features
from unposed_jobs.embedding.autoencoder import Autoencoder
from unposed_jobs.embedding.scaler import Scaler
from unposed_jobs.embedding.topology import Floats
from unposed_jobs.errors import UnposedError
from unposed_jobs.ranking import order
from unposed_jobs.ranking.order import PoseOrder
from unposed_jobs.reference import asking, branches, cohorts, describing, steadying
from unposed_jobs.reference.branches import Ints, Past, Progress, Reading, first_of_content
from unposed_jobs.reference.bundle import Bundle, OtherBranch, PersonBranch
from unposed_jobs.reference.cohorts import ReferenceProducts
from unposed_jobs.reference.describing import PoseClass
from unposed_jobs.reference.figures import (
    EmbeddingFigures,
    NoPersonFigures,
    PersonFigures,
    TrainingFigures,
)
from unposed_jobs.reference.pictures import (
    NO_PERSON,
    PERSON,
    UNREADABLE,
    PictureArrays,
    arrays,
    statistics_width,
    topology_of,
)

VIEWS = 8
"""Variations of each picture that the autoencoder compares."""
COLUMNS = ("product_id", "image_uri", "content_sha256", "status", "landmarks", "popularity")
RANK_ATTRIBUTES = ("category", "subcategory", "product_type")


@dataclass(frozen=True)
class Centroids:
    """AllCentroids: both branches, the classes with their members, and the next free id."""

    person: PersonBranch | None
    other: OtherBranch | None
    classes: list[PoseClass]
    next_pose_id: int
    person_figures: PersonFigures | None
    other_figures: NoPersonFigures | None


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
    `data` names the data that was read (snapshot ids) and goes into the manifest.

    The same table (row order does not matter) and settings give the same bundle.

    Raises UnposedError for a missing column, or a reference without a usable picture.
    """
    pictures = _ordered(pictures, attributes, settings)
    found, features = get_embedding(pictures)
    counts = _pictures_by_kind(found)
    progress(f"{counts['person_pictures']} pictures with a person: learning the embedding")
    encoder, codes, embedded = autoenc(pictures, found, features, settings)
    reading = Reading(pictures, found, features, codes)
    centroids = calc_all_centroids(reading, encoder, settings, champion=champion, progress=progress)
    progress(f"{len(centroids.classes)} classes: learning their order")
    reference = cohorts.gather(pictures, _kept_attributes(pictures, attributes), centroids.classes)
    comparable = _comparable(champion, attributes)
    asked = asking.learn(reference, centroids.classes, attributes, comparable)
    learned = learn_rank(asked.reference, tuple(attributes), settings)
    figures = TrainingFigures(
        pictures=pictures.num_rows,
        **counts,
        products=len(asked.reference.products),
        asks=len(asked.asks),
        embedding=embedded,
        person=centroids.person_figures,
        other=centroids.other_figures,
        order=learned.figures,
    )
    return Bundle(
        run_date=run_date,
        estimator_id=estimator_id,
        attributes=tuple(attributes),
        person=centroids.person,
        other=centroids.other,
        ranker=learned.ranker,
        vocabulary=describing.vocabulary(centroids.classes, asked.asks, champion),
        cohorts=steadying.carry(
            cohorts.table(
                reference,
                learn_rank(reference, tuple(attributes), settings),
                tuple(attributes),
                settings.exemplars,
            ),
            [*attributes, "pose_id"],
            comparable.cohorts if comparable else None,
        ),
        asked=asking.table(asked, learned, tuple(attributes), settings.exemplars, comparable),
        next_pose_id=centroids.next_pose_id,
        parameters=_parameters(settings),
        metrics=figures.metrics(),
        data=data or {},
    )


def _pictures_by_kind(found: PictureArrays) -> dict[str, int]:
    counts = {
        f"{kind}_pictures": int((found.kind == kind).sum())
        for kind in (PERSON, NO_PERSON, UNREADABLE)
    }
    if not counts["person_pictures"] + counts["no_person_pictures"]:
        raise UnposedError(
            f"none of the reference's {len(found.kind)} pictures could be read, so there is "
            "nothing to learn; see the statuses in the tables images and landmarks"
        )
    return counts


def get_embedding(pictures: pa.Table) -> tuple[PictureArrays, Floats]:
    """GETEMBEDDING: features (n, 77) or (n, 61) of the pictures that show a person."""
    found = arrays(pictures, topology_of(pictures), statistics_width(pictures))
    return found, found.features


def autoenc(
    pictures: pa.Table,
    found: PictureArrays,
    features: Floats,
    settings: TrainingSettings,
) -> tuple[Scaler | Autoencoder | None, Floats, EmbeddingFigures]:
    """AUTOENC: learn the embedding on all pictures and apply it; (n, 8), or the bare features.

    A content that is listed several times teaches once. With fewer pictures than
    `autoencoder.MIN_PICTURES` the bare features are used, and the figures have the reason. The
    encoder is None where no picture shows a person.
    """
    if not len(features):
        return None, features, EmbeddingFigures("none: no picture shows a person")
    once = first_of_content(pictures, found.person)
    scaler = Scaler.fit(features[once])
    if settings.embedding == "features":
        return scaler, scaler.encode(features), EmbeddingFigures("features")
    if len(once) < autoencoder.MIN_PICTURES:
        reason = f"features: {len(once)} pictures are too few for an autoencoder"
        return scaler, scaler.encode(features), EmbeddingFigures(reason)
    views = jittered_features(found.landmarks[once], VIEWS, settings.seed, found.aspect[once])
    learned = autoencoder.fit(features[once], settings, views, scaler)
    losses = round(learned.losses[0], 4), round(learned.losses[-1], 4)
    return learned, learned.encode(features), EmbeddingFigures("autoencoder", losses)


def calc_all_centroids(
    reading: Reading,
    encoder: Scaler | Autoencoder | None,
    settings: TrainingSettings,
    *,
    champion: Bundle | None = None,
    progress: Progress = lambda message: None,
) -> Centroids:
    """CALCALLCENTROIDS: the classes, with a person and without, under stable ids.

    The champion's classes are found by how it names the same pictures
    (`vocabulary.matching`); where they stand is also where k-means begins.
    """
    before = _previous(reading.pictures, champion)
    next_id = champion.next_pose_id if champion else 0
    classes: list[PoseClass] = []
    person = other = person_figures = other_figures = None
    if encoder is not None:
        person, found, person_figures = branches.person_branch(
            reading, encoder, settings, Past(champion, before, next_id, progress)
        )
        classes += found
        next_id = max([next_id, *(int(pose_id) + 1 for pose_id in person.pose_ids)])
    if len(reading.found.no_person):
        other, found, other_figures = branches.other_branch(
            reading, settings, Past(champion, before, next_id, progress)
        )
        classes += found
        next_id = max([next_id, *(int(pose_id) + 1 for pose_id in other.pose_ids)])
    describing.settle_names(classes, champion)
    return Centroids(person, other, classes, next_id, person_figures, other_figures)


def learn_rank(
    reference: ReferenceProducts,
    attributes: tuple[str, ...],
    settings: TrainingSettings,
) -> PoseOrder:
    """LEARNRANK: the order of the poses in each cohort; see `ranking.order`."""
    return order.learn(
        reference.attributes, attributes, reference.shows, reference.popularity, settings.seed
    )


def _ordered(pictures: pa.Table, attributes: Sequence[str], settings: TrainingSettings) -> pa.Table:
    missing = [name for name in (*COLUMNS, *attributes) if name not in pictures.column_names]
    if missing:
        raise UnposedError(
            f"the reference pictures have no column {missing[0]}; check "
            "[catalogue] cohort_attributes and the column mappings"
        )
    return pictures.sort_by([("product_id", "ascending"), ("image_uri", "ascending")])


def _previous(pictures: pa.Table, champion: Bundle | None) -> Ints:
    """(N,) the champion's pose of each picture, -1 for none or where it cannot say."""
    if champion is None:
        return np.full(pictures.num_rows, -1)
    seen = topology_of(pictures)
    if champion.topology is not None and seen is not None and champion.topology is not seen:
        return np.full(pictures.num_rows, -1)
    return np.asarray(champion.assign(pictures)["pose_id"].fill_null(-1).to_numpy())


def _comparable(champion: Bundle | None, attributes: Sequence[str]) -> Bundle | None:
    """The champion, where it defines cohorts by the same attributes."""
    return champion if champion is not None and champion.attributes == tuple(attributes) else None


def _kept_attributes(pictures: pa.Table, attributes: Sequence[str]) -> tuple[str, ...]:
    """What the ranker may use: the cohort's attributes and the paper's."""
    further = [name for name in RANK_ATTRIBUTES if name in pictures.column_names]
    return tuple(dict.fromkeys((*attributes, *further)))


def _parameters(settings: TrainingSettings) -> dict[str, Any]:
    """The settings that decide what is learned; where bundles are kept does not."""
    values = dataclasses.asdict(settings)
    del values["bundles"]
    return values
