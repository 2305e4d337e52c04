"""Rows of the table `landmarks`, as Arrow, to arrays that can be computed with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from unposed_jobs.embedding.features import pose_features, turned_away, visibility
from unposed_jobs.embedding.topology import BLAZEPOSE_33, TOPOLOGIES, Floats, Topology
from unposed_jobs.errors import UnposedError

PERSON, NO_PERSON, UNREADABLE = "person", "no_person", "unreadable"


@dataclass(frozen=True)
class PictureArrays:
    """N pictures: `kind` (N,) of str, person, no_person or unreadable.

    `person` are the n rows with a person, `landmarks` (n, points, values) and `aspect` (n,)
    theirs, `trust` (n,) in [0, 1] is how far the landmarks can be relied on, left and right
    included, and `somebody` (n,) how sure it is that a person is there at all, wherever its joints
    are placed. `no_person` are the m rows without a person, `statistics` (m, S) theirs, NaN where
    there are none, and `nobody` (m,) in [0, 1] the probability that nobody is there, 1 where it was
    not judged.
    """

    kind: npt.NDArray[np.str_]
    person: npt.NDArray[np.int64]
    landmarks: Floats
    aspect: Floats
    trust: Floats
    somebody: Floats
    no_person: npt.NDArray[np.int64]
    statistics: Floats
    nobody: Floats

    @property
    def features(self) -> Floats:
        """(n, 77) or (n, 61) of the pictures with a person."""
        return pose_features(self.landmarks, self.aspect)


def topology_of(table: pa.Table) -> Topology | None:
    """The skeleton of a table's landmarks, None where no picture has any.

    Raises UnposedError for lists of a length that is no skeleton's, or of both.
    """
    lengths = pc.unique(pc.list_value_length(table["landmarks"])).drop_null().to_pylist()
    lengths = sorted(set(lengths) - {0})
    known = {topology.flat_length: topology for topology in TOPOLOGIES.values()}
    if not lengths:
        return None
    if len(lengths) > 1 or lengths[0] not in known:
        raise UnposedError(
            f"the landmarks have {', '.join(map(str, lengths))} values; they must all be of one "
            "kind: 165 (33 points) or 51 (17 points)"
        )
    return known[lengths[0]]


def arrays(table: pa.Table, topology: Topology | None, statistics: int) -> PictureArrays:
    """Read a table with status and landmarks.

    Used where they are there: pose_score, person_count, person_confidence (the probability that the
    person is there and placed right), person_probability (that anybody is there), statistics,
    width and height.
    `topology` is the skeleton expected, `statistics` their number. A picture of status ok
    without a single visible point shows no person.

    Raises UnposedError where the landmarks are of another skeleton.
    """
    found = topology_of(table)
    if found is not None and topology is not None and found is not topology:
        raise UnposedError(
            f"the model was learned from {len(topology.points)} points, but the landmarks have "
            f"{len(found.points)}; train again with this estimator"
        )
    status = table["status"].to_numpy(zero_copy_only=False).astype(str)
    kind = np.where(status == "ok", PERSON, np.where(status == NO_PERSON, NO_PERSON, UNREADABLE))
    has = pc.greater(pc.fill_null(pc.list_value_length(table["landmarks"]), 0), 0)
    listed = (kind == PERSON) & has.to_numpy(zero_copy_only=False)
    kind[(kind == PERSON) & ~listed] = NO_PERSON
    person = np.flatnonzero(listed)
    shape = topology or found or BLAZEPOSE_33
    landmarks = _lists(table["landmarks"], person, shape.flat_length)
    landmarks = landmarks.reshape(-1, len(shape.points), shape.values)
    seen = visibility(landmarks)
    visible = np.asarray((seen > 0).any(axis=1))
    kind[person[~visible]] = NO_PERSON
    person, landmarks, seen = person[visible], landmarks[visible], seen[visible]
    no_person = np.flatnonzero(kind == NO_PERSON)
    aspect = _aspect(table, person)
    trust, somebody = _trust(table, person, seen, shape)
    return PictureArrays(
        kind.astype(str),
        person,
        landmarks,
        aspect,
        trust * (1 - turned_away(landmarks, aspect)),
        somebody,
        no_person,
        _statistics(table, no_person, statistics),
        1 - np.clip(np.nan_to_num(_column(table, "person_probability", no_person)), 0, 1),
    )


_SURE_SCORE = 0.5  # a pose score above it adds nothing
_SURE_POINTS = 6  # of the skeleton: fewer seen points cannot carry a pose
_SURE_PLACED = 0.9  # nor does a judgement of the whole person, whose joints are then near enough
_CROWD = 0.7  # factor where more than one person was found


def _trust(
    table: pa.Table, rows: npt.NDArray[np.int64], seen: Floats, topology: Topology
) -> tuple[Floats, Floats]:
    """How far landmarks can be relied on, and how sure it is that somebody is there; (n,) each."""
    score = np.nan_to_num(_column(table, "pose_score", rows), nan=1.0)
    alone = ~(_column(table, "person_count", rows) > 1)
    placed = _column(table, "person_confidence", rows)
    there = np.clip(_column(table, "person_probability", rows), 0, 1)
    guess = np.clip(score / _SURE_SCORE, 0, 1) * np.clip(seen.sum(axis=1) / _SURE_POINTS, 0, 1)
    # Who was judged as a whole needs no guess: a headless torso has few points, and may be sure.
    trust = np.where(np.isfinite(placed), np.clip(placed / _SURE_PLACED, 0, 1), guess)
    trust = np.where(alone, trust, _CROWD * trust)
    somebody = np.where(np.isfinite(there), there, trust)
    # A head put where there is none makes another shot of a torso. A torso or legs alone stay what
    # they are with every joint a little off: that somebody is there is all they ask.
    eyes = [topology.index(f"{side}_eye") for side in ("left", "right")]
    headless = seen[:, eyes].max(axis=1) == 0
    return np.where(headless & alone, np.maximum(trust, somebody), trust), somebody


def _aspect(table: pa.Table, rows: npt.NDArray[np.int64]) -> Floats:
    width, height = (_column(table, name, rows) for name in ("width", "height"))
    with np.errstate(divide="ignore", invalid="ignore"):
        aspect = width / height
    return np.where(np.isfinite(aspect) & (aspect > 0), aspect, 1.0)


def _column(table: pa.Table, name: str, rows: npt.NDArray[np.int64]) -> Floats:
    if name not in table.column_names:
        return np.full(len(rows), np.nan)
    return np.asarray(table[name].cast(pa.float64()).to_numpy()[rows], dtype=np.float64)


def _statistics(table: pa.Table, rows: npt.NDArray[np.int64], width: int) -> Floats:
    values = np.full((len(rows), width), np.nan, dtype=np.float32)
    if "statistics" not in table.column_names or not width:
        return values
    lengths = pc.fill_null(pc.list_value_length(table["statistics"]), 0).to_numpy()[rows]
    # New statistics are added at the end: a model goes by those that it knows.
    for length in np.unique(lengths[lengths >= width]).tolist():
        known = np.flatnonzero(lengths == length)
        values[known] = _lists(table["statistics"], rows[known], length)[:, :width]
    return values


def statistics_width(table: pa.Table) -> int:
    """How many statistics the pictures without a person have, 0 where there are none."""
    if "statistics" not in table.column_names:
        return 0
    return pc.max(pc.list_value_length(table["statistics"])).as_py() or 0


def _lists(column: pa.ChunkedArray, rows: npt.NDArray[np.int64], width: int) -> Floats:
    """(n, width) float32 from lists of equal length; a null inside is NaN."""
    flat = pc.list_flatten(column.take(pa.array(rows))).cast(pa.float32())
    values = flat.to_numpy(zero_copy_only=False) if len(flat) else np.zeros(0)
    return np.asarray(values, dtype=np.float32).reshape(len(rows), width)
