"""What a cohort's popular products show: the yardstick of the audit.

A cohort is a combination of catalogue attributes, coarsest first: (category, subcategory).
Where a product's cohort was not in the reference set, the next coarser one stands in:
(category,), and last (), all reference products together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from unposed_jobs.errors import UnposedError

if TYPE_CHECKING:
    from unposed_jobs.reference.bundle import Bundle

Cohort = tuple[str, ...]
MAX_EXAMPLES = 16
ASKS, CLASSES = "asks", "classes"
FLAGS = (ASKS, CLASSES)
"""What is flagged: asks, or, as the paper's Algorithm 2 has it, every class by itself."""


@dataclass(frozen=True)
class Expectations:
    """Frequency, ranking and examples of A asks in C cohorts. Small: it travels to executors.

    Built by `from_bundle` or `from_tables`; every cohort there has its coarser ones. Where classes
    are flagged by themselves, each is an ask of its own.
    """

    ask_ids: npt.NDArray[np.int32]
    """(A,) ascending."""
    names: tuple[str, ...]
    """(A) of the asks."""
    kinds: tuple[str, ...]
    """(A) person or no_person."""
    members: tuple[tuple[int, ...], ...]
    """[A] pose ids of each ask's classes, ascending."""
    asked: npt.NDArray[np.bool_]
    """(A,) whether the ask may be flagged missing at all."""
    pose_ids: npt.NDArray[np.int32]
    """(P,) ascending: the classes of the vocabulary that are not retired."""
    pose_names: tuple[str, ...]
    """(P) of the classes."""
    shot_codes: tuple[str | None, ...]
    """(P) of the classes."""
    hidden: npt.NDArray[np.bool_]
    """(P,) a person has hidden the class: its pictures show and fill nothing."""
    attributes: tuple[str, ...]
    """The columns that define a cohort, coarsest first."""
    rows: dict[Cohort, int]
    """Cohort, or a coarser prefix of it, to its row below."""
    share: npt.NDArray[np.float64]
    """(C, A) share of the cohort's reference products that show the ask, in [0, 1]; 0 of an ask
    that may not be flagged."""
    score: npt.NDArray[np.float64]
    """(C, A) the ranking's score; NaN where there is none, which ranks last."""
    examples: tuple[tuple[tuple[str, ...], ...], ...]
    """[C][A] picture addresses, best first; already filled up from coarser cohorts."""
    usual: npt.NDArray[np.int64]
    """(C, A) place in `pose_ids` of the class by which the cohort usually shows the ask."""
    fills: npt.NDArray[np.bool_]
    """(C, A, P) whether a picture of the class fills the ask in the cohort."""

    @classmethod
    def from_tables(
        cls, vocabulary: pa.Table, cohorts: pa.Table, attributes: Sequence[str]
    ) -> Expectations:
        """Build from plain tables.

        `vocabulary` has pose_id, kind, name, shot_code, and may have lineage (retired poses
        are left out), exemplars (examples of last resort), ask_id, ask_name and asked.

        `cohorts` has a row for each cohort and ask: the attribute columns, ask_id, pose_id (its
        usual class), share, score, example_images, and may have satisfied_by (else its own classes
        fill it), products (reference products of the cohort, by which coarser cohorts are averaged;
        else all weigh the same) and steady_share (see `reference.steadying`), which is then what
        decides. Without a column ask_id every class is an ask. A row whose last attributes are
        null describes the coarser cohort itself and is taken as it is; coarser cohorts that the
        table lacks are averaged from the finer ones.

        Raises ValueError for a pose twice, a share outside [0, 1], or a null attribute
        before one that is not.
        """
        poses = _classes(vocabulary)
        pose_ids = np.array([row["pose_id"] for row in poses], dtype=np.int32)
        asks = _asks(poses, grouped="ask_id" in cohorts.column_names)
        complete = _with_coarser(_given(cohorts, attributes, asks), len(attributes), len(asks))
        keys = sorted(complete, key=lambda key: (len(key), key))
        examples = _examples(complete, keys, asks)
        shape = (len(keys), len(asks))
        may_ask = np.array([ask.asked for ask in asks], dtype=bool)
        share = np.array([complete[key].share for key in keys]).reshape(shape)
        return cls(
            ask_ids=np.array([ask.ask_id for ask in asks], dtype=np.int32),
            names=tuple(ask.name for ask in asks),
            kinds=tuple(ask.kind for ask in asks),
            members=tuple(ask.members for ask in asks),
            asked=may_ask,
            pose_ids=pose_ids,
            pose_names=tuple(row["name"] for row in poses),
            shot_codes=tuple(row["shot_code"] for row in poses),
            hidden=np.zeros(len(poses), dtype=bool),
            attributes=tuple(attributes),
            rows={key: index for index, key in enumerate(keys)},
            share=np.where(may_ask, share, 0.0),
            score=np.array([complete[key].score for key in keys]).reshape(shape),
            examples=tuple(examples[key] for key in keys),
            usual=_usual([complete[key] for key in keys], asks, pose_ids),
            fills=_fills([complete[key] for key in keys], asks, pose_ids),
        )

    @classmethod
    def from_bundle(
        cls, bundle: Bundle, attributes: Sequence[str] | None = None, flags: str = ASKS
    ) -> Expectations:
        """Build from a trained model.

        `attributes` are the catalogue's cohort attributes as they are configured now; `flags` is
        one of `FLAGS`. A model from before there were asks has a class for each. Raises
        UnposedError where the model was learned with other attributes: its cohorts would then mean
        something else.
        """
        if attributes is not None and tuple(attributes) != tuple(bundle.attributes):
            raise UnposedError(
                f"model {bundle.model_version} defines cohorts by "
                f"{', '.join(bundle.attributes) or 'nothing'}, but [catalogue] cohort_attributes "
                f"has {', '.join(attributes) or 'nothing'}; set it back, or run: unposed train"
            )
        asked = bundle.asked if flags == ASKS and bundle.asked is not None else bundle.cohorts
        return cls.from_tables(bundle.vocabulary, asked, bundle.attributes)

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


def _classes(vocabulary: pa.Table) -> list[dict[str, Any]]:
    """The rows of the classes that are not retired, by pose_id."""
    rows = [row for row in vocabulary.to_pylist() if row.get("lineage") != "retired"]
    if len({row["pose_id"] for row in rows}) != len(rows):
        raise ValueError("a pose_id stands twice in the vocabulary")
    return sorted(rows, key=lambda row: row["pose_id"])


@dataclass(frozen=True)
class _Ask:
    """An ask as the vocabulary has it."""

    ask_id: int
    name: str
    kind: str
    members: tuple[int, ...]
    asked: bool
    exemplars: tuple[str, ...]


def _asks(poses: Sequence[dict[str, Any]], *, grouped: bool) -> list[_Ask]:
    """By id; each pose is one of its own unless `grouped`, or where the vocabulary knows none."""
    groups: dict[int, list[dict[str, Any]]] = {}
    for row in poses:
        ask_id = row.get("ask_id") if grouped else None
        groups.setdefault(row["pose_id"] if ask_id is None else ask_id, []).append(row)
    asks = []
    for ask_id, rows in sorted(groups.items()):
        first = max(rows, key=lambda row: (row.get("size") or 0, -row["pose_id"]))
        asks.append(
            _Ask(
                ask_id,
                (grouped and rows[0].get("ask_name")) or first["name"],
                first["kind"],
                tuple(row["pose_id"] for row in rows),
                not grouped or rows[0].get("asked") is not False,
                tuple(uri for row in (first, *rows) for uri in row.get("exemplars") or ()),
            )
        )
    return asks


def _usual(
    cohorts: Sequence[_Cohort], asks: Sequence[_Ask], pose_ids: npt.NDArray[np.int32]
) -> npt.NDArray[np.int64]:
    found = [
        [
            ask.members[0] if pose not in ask.members else pose
            for ask, pose in zip(asks, cohort.usual, strict=True)
        ]
        for cohort in cohorts
    ]
    return np.searchsorted(pose_ids, np.array(found, dtype=np.int64).reshape(-1, len(asks)))


def _fills(
    cohorts: Sequence[_Cohort], asks: Sequence[_Ask], pose_ids: npt.NDArray[np.int32]
) -> npt.NDArray[np.bool_]:
    fills = np.zeros((len(cohorts), len(asks), len(pose_ids)), dtype=bool)
    for row, cohort in enumerate(cohorts):
        for column, (ask, others) in enumerate(zip(asks, cohort.satisfied, strict=True)):
            fills[row, column] = np.isin(pose_ids, [*ask.members, *others])
    return fills


@dataclass
class _Cohort:
    """One cohort while it is put together."""

    share: npt.NDArray[np.float64]
    score: npt.NDArray[np.float64]
    examples: list[tuple[str, ...]]
    usual: list[int]
    satisfied: list[tuple[int, ...]]
    weight: float = 0.0

    @classmethod
    def empty(cls, asks: int) -> _Cohort:
        return cls(np.zeros(asks), np.full(asks, np.nan), [()] * asks, [-1] * asks, [()] * asks)

    def set(self, ask: int, row: dict[str, Any]) -> None:
        steady = row.get("steady_share")
        share = float(row["share"] if steady is None else steady)
        if not 0.0 <= share <= 1.0:
            raise ValueError(f"the share {share} of pose {row['pose_id']} is outside [0, 1]")
        self.share[ask] = share
        self.score[ask] = np.nan if row["score"] is None else row["score"]
        self.examples[ask] = tuple(row["example_images"] or ())
        self.usual[ask] = row["pose_id"]
        self.satisfied[ask] = tuple(row.get("satisfied_by") or ())
        self.weight = max(self.weight, float(row.get("products") or 1))


def _given(
    table: pa.Table, attributes: Sequence[str], asks: Sequence[_Ask]
) -> dict[Cohort, _Cohort]:
    """The cohorts that the table describes itself."""
    column = {ask.ask_id: index for index, ask in enumerate(asks)}
    given: dict[Cohort, _Cohort] = {}
    for row in table.to_pylist():
        ask_id = row.get("ask_id", row["pose_id"])
        if ask_id not in column:
            continue  # All of its poses are retired.
        cohort = given.setdefault(_key(row, attributes), _Cohort.empty(len(asks)))
        cohort.set(column[ask_id], row)
    return given


def _examples(
    cohorts: dict[Cohort, _Cohort], keys: Sequence[Cohort], asks: Sequence[_Ask]
) -> dict[Cohort, tuple[tuple[str, ...], ...]]:
    """[A] pictures of each cohort, filled up from the coarser one, which `keys` has first."""
    filled: dict[Cohort, tuple[tuple[str, ...], ...]] = {}
    for key in keys:
        coarser = filled[key[:-1]] if key else tuple(ask.exemplars for ask in asks)
        filled[key] = tuple(
            tuple(dict.fromkeys((*own, *others)))[:MAX_EXAMPLES]
            for own, others in zip(cohorts[key].examples, coarser, strict=True)
        )
    return filled


def _key(row: dict[str, Any], attributes: Sequence[str]) -> Cohort:
    values = [row[name] for name in attributes]
    key = tuple(value for value in values if value is not None)
    if key != tuple(values[: len(key)]):
        raise ValueError(f"the cohort {values} has a null before a value")
    return key


def _with_coarser(given: dict[Cohort, _Cohort], levels: int, asks: int) -> dict[Cohort, _Cohort]:
    """Add the coarser cohorts that are not given, from the finest level up."""
    complete = dict(given)
    for length in range(levels - 1, -1, -1):
        children: dict[Cohort, list[_Cohort]] = {}
        for key in sorted(complete):
            if len(key) == length + 1:
                children.setdefault(key[:length], []).append(complete[key])
        for key, cohorts in children.items():
            if key not in complete:
                complete[key] = _average(cohorts, asks)
    return complete


def _average(cohorts: list[_Cohort], asks: int) -> _Cohort:
    weights = np.array([cohort.weight for cohort in cohorts])
    share = np.average([cohort.share for cohort in cohorts], axis=0, weights=weights)
    scores = np.array([cohort.score for cohort in cohorts])
    scored = np.where(np.isnan(scores), 0.0, weights[:, None])
    total = scored.sum(axis=0)
    score = np.divide(
        (np.nan_to_num(scores) * scored).sum(axis=0),
        total,
        out=np.full(asks, np.nan),
        where=total > 0,
    )
    heaviest = sorted(cohorts, key=lambda cohort: -cohort.weight)
    examples = [
        tuple(dict.fromkeys(uri for cohort in heaviest for uri in cohort.examples[ask]))
        for ask in range(asks)
    ]
    # What stands in for another in some cohort does not in all of them.
    satisfied = [
        tuple(set.intersection(*(set(cohort.satisfied[ask]) for cohort in cohorts)))
        for ask in range(asks)
    ]
    return _Cohort(
        np.clip(share, 0.0, 1.0),
        score,
        examples,
        list(heaviest[0].usual),
        satisfied,
        float(weights.sum()),
    )
