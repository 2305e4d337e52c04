"""The row of each class: name, shot code, size, exemplars, lineage."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from unposed_jobs.pose import statistics
from unposed_jobs.reference.files import VOCABULARY
from unposed_jobs.vocabulary import exemplars, naming
from unposed_jobs.vocabulary.clustering import Assignment, Clusters, Floats, Indices
from unposed_jobs.vocabulary.matching import KEPT, RETIRED, Lineage
from unposed_jobs.vocabulary.naming import PoseName, Shot

if TYPE_CHECKING:
    from unposed_jobs.reference.bundle import Bundle


@dataclass
class PoseClass:
    """A class of the new vocabulary, and the reference pictures that are assigned to it.

    `rows` (n,) are the pictures' rows in the training table, `confidence` (n,) how surely they
    are of the class. `shot` is None without a person. `retaken` and `mirrored` are the shares of
    its pictures that come out as another class, or as itself, by pose_id, when they are taken
    again, or mirrored; empty where nothing was tried.
    """

    pose_id: int
    kind: str
    name: str
    shot_code: str
    size: int
    spread: float
    lineage: str
    exemplars: list[str]
    rows: npt.NDArray[np.int64]
    confidence: Floats
    shot: Shot | None = None
    retaken: dict[int, float] = field(default_factory=dict)
    mirrored: dict[int, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Ask:
    """A group of classes that stand for one another.

    `members` are their pose ids, ascending; `ask_id` is the first of them, so that an ask keeps its
    id while its oldest class lives. `asked` is whether it may be flagged missing at all,
    `agreement` which share of its pictures stays in it when all is done again (None: not tried).
    """

    COLUMNS: ClassVar[tuple[str, ...]] = ("ask_id", "ask_name", "asked", "agreement")

    ask_id: int
    name: str
    members: tuple[int, ...]
    asked: bool
    agreement: float | None

    def columns(self) -> dict[str, Any]:
        """Its part of a row of the table `vocabulary`."""
        values = (self.ask_id, self.name, self.asked, self.agreement)
        return dict(zip(self.COLUMNS, values, strict=True))


def person_medians(ratios: Floats, index: Indices, classes: int) -> list[dict[str, float]]:
    """The members of each class: their ratios (n, 10), `index` (n,) their class."""
    return [naming.ratio_medians(ratios[index == label]) for label in range(classes)]


def no_person_medians(values: Floats, index: Indices, classes: int) -> list[dict[str, float]]:
    """The same by their statistics (m, S); nothing where those have no names."""
    medians: list[dict[str, float]] = [{} for _ in range(classes)]
    if values.shape[1] in (len(statistics.NAMES), len(statistics.COLUMNS)):
        for label in range(classes):
            middle = np.median(values[index == label], axis=0).astype(float).tolist()
            medians[label] = dict(zip(statistics.COLUMNS, middle, strict=False))
    return medians


@dataclass(frozen=True)
class Grouped:
    """The n pictures of one branch, and the K classes that they were put into."""

    rows: npt.NDArray[np.int64]
    """(n,) their rows in the training table."""
    points: Floats
    """(n, d) where they lie."""
    assigned: Assignment
    """(n,) of each picture."""
    quality: Floats
    """(n,) in [0, 1]: how well each would serve as an example."""
    clusters: Clusters
    lineage: Lineage


def describe(
    pictures: pa.Table, grouped: Grouped, names: Sequence[PoseName], *, kind: str, count: int
) -> list[PoseClass]:
    """Put the classes of one branch together; `names` [K] are theirs, `count` is of exemplars."""
    rows, assigned, lineage = grouped.rows, grouped.assigned, grouped.lineage
    uris = pictures["image_uri"].to_pylist()
    products = pictures["product_id"].cast(pa.string()).to_pylist()
    hashes = (
        pictures["perceptual_hash"].to_pylist()
        if "perceptual_hash" in pictures.column_names
        else [None] * len(uris)
    )
    described = []
    _, spread = grouped.clusters.middles()
    for label, name in enumerate(names):
        members = np.flatnonzero(assigned.index == label)
        chosen = exemplars.choose(
            exemplars.typicality(grouped.points[members]),
            grouped.quality[members],
            [products[row] for row in rows[members]],
            [hashes[row] for row in rows[members]],
            count=count,
        )
        described.append(
            PoseClass(
                pose_id=int(lineage.pose_ids[label]),
                kind=kind,
                name=name.name,
                shot_code=name.shot_code,
                size=len(members),
                spread=float(spread[label]),
                lineage=lineage.lineage[label],
                exemplars=[uris[rows[members[row]]] for row in chosen],
                rows=rows[members],
                confidence=assigned.confidence[members],
            )
        )
    return described


def confuse(classes: Sequence[PoseClass], retaken: Floats, mirrored: Floats) -> None:
    """Put into the classes of one branch what became of their pictures; (K, K) each, by label."""
    ids = [item.pose_id for item in classes]
    for item, again, turned in zip(classes, retaken, mirrored, strict=True):
        for shares, into in ((again, item.retaken), (turned, item.mirrored)):
            if np.isfinite(shares).all():
                into |= dict(zip(ids, shares.tolist(), strict=True))


def settle_names(classes: list[PoseClass], champion: Bundle | None) -> None:
    """Make every name unique in the vocabulary; a class that was kept keeps its name and code."""
    known = {row["pose_id"]: row for row in champion.vocabulary.to_pylist()} if champion else {}
    taken = set()
    for item in classes:
        if item.lineage == KEPT:
            item.name = known[item.pose_id]["name"]
            item.shot_code = known[item.pose_id]["shot_code"]
            taken.add(item.name)
    for item in classes:
        if item.lineage == KEPT:
            continue
        base, number = re.sub(r" \(\d+\)$", "", item.name), 2
        while item.name in taken:
            item.name = f"{base} ({number})"
            number += 1
        taken.add(item.name)


def vocabulary(
    classes: Sequence[PoseClass], asks: Sequence[Ask], champion: Bundle | None
) -> pa.Table:
    """Rows for the table `vocabulary`, by pose_id; the retired of all time at their ids."""
    ask_of = {pose_id: ask for ask in asks for pose_id in ask.members}
    own = [name for name in VOCABULARY.names if name not in Ask.COLUMNS]
    rows = [
        {name: getattr(item, name) for name in own} | ask_of[item.pose_id].columns()
        for item in classes
    ]
    active = {item.pose_id for item in classes}
    for row in champion.vocabulary.to_pylist() if champion else []:
        if row["pose_id"] not in active:
            rows.append(row | {"lineage": RETIRED, "size": 0})
    rows.sort(key=lambda row: row["pose_id"])
    return pa.Table.from_pylist(rows, schema=VOCABULARY)
