"""From an assessment to the rows of pose_flags and product_audit, by column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from unposed_jobs.audit.cohorts import ProductCohorts
from unposed_jobs.audit.expectations import Expectations
from unposed_jobs.audit.pictures import TROUBLES, Pictures
from unposed_jobs.audit.profile import Profile
from unposed_jobs.audit.states import Assessment, AuditRun, Cause, State
from unposed_jobs.catalogue import packing
from unposed_jobs.config import AuditSettings
from unposed_jobs.remedies.candidates import CROP, FRAME, KINDS, MAKE
from unposed_jobs.vocabulary.naming import CHART_CODE
from unposed_jobs.warehouse.tables import POSE_FLAGS, PRODUCT_AUDIT

TOP_MISSING = 3
STATUSES = ("complete", "gaps", "unclear", "unassessable")
_COHORT = ("category", "subcategory", "product_type")


def pose_flags_rows(
    batch: pa.RecordBatch,
    pictures: Pictures,
    cohorts: ProductCohorts,
    expectations: Expectations,
    assessment: Assessment,
    *,
    settings: AuditSettings,
    run: AuditRun,
    profile: Profile,
) -> pa.Table:
    """n × A rows of pose_flags: products in the batch's order, asks ascending."""
    products, asks = assessment.state.shape
    product = pa.array(np.repeat(np.arange(products), asks))
    ask = pa.array(np.tile(np.arange(asks), products))
    pose = pa.array(cohorts.usual.reshape(-1))
    state = assessment.state.reshape(-1)
    missing = state == State.MISSING

    shot_codes = _shot_codes(profile, expectations)
    examples = [
        list(uris[: settings.example_images]) for cohort in expectations.examples for uris in cohort
    ]
    remedies = assessment.remedies
    assert remedies is not None
    advice = [
        _advice(
            remedy,
            expectations.names[index % asks],
            shot_codes[expectations.usual.reshape(-1)[index]],
            bool(uris),
        )
        for remedy in KINDS
        for index, uris in enumerate(examples)
    ]
    cell = np.repeat(cohorts.row, asks) * asks + np.tile(np.arange(asks), products)
    at_cell = places(missing, cell)
    evidence = assessment.evidence.reshape(-1)
    score = cohorts.score.reshape(-1)
    names = [state.name.lower() for state in State]
    columns = {
        **stamp(batch, run, product, ("product_id", *_COHORT)),
        **_asked(expectations, pose, ask),
        "shot_code": pa.array(shot_codes, pa.string()).take(pose),
        "state": pa.array(names, pa.string()).take(pa.array(state)),
        "rank": pa.array(assessment.rank.reshape(-1), mask=~missing),
        "score": pa.array(score, mask=np.isnan(score)),
        "confidence": pa.array(assessment.confidence.reshape(-1)),
        "evidence_image": pictures.uris.take(places(state == State.PRESENT, evidence)),
        "example_images": pa.array(examples, pa.list_(pa.string())).take(at_cell),
        **remedies.columns(assessment.state == State.MISSING),
        "advice": pa.array(advice, pa.string()).take(
            places(missing, remedies.kind() * len(examples) + cell)
        ),
        "shown_by": _confirmed_by(profile, assessment),
        **_waivers(profile, places(state == State.WAIVED, assessment.waiver.reshape(-1))),
    }
    return table_of(columns, POSE_FLAGS.schema)


def product_audit_rows(
    batch: pa.RecordBatch,
    pictures: Pictures,
    expectations: Expectations,
    assessment: Assessment,
    shown: npt.NDArray[np.int64],
    *,
    settings: AuditSettings,
    run: AuditRun,
) -> pa.Table:
    """One row of product_audit for each product, in the batch's order.

    `shown` (n, P) is the picture that surely shows each class, -1 for none.

    Completeness is null where it is unknown: an unassessable product, or one of which
    nothing is expected because the profile excludes or waives it all.
    """
    listed = np.bincount(pictures.product, minlength=pictures.products)
    present = assessment.state == State.PRESENT
    missing = (assessment.state == State.MISSING).sum(axis=1)
    expected = assessment.expected.sum(axis=1)
    unassessable = assessment.cause != Cause.NONE
    completeness = (present & assessment.expected).sum(axis=1) / np.maximum(expected, 1)
    unclear = (assessment.state == State.UNKNOWN).any(axis=1)
    status = np.select([unassessable, missing > 0, unclear], [3, 1, 2], 0)
    top = np.argsort(np.where(assessment.rank > 0, assessment.rank, np.iinfo(np.int32).max), axis=1)
    top = top[:, :TOP_MISSING]
    listed_top = np.take_along_axis(assessment.rank, top, axis=1) > 0
    names = pa.array(expectations.names, pa.string())
    columns = {
        **stamp(batch, run, pa.array(np.arange(pictures.products)), ("product_id", *_COHORT)),
        "carried": _carried(batch, run.carry),
        **{name: _kept(batch, name) for name in ("average_rating", "rating_count")},
        "videos": _videos(batch),
        "pictures": listed,
        "usable": pictures.count(pictures.usable),
        "unreadable": pictures.count(pictures.trouble >= 0),
        "duplicates": pictures.count(pictures.duplicate),
        "altered_duplicates": pictures.count(pictures.altered),
        "with_person": pictures.count(pictures.with_person),
        "is_target": listed < settings.target_pictures,
        "poses_present": _lists(
            shown >= 0, pa.array(expectations.pose_ids[np.nonzero(shown >= 0)[1]], pa.int32())
        ),
        "missing_count": missing,
        "top_missing": _lists(listed_top, names.take(pa.array(top[listed_top]))),
        "completeness": pa.array(completeness, mask=unassessable | (expected == 0)),
        "status": pa.array(STATUSES).take(pa.array(status)),
        "reason": _reasons(pictures, assessment, settings),
    }
    return table_of(columns, PRODUCT_AUDIT.schema)


def _videos(batch: pa.RecordBatch) -> pa.Array:
    """The addresses of each product's videos; null where it has none, or none are read."""
    if "videos" in batch.schema.names:
        return batch.column("videos")
    return pa.nulls(batch.num_rows, pa.list_(pa.string()))


def charts(
    expectations: Expectations, profile: Profile, usual: npt.NDArray[np.int64]
) -> npt.NDArray[np.bool_]:
    """(n, A) whether what a product is asked for is a chart or text, which nobody photographs.

    `usual` (n, A) is the place of each ask's usual class in the product's cohort. The model's own
    shot code tells it, whatever the profile calls it; without any code a picture without a person
    is one.
    """
    codes = zip(expectations.shot_codes, _shot_codes(profile, expectations), strict=True)
    drawn = [(own or shown or CHART_CODE) == CHART_CODE for own, shown in codes]
    nobody = np.array([kind != "person" for kind in expectations.kinds], dtype=bool)
    return np.asarray(np.array(drawn, dtype=bool)[usual] & nobody)


def _shot_codes(profile: Profile, expectations: Expectations) -> list[str | None]:
    """[P] each class's shot code, by the profile before the model's own."""
    classes = zip(
        expectations.pose_ids.tolist(),
        expectations.pose_names,
        expectations.shot_codes,
        strict=True,
    )
    return [profile.shot_code(pose_id, name) or code for pose_id, name, code in classes]


def _asked(expectations: Expectations, pose: pa.Array, ask: pa.Array) -> dict[str, pa.Array]:
    """What each flag asks for; `pose` and `ask` are places in the expectations."""
    members = pa.array([list(ids) for ids in expectations.members], pa.list_(pa.int32()))
    return {
        "pose_id": pa.array(expectations.pose_ids).take(pose),
        "pose_name": pa.array(expectations.pose_names, pa.string()).take(pose),
        "ask_id": pa.array(expectations.ask_ids).take(ask),
        "ask_name": pa.array(expectations.names, pa.string()).take(ask),
        "members": members.take(ask),
    }


def _confirmed_by(profile: Profile, assessment: Assessment) -> pa.Array:
    """Who says that each flag's picture shows it; null where nobody does."""
    chosen = assessment.confirmation.reshape(-1)
    said = (assessment.state.reshape(-1) == State.PRESENT) & (chosen >= 0)
    names = pa.array([one.by or "the shot profile" for one in profile.shows], pa.string())
    return names.take(places(said, chosen))


def _waivers(profile: Profile, chosen: pa.Array) -> dict[str, pa.Array]:
    """Who waives each flag, why and until when; `chosen` are places in the profile's waivers."""
    given = profile.waivers
    return {
        "waived_by": pa.array([waiver.by for waiver in given], pa.string()).take(chosen),
        "waived_reason": pa.array([waiver.reason for waiver in given], pa.string()).take(chosen),
        "waived_until": pa.array([waiver.until for waiver in given], pa.date32()).take(chosen),
    }


def stamp(
    batch: pa.RecordBatch, run: AuditRun, product: pa.Array, names: Sequence[str]
) -> dict[str, pa.Array]:
    """What every day table has: columns `names` of the products, rows of `batch`, and the run."""
    columns = {name: batch.column(name).take(product) for name in names}
    for name, value in (
        ("run_date", pa.scalar(run.run_date, pa.date32())),
        ("model_version", pa.scalar(run.model_version, pa.string())),
        ("run_id", pa.scalar(run.run_id, pa.string())),
    ):
        columns[name] = pa.repeat(value, len(product))
    return columns


def table_of(columns: Mapping[str, Any], schema: pa.Schema) -> pa.Table:
    """The columns as `schema` has them."""
    arrays = [pa.array(columns[field.name]).cast(field.type) for field in schema]
    return pa.Table.from_arrays(arrays, schema=schema)


def places(chosen: npt.NDArray[np.bool_], index: npt.NDArray[np.int64]) -> pa.Array:
    """Indices to take; null, and so a null value, where not chosen."""
    return pa.array(np.where(chosen, index, 0), pa.int64(), mask=~chosen)


def _kept(batch: pa.RecordBatch, name: str) -> pa.Array:
    """A column as the catalogue has it; null where the batch lacks it."""
    if name not in batch.schema.names:
        return pa.nulls(batch.num_rows, PRODUCT_AUDIT.schema.field(name).type)
    return batch.column(name)


def _carried(batch: pa.RecordBatch, names: Sequence[str]) -> pa.Array:
    """A map from `names` to each product's values of the column `carried`; null without any."""
    if not names:
        return pa.nulls(batch.num_rows, PRODUCT_AUDIT.schema.field("carried").type)
    offsets = pa.array(np.arange(batch.num_rows + 1, dtype=np.int32) * len(names))
    keys = pa.array(names, pa.string()).take(
        pa.array(np.tile(np.arange(len(names)), batch.num_rows))
    )
    return pa.MapArray.from_arrays(offsets, keys, packing.unpack(batch.column("carried")))


def _lists(chosen: npt.NDArray[np.bool_], values: pa.Array) -> pa.ListArray:
    offsets = np.concatenate([[0], np.cumsum(chosen.sum(axis=1))])
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), values)


def _advice(remedy: str, name: str, shot_code: str | None, has_examples: bool) -> str:
    shot = f" (shot {shot_code})" if shot_code else ""
    if remedy == CROP:
        return f"Crop a picture that it has: {name}{shot}"
    if remedy == FRAME:
        return f"Take a frame of its video: {name}{shot}"
    what = "Make a chart or text" if remedy == MAKE else "Photograph"
    return f"{what}: {name}{shot}" + ("; see the examples" if has_examples else "")


def _reasons(pictures: Pictures, assessment: Assessment, settings: AuditSettings) -> pa.Array:
    """One line for each product that could not be assessed, or not wholly; null for the others.

    The text depends on a few small counts only, so each combination is worded once.
    """
    recognised = pictures.recognised(settings.min_confidence)
    facts = np.stack(
        [
            assessment.cause.astype(np.int64),
            pictures.count(~pictures.duplicate),
            pictures.count(pictures.usable & ~recognised),
            (assessment.state == State.UNKNOWN).sum(axis=1),
            (assessment.state == State.MISSING).any(axis=1),
            *(pictures.count(pictures.trouble == index) for index in range(len(TROUBLES))),
        ],
        axis=1,
    )
    combinations, index = np.unique(facts, axis=0, return_inverse=True)
    texts = [_reason(*(int(fact) for fact in combination)) for combination in combinations]
    return pc.take(pa.array(texts, pa.string()), pa.array(index.reshape(-1)))


def _reason(
    cause: int, distinct: int, unrecognised: int, unknown: int, gaps: int, *troubles: int
) -> str | None:
    seen = [
        f"{count} {trouble}" for count, trouble in zip(troubles, TROUBLES, strict=True) if count
    ]
    if cause == Cause.NONE:
        if gaps or not unknown:
            return None
        expected = "1 expected view" if unknown == 1 else f"{unknown} expected views"
        return f"nothing is missing for certain; an unclear picture may show {expected}"
    if cause == Cause.TOO_UNCLEAR and unrecognised:
        seen.append(f"{unrecognised} that show no view for certain")
    texts = {
        Cause.NO_COHORT: "no popular product of any category is known to compare it with",
        Cause.NOTHING_EXPECTED: (
            "the popular products of its category have no view in common, so none is asked for"
        ),
        Cause.NONE_USABLE: f"no picture could be read: {', '.join(seen)}",
        Cause.TOO_UNCLEAR: (
            f"too few of its {distinct} distinct pictures are clear: {', '.join(seen)}"
            if distinct > 1
            else "its only picture shows no view for certain"
        ),
    }
    return texts[Cause(cause)]
