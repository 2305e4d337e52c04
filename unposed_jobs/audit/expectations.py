"""What a cohort's popular products show: the yardstick of the audit.

A cohort is a combination of catalogue attributes, coarsest first: (category, subcategory).
Where a product's cohort was not in the reference set, the next coarser one stands in:
(category,), and last (), all reference products together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from unposed_jobs.errors import UnposedError

if TYPE_CHECKING:
    from unposed_jobs.reference.bundle import Bundle

Cohort = tuple[str, ...]
MAX_EXAMPLES = 16


@dataclass(frozen=True)
class Expectations:
    """Frequency, ranking and examples of P poses in C cohorts. Small: it travels to executors.

    Built by `from_bundle` or `from_tables`; every cohort there has its coarser ones.
    """

    pose_ids: npt.NDArray[np.int32]
    """(P,) ascending: the poses of the vocabulary that are not retired."""
    kinds: tuple[str, ...]
    """(P) person or no_person."""
    names: tuple[str, ...]
    shot_codes: tuple[str | None, ...]
    attributes: tuple[str, ...]
    """The columns that define a cohort, coarsest first."""
    rows: dict[Cohort, int]
    """Cohort, or a coarser prefix of it, to its row below."""
    share: npt.NDArray[np.float64]
    """(C, P) share of the cohort's reference products that show the pose, in [0, 1]."""
    score: npt.NDArray[np.float64]
    """(C, P) the ranking's score; NaN where there is none, which ranks last."""
    examples: tuple[tuple[tuple[str, ...], ...], ...]
    """[C][P] picture addresses, best first; already filled up from coarser cohorts."""

    @classmethod
    def from_tables(
        cls, vocabulary: pa.Table, cohorts: pa.Table, attributes: Sequence[str]
    ) -> Expectations:
        """Build from plain tables.

        `vocabulary` has pose_id, kind, name, shot_code, and may have lineage (retired poses
        are left out) and exemplars (examples of last resort).

        `cohorts` has a row for each cohort and pose that it shows: the attribute columns,
        pose_id, share, score, example_images, and may have products (reference products of
        the cohort, by which coarser cohorts are averaged; else all weigh the same) and
        steady_share (see `reference.steadying`), which is then what decides. A row
        whose last attributes are null describes the coarser cohort itself and is taken as it
        is; coarser cohorts that the table lacks are averaged from the finer ones.

        Raises ValueError for a pose twice, a share outside [0, 1], or a null attribute
        before one that is not.
        """
        poses = sorted(
            (row for row in vocabulary.to_pylist() if row.get("lineage") != "retired"),
            key=lambda row: row["pose_id"],
        )
        pose_ids = np.array([row["pose_id"] for row in poses], dtype=np.int32)
        if len(np.unique(pose_ids)) != len(pose_ids):
            raise ValueError("a pose_id stands twice in the vocabulary")
        column = {int(pose_id): index for index, pose_id in enumerate(pose_ids)}

        given: dict[Cohort, _Cohort] = {}
        for row in cohorts.to_pylist():
            if row["pose_id"] not in column:
                continue  # A retired pose.
            key = _key(row, attributes)
            cohort = given.setdefault(key, _Cohort.empty(len(poses)))
            cohort.set(column[row["pose_id"]], row)
        complete = _with_coarser(given, len(attributes), len(poses))

        keys = sorted(complete, key=lambda key: (len(key), key))
        last_resort = [tuple(row.get("exemplars") or ()) for row in poses]
        examples: dict[Cohort, tuple[tuple[str, ...], ...]] = {}
        for key in keys:  # Coarser cohorts come first.
            fallback = examples[key[:-1]] if key else tuple(last_resort)
            examples[key] = tuple(
                tuple(dict.fromkeys((*own, *coarser)))[:MAX_EXAMPLES]
                for own, coarser in zip(complete[key].examples, fallback, strict=True)
            )
        shape = (len(keys), len(poses))
        return cls(
            pose_ids=pose_ids,
            kinds=tuple(row["kind"] for row in poses),
            names=tuple(row["name"] for row in poses),
            shot_codes=tuple(row["shot_code"] for row in poses),
            attributes=tuple(attributes),
            rows={key: index for index, key in enumerate(keys)},
            share=np.array([complete[key].share for key in keys]).reshape(shape),
            score=np.array([complete[key].score for key in keys]).reshape(shape),
            examples=tuple(examples[key] for key in keys),
        )

    @classmethod
    def from_bundle(cls, bundle: Bundle, attributes: Sequence[str] | None = None) -> Expectations:
        """Build from a trained model.

        `attributes` are the catalogue's cohort attributes as they are configured now. Raises
        UnposedError where the model was learned with other ones: its cohorts would then mean
        something else.
        """
        if attributes is not None and tuple(attributes) != tuple(bundle.attributes):
            raise UnposedError(
                f"model {bundle.model_version} tells cohorts apart by "
                f"{', '.join(bundle.attributes) or 'nothing'}, but [catalogue] cohort_attributes "
                f"has {', '.join(attributes) or 'nothing'}; set it back, or run: unposed train"
            )
        return cls.from_tables(bundle.vocabulary, bundle.cohorts, bundle.attributes)

    def find(self, cohort: Sequence[str | None]) -> tuple[int, int]:
        """Return a cohort's row and how many levels were backed off.

        An attribute that is null or was not in the reference backs off to the coarser cohort.
        The row is -1 where not even the reference as a whole is known.
        """
        known = list(cohort)
        for length in range(len(known), -1, -1):
            prefix = tuple(value for value in known[:length] if value is not None)
            if len(prefix) == length and prefix in self.rows:
                return self.rows[prefix], len(known) - length
        return -1, len(known)


@dataclass
class _Cohort:
    """One cohort while it is put together."""

    share: npt.NDArray[np.float64]
    score: npt.NDArray[np.float64]
    examples: list[tuple[str, ...]]
    weight: float = 0.0

    @classmethod
    def empty(cls, poses: int) -> _Cohort:
        return cls(np.zeros(poses), np.full(poses, np.nan), [()] * poses)

    def set(self, pose: int, row: dict) -> None:
        steady = row.get("steady_share")
        share = float(row["share"] if steady is None else steady)
        if not 0.0 <= share <= 1.0:
            raise ValueError(f"the share {share} of pose {row['pose_id']} is outside [0, 1]")
        self.share[pose] = share
        self.score[pose] = np.nan if row["score"] is None else row["score"]
        self.examples[pose] = tuple(row["example_images"] or ())
        self.weight = max(self.weight, float(row.get("products") or 1))


def _key(row: dict, attributes: Sequence[str]) -> Cohort:
    values = [row[name] for name in attributes]
    key = tuple(value for value in values if value is not None)
    if key != tuple(values[: len(key)]):
        raise ValueError(f"the cohort {values} has a null before a value")
    return key


def _with_coarser(given: dict[Cohort, _Cohort], levels: int, poses: int) -> dict[Cohort, _Cohort]:
    """Add the coarser cohorts that are not given, from the finest level up."""
    complete = dict(given)
    for length in range(levels - 1, -1, -1):
        children: dict[Cohort, list[_Cohort]] = {}
        for key in sorted(complete):
            if len(key) == length + 1:
                children.setdefault(key[:length], []).append(complete[key])
        for key, cohorts in children.items():
            if key not in complete:
                complete[key] = _average(cohorts, poses)
    return complete


def _average(cohorts: list[_Cohort], poses: int) -> _Cohort:
    weights = np.array([cohort.weight for cohort in cohorts])
    share = np.average([cohort.share for cohort in cohorts], axis=0, weights=weights)
    scores = np.array([cohort.score for cohort in cohorts])
    scored = np.where(np.isnan(scores), 0.0, weights[:, None])
    total = scored.sum(axis=0)
    score = np.divide(
        (np.nan_to_num(scores) * scored).sum(axis=0),
        total,
        out=np.full(poses, np.nan),
        where=total > 0,
    )
    heaviest = sorted(cohorts, key=lambda cohort: -cohort.weight)
    examples = [
        tuple(dict.fromkeys(uri for cohort in heaviest for uri in cohort.examples[pose]))
        for pose in range(poses)
    ]
    return _Cohort(np.clip(share, 0.0, 1.0), score, examples, float(weights.sum()))
