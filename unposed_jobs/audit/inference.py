"""Algorithm 2, the inference flow, for many products at once (paper sections 3.3, 3.4, 4.6).

The paper's loop over one product's images becomes a few array operations over a batch:

===========================  =====================================================
GETLANDMARK                  upstream, in `unposed_jobs.pose.extraction`
GETEMBEDDING, AUTOENC,       upstream, in ``reference.bundle.Bundle.assign``, which
GETNEARESTCENTROID           gives each picture its pose_id and a confidence
``haveCentroids``            `have_centroids`, then `have_asks`
``MissingCentroids``         `missing_centroids`
SORTCENTROIDSBYRANK          `sort_centroids_by_rank`
===========================  =====================================================

What is asked of a product is not every centroid but an *ask*: classes that its cohort shows in
place of one another (`vocabulary.asks`). `[audit] flags = "classes"` makes every class an ask by
itself, which is Algorithm 2 to the letter.

How a product's pictures become states of each ask:

- A picture is *unreadable* when its bytes cannot be had (missing, unreachable, refused, ...), not
  decodable or not read yet; a *duplicate* when it repeats an earlier one; else *usable*. Only
  usable pictures fill a slot, and the three counts add up to the pictures listed.
- **present**: a usable picture shows, with at least `min_confidence`, one of the classes that fill
  the ask in the product's cohort: its own, and those that stand in for it there. Evidence is the
  most confident one, the first shown among equals, or the one of which a person says that it
  shows the ask (`audit.confirmed`). An ask that its own classes show is present
  also where the cohort is not asked for it: it is a fact.
- **waived**, then **not_applicable**: by the profile; or the ask may not be flagged at all,
  being too rare, too impure or hidden by a person; or less than `min_cohort_share` of
  the cohort's reference products show the ask. The other asks are *expected*.
- **unknown**: expected, not present, and a usable picture may show it, or the product is
  unassessable. A picture may show an ask that its nearest class would fill, where it is below
  `min_confidence`, and an ask of whose own classes one lies hardly farther from it than the
  nearest (`clustering.NEAR`), however sure it is: a back that was read as a side.
- **missing**: every other expected ask.

And a product's status:

- **unassessable**: its cohort is not in the reference at any level, or nothing is expected of
  it; none of its pictures is usable; or more than `max_unknown_share` of its distinct pictures
  could not be read or recognised.
- **gaps**: something is missing. That includes a product with no picture listed: nothing about
  it is uncertain, it lacks every expected ask, and it is the first a catalogue manager wants
  to see.
- **unclear**: nothing is missing for certain, but an unclear picture may or may not show an ask
  that nothing else shows.
- **complete**: every expected ask is present.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from unposed_jobs.audit.cohorts import ProductCohorts, find_cohorts
from unposed_jobs.audit.confirmed import confirm
from unposed_jobs.audit.expectations import ASKS, Expectations
from unposed_jobs.audit.picture_rows import product_images_rows
from unposed_jobs.audit.pictures import Pictures, flatten
from unposed_jobs.audit.profile import Profile
from unposed_jobs.audit.rows import charts, pose_flags_rows, product_audit_rows
from unposed_jobs.audit.states import Assessment, AuditRun, Cause, State
from unposed_jobs.config import AuditSettings
from unposed_jobs.remedies import candidates, choosing

__all__ = ["AuditRun", "AuditTables", "audit_products"]

COLUMNS = ("product_id", "category", "subcategory", "product_type", "pictures")
BACK_OFF_CONFIDENCE = 0.75
"""The confidence factor for each level of a coarser cohort, which fits a product less well."""


@dataclass(frozen=True)
class AuditTables:
    """Rows for the tables of the same names, with exactly their schemas."""

    pose_flags: pa.Table
    product_audit: pa.Table
    product_images: pa.Table


@dataclass(frozen=True)
class Evidence:
    """What the pictures of n products show of A asks and P classes.

    A picture is a row of `Pictures`, -1 where there is none.
    """

    shown: npt.NDArray[np.int64]
    """(n, P) the picture that surely shows the class."""
    have: npt.NDArray[np.int64]
    """(n, A) the picture that fills the ask."""
    own: npt.NDArray[np.bool_]
    """(n, A) whether one of the ask's own classes is shown, not merely one that stands in."""
    doubtful: npt.NDArray[np.int64]
    """(n, A) the picture that may fill the ask, its class being uncertain."""
    near: npt.NDArray[np.bool_]
    """(n, A) whether a picture is nearly as close to a class of the ask as to its own."""


def audit_products(
    batch: pa.RecordBatch,
    expectations: Expectations,
    settings: AuditSettings,
    run: AuditRun,
    profile: Profile | None = None,
) -> AuditTables:
    """Audit a batch of products: one product_audit row each, one pose_flags row for each ask, one
    product_images row for each picture.

    `batch` has product_id, category, subcategory, product_type, whatever further attributes
    define cohorts, and pictures, a list of structs as `pictures.PICTURE` describes; it may have
    `remedies.candidates.COLUMN`, what else of the product could show an ask, and average_rating
    and rating_count, which are kept. Rows come out in the batch's order, asks ascending; the same
    input gives the same rows.

    Raises ValueError for a column that is not there or a pose_id that the vocabulary does not
    have (the pictures were assigned by another model), UnposedError for a cohort attribute
    that the catalogue does not have.
    """
    absent = [name for name in COLUMNS if name not in batch.schema.names]
    if absent:
        raise ValueError(f"the products have no column {absent[0]}")
    profile = profile or Profile()
    pictures = flatten(batch, settings.duplicate_distance)
    cohorts = find_cohorts(batch, expectations, profile)
    product_ids = batch.column("product_id").cast(pa.string())
    waiver = profile.waived(product_ids, expectations, run.run_date)
    pictures, confirmed, confirmation = confirm(
        pictures,
        product_ids,
        profile.shows,
        expectations,
        usual=cohorts.usual,
        min_confidence=settings.min_confidence,
    )
    fills = cohorts.fills[cohorts.row]
    seen = _evidence(pictures, fills, cohorts, expectations, confirmed, settings=settings)
    assessment = missing_centroids(pictures, cohorts, seen, waiver=waiver, settings=settings)
    remedies = choosing.choose(
        candidates.flatten(batch),
        fills,
        expectations.pose_ids,
        settings.min_remedy_certainty,
        charts(expectations, profile, cohorts.usual),
    )
    rank = sort_centroids_by_rank(assessment.state == State.MISSING, cohorts.score)
    sure = np.where(confirmed >= 0, np.float32(1.0), assessment.confidence)
    assessment = dataclasses.replace(
        assessment,
        rank=rank,
        confidence=np.where(assessment.state == State.PRESENT, sure, assessment.confidence),
        confirmation=confirmation,
        remedies=remedies,
    )
    return AuditTables(
        pose_flags_rows(
            batch,
            pictures,
            cohorts,
            expectations,
            assessment,
            settings=settings,
            run=run,
            profile=profile,
        ),
        product_audit_rows(
            batch, pictures, expectations, assessment, seen.shown, settings=settings, run=run
        ),
        product_images_rows(batch, pictures, expectations, settings=settings, run=run),
    )


def _evidence(
    pictures: Pictures,
    fills: npt.NDArray[np.bool_],
    cohorts: ProductCohorts,
    expectations: Expectations,
    confirmed: npt.NDArray[np.int64],
    *,
    settings: AuditSettings,
) -> Evidence:
    """`fills` (n, A, P) is which classes fill which ask, `confirmed` (n, A) the picture of which a
    person says that it shows the ask, -1 for none."""
    found = have_centroids(pictures, expectations.pose_ids, settings.min_confidence)
    shown, doubted = (np.where(expectations.hidden, -1, rows) for rows in found)
    have, doubtful = (have_asks(pictures, rows, fills) for rows in (shown, doubted))
    near = near_asks(pictures, expectations, cohorts.fills[-1])
    if settings.flags != ASKS:
        near[:] = False  # As the paper has it: classes that split one pose lie near each other.
    return Evidence(
        shown=shown,
        have=np.where(confirmed >= 0, confirmed, have),
        own=(have_asks(pictures, shown, cohorts.fills[-1:]) >= 0) | (confirmed >= 0),
        doubtful=doubtful,
        near=near,
    )


def have_centroids(
    pictures: Pictures, pose_ids: npt.NDArray[np.int32], min_confidence: float
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Find, for each product and pose, the picture that shows it (Algorithm 2, haveCentroids).

    Returns two (n, P) arrays of rows of `pictures`, -1 where there is none: the most confident
    picture that surely shows the pose, and the most confident of those below `min_confidence`
    whose nearest pose it is. Ties go to the picture shown first. Raises ValueError for a pose
    that is not in the vocabulary.
    """
    assigned = pictures.usable & (pictures.pose_ids >= 0)
    strange = np.setdiff1d(pictures.pose_ids[assigned], pose_ids)
    if len(strange):
        raise ValueError(f"pose {strange[0]} is not in the vocabulary; another model assigned it")
    sure = pictures.recognised(min_confidence)
    return (
        _best(pictures, np.flatnonzero(sure), pose_ids),
        _best(pictures, np.flatnonzero(assigned & ~sure), pose_ids),
    )


def have_asks(
    pictures: Pictures, found: npt.NDArray[np.int64], fills: npt.NDArray[np.bool_]
) -> npt.NDArray[np.int64]:
    """From classes to asks: the most confident of the pictures whose classes fill the ask.

    `found` (n, P) rows of `pictures`, -1 for none, as `have_centroids` has them; `fills` (n, A, P)
    or (1, A, P) which classes fill which ask. Returns (n, A).
    """
    confidence = np.where(found >= 0, _confidence_of(pictures, found), -1.0)
    asks = fills.shape[1]
    best = np.full((len(found), asks), -1, dtype=np.int64)
    for ask in range(asks):
        filling = np.where(fills[:, ask], confidence, -1.0)
        surest = filling.max(axis=1, keepdims=True, initial=-1.0)
        # Of equally sure ones the one that is shown first.
        tied = np.where((filling == surest) & (surest >= 0), found, np.iinfo(np.int64).max)
        first = tied.min(axis=1, initial=np.iinfo(np.int64).max)
        best[:, ask] = np.where(surest[:, 0] >= 0, first, -1)
    return best


def near_asks(
    pictures: Pictures, expectations: Expectations, members: npt.NDArray[np.bool_]
) -> npt.NDArray[np.bool_]:
    """(n, A) whether a usable picture lies near a class of the ask; `members` (A, P) are those.

    A class that a person has hidden is ignored.
    """
    row, pose = pictures.near[pictures.usable[pictures.near[:, 0]]].T
    column = np.searchsorted(expectations.pose_ids, pose).clip(max=len(expectations.pose_ids) - 1)
    close = np.zeros((pictures.products, len(expectations.pose_ids)), dtype=bool)
    known = expectations.pose_ids[column] == pose
    close[pictures.product[row[known]], column[known]] = True
    return np.asarray((close & ~expectations.hidden) @ members.T)


def _best(
    pictures: Pictures, rows: npt.NDArray[np.int64], pose_ids: npt.NDArray[np.int32]
) -> npt.NDArray[np.int64]:
    best = np.full((pictures.products, len(pose_ids)), -1, dtype=np.int64)
    product = pictures.product[rows]
    pose = np.searchsorted(pose_ids, pictures.pose_ids[rows])
    order = np.lexsort((rows, -pictures.confidence[rows], pose, product))
    product, pose, rows = product[order], pose[order], rows[order]
    first = np.ones(len(rows), dtype=bool)
    first[1:] = (product[1:] != product[:-1]) | (pose[1:] != pose[:-1])
    best[product[first], pose[first]] = rows[first]
    return best


def missing_centroids(
    pictures: Pictures,
    cohorts: ProductCohorts,
    evidence: Evidence,
    *,
    waiver: npt.NDArray[np.int64],
    settings: AuditSettings,
) -> Assessment:
    """Decide each ask's state (Algorithm 2, MissingCentroids: those in no picture).

    `waiver` (n, A) is which of the profile's waivers waives the ask, -1 for none.
    """
    present, waived = evidence.have >= 0, waiver >= 0
    frequent = cohorts.share >= settings.min_cohort_share
    expected = frequent & ~cohorts.excluded & ~waived
    cause = _causes(pictures, cohorts.row < 0, frequent, settings)

    lacking = expected & ~present
    no_cohort = ((cohorts.row < 0)[:, None]) & ~cohorts.excluded
    state = np.full(present.shape, State.NOT_APPLICABLE, dtype=np.int8)
    state[lacking] = State.MISSING
    unsure = (evidence.doubtful >= 0) | evidence.near | (cause != Cause.NONE)[:, None]
    state[lacking & unsure] = State.UNKNOWN
    state[no_cohort] = State.UNKNOWN
    state[waived] = State.WAIVED
    state[present & (evidence.own | expected)] = State.PRESENT
    return Assessment(
        state=state,
        confidence=_confidences(pictures, cohorts, evidence, state, settings.min_confidence),
        cause=cause,
        expected=expected,
        evidence=evidence.have,
        waiver=waiver,
        rank=np.zeros(state.shape, dtype=np.int32),
        confirmation=np.full(state.shape, -1, dtype=np.int64),
    )


def _causes(
    pictures: Pictures,
    strange: npt.NDArray[np.bool_],
    frequent: npt.NDArray[np.bool_],
    settings: AuditSettings,
) -> npt.NDArray[np.int8]:
    """(n,) of `Cause`; `strange` (n,) is whether no cohort is known, `frequent` (n, A) which asks
    the cohort shows often enough."""
    distinct = pictures.count(~pictures.duplicate)
    unclear = distinct - pictures.count(pictures.recognised(settings.min_confidence))
    cause = np.select(
        [
            strange,
            ~frequent.any(axis=1),
            (distinct > 0) & (pictures.count(pictures.usable) == 0),
            unclear > settings.max_unknown_share * distinct,
        ],
        [Cause.NO_COHORT, Cause.NOTHING_EXPECTED, Cause.NONE_USABLE, Cause.TOO_UNCLEAR],
        Cause.NONE,
    )
    return cause.astype(np.int8)


def _confidences(
    pictures: Pictures,
    cohorts: ProductCohorts,
    evidence: Evidence,
    state: npt.NDArray[np.int8],
    min_confidence: float,
) -> npt.NDArray[np.float32]:
    """(n, A) in [0, 1]: how sure each state is.

    The confidence of *missing* is that of the pictures that were seen: the mean confidence of the
    product's distinct pictures, 0 for one that could not be read or recognised, times
    `BACK_OFF_CONFIDENCE` for each level of cohort backed off; 1 before that factor where no
    picture is listed. Of *present*, the evidence's own. Of *not_applicable*, the share of the
    cohort that does without, with the same factor, or 1 by the profile. Of *unknown*, that of
    the doubtful picture, else 0.
    """
    sure = pictures.recognised(min_confidence)
    distinct = pictures.count(~pictures.duplicate)
    factor = BACK_OFF_CONFIDENCE**cohorts.level
    seen = np.bincount(
        pictures.product[sure], weights=pictures.confidence[sure], minlength=pictures.products
    )
    mean = np.divide(seen, distinct, out=np.ones(len(distinct)), where=distinct > 0) * factor
    without = np.where(cohorts.excluded, 1.0, (1.0 - cohorts.share) * factor[:, None])
    confidence = np.select(
        [
            state == State.PRESENT,
            state == State.MISSING,
            state == State.NOT_APPLICABLE,
            state == State.WAIVED,
        ],
        [
            _confidence_of(pictures, evidence.have),
            np.broadcast_to(mean[:, None], state.shape),
            without,
            1,
        ],
        _confidence_of(pictures, evidence.doubtful),
    )
    return confidence.clip(0.0, 1.0).astype(np.float32)


def _confidence_of(pictures: Pictures, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    # The last entry, which row -1 finds, stands for "no picture".
    return np.append(pictures.confidence.astype(np.float64), 0.0)[rows]


def sort_centroids_by_rank(
    missing: npt.NDArray[np.bool_], score: npt.NDArray[np.float64]
) -> npt.NDArray[np.int32]:
    """Rank each product's missing asks, the highest score first (SORTCENTROIDSBYRANK).

    Both arrays are (n, A), asks by ascending id; ties go to the lower id and a score of NaN
    comes last. Returns (n, A) int32: 1, 2, ... for missing asks, 0 for the others.
    """
    worth = np.where(np.isnan(score), -np.inf, score)
    order = np.lexsort((-worth, ~missing), axis=1)
    rank = np.zeros(missing.shape, dtype=np.int32)
    places = np.broadcast_to(np.arange(1, missing.shape[1] + 1, dtype=np.int32), missing.shape)
    np.put_along_axis(rank, order, places, axis=1)
    return np.where(missing, rank, 0).astype(np.int32)
