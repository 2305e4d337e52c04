"""From classes to asks: which classes stand for one another, and what each cohort asks for."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from unposed_jobs.ranking.order import PoseOrder
from unposed_jobs.reference import cohorts, steadying
from unposed_jobs.reference.cohorts import ReferenceProducts
from unposed_jobs.reference.describing import Ask, PoseClass
from unposed_jobs.vocabulary import asks
from unposed_jobs.vocabulary.asks import Evidence
from unposed_jobs.vocabulary.naming import CROP_CODE, SIDE

if TYPE_CHECKING:
    from unposed_jobs.reference.bundle import Bundle

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Asks:
    """All asks, by id; the evidence; and the reference products against asks instead of classes."""

    asks: list[Ask]
    evidence: Evidence
    reference: ReferenceProducts
    classes: npt.NDArray[np.int32]
    """(K,) pose id of each column of the evidence."""

    @property
    def groups(self) -> list[tuple[int, ...]]:
        """The columns of the evidence that each ask has."""
        return [tuple(np.searchsorted(self.classes, ask.members).tolist()) for ask in self.asks]


def learn(
    reference: ReferenceProducts,
    classes: Sequence[PoseClass],
    attributes: Sequence[str],
    champion: Bundle | None,
) -> Asks:
    """Group the classes of a new vocabulary; see `vocabulary.asks`.

    `reference` has a column for each class, by pose id; `attributes` are those of a cohort.
    """
    ordered = sorted(classes, key=lambda item: item.pose_id)
    evidence = _evidence(reference, ordered, attributes, champion)
    groups = asks.learn(evidence)
    sizes = np.array([item.size for item in ordered], dtype=np.float64)
    retaken = _shares(ordered, [item.retaken for item in ordered])
    agreed = asks.agreement(groups, retaken, sizes)
    found = []
    for group, agreement in zip(groups, agreed.tolist(), strict=True):
        shown = np.count_nonzero(reference.shows[:, list(group)].any(axis=1))
        sure = not agreement < asks.AGREEMENT  # Not tried is no objection.
        found.append(
            Ask(
                ask_id=ordered[group[0]].pose_id,
                name=_name([ordered[row] for row in group]),
                members=tuple(ordered[row].pose_id for row in group),
                asked=bool(shown >= _least(len(reference.products)) and sure),
                agreement=None if np.isnan(agreement) else round(agreement, 4),
            )
        )
    found = _unique_names(found)
    return Asks(found, evidence, _by_ask(reference, groups, found), reference.pose_ids)


def table(
    learned: Asks,
    order: PoseOrder,
    attributes: Sequence[str],
    examples: int,
    champion: Bundle | None,
) -> pa.Table:
    """One row for each cohort, coarser ones included, and ask: what the audit asks of it.

    As `cohorts.table`, with `ask_id`; `pose_id`, the class by which most products of the cohort
    show it; and `satisfied_by`, the classes whose pictures fill it there: its own and those that
    stand in for it. `share` is counted; `steady_share`, which decides, is that of the products
    that tell (`_known_share`), none where the ask is `asks.lent`, shrunk towards the whole
    reference's by a few products' weight (`_drawn`), and then as `steadying` has it.
    """
    rows = cohorts.table(learned.reference, order, attributes, examples)
    place = rows.column_names.index("pose_id")
    rows = rows.rename_columns(["ask_id" if n == "pose_id" else n for n in rows.column_names])
    keys = list(zip(*(rows[name].to_pylist() for name in attributes), strict=True))
    values = [learned.reference.attributes[name] for name in attributes]
    own = list(zip(*values, strict=True)) or [()] * len(learned.reference.products)
    known: list[tuple[float, float]] = []
    lent: list[bool] = []
    usual: list[int] = []
    filled: list[list[int]] = []
    ask = {item.ask_id: row for row, item in enumerate(learned.asks)}
    fills: dict[tuple[Any, ...], npt.NDArray[np.bool_]] = {}
    members: dict[tuple[Any, ...], npt.NDArray[np.bool_]] = {}
    for key, ask_id in zip(keys or [()] * rows.num_rows, rows["ask_id"].to_pylist(), strict=True):
        prefix = tuple(value for value in key if value is not None)
        if key not in fills:
            members[key] = np.array([one[: len(prefix)] == prefix for one in own], dtype=bool)
            fills[key] = asks.stand_ins(learned.evidence, learned.groups, members[key])
        row = ask[ask_id]
        usual.append(_usual(learned, row, members[key]))
        filled.append(learned.classes[fills[key][row]].tolist())
        known.append(_known_share(learned.reference, row, members[key]))
        lent.append(asks.lent(learned.evidence, learned.groups[row], fills[key][row], members[key]))
    rows = rows.add_column(place + 1, "pose_id", pa.array(usual, pa.int32()))
    rows = rows.append_column("satisfied_by", pa.array(filled, pa.list_(pa.int32())))
    before = champion.asked if champion is not None else None
    drawn = _drawn(rows, attributes, np.array(known).reshape(-1, 2), np.array(lent, dtype=bool))
    return steadying.carry(rows, [*attributes, "ask_id"], before, drawn)


def _evidence(
    reference: ReferenceProducts,
    ordered: Sequence[PoseClass],
    attributes: Sequence[str],
    champion: Bundle | None,
) -> Evidence:
    before = {}
    if champion is not None:
        rows = champion.active.select(["pose_id", "ask_id"]).to_pylist()
        before = {row["pose_id"]: row["ask_id"] for row in rows if row["ask_id"] is not None}
    cohort = zip(*(reference.attributes[name] for name in attributes), strict=True)
    names = ["\t".join(str(value) for value in values) for values in cohort]
    retaken, mirrored = (
        _shares(ordered, [getattr(item, kind) for item in ordered])
        for kind in ("retaken", "mirrored")
    )
    return Evidence(
        shows=reference.shows,
        cohort=np.array(names or [""] * len(reference.products), dtype=np.str_),
        shots=[item.shot for item in ordered],
        crops=np.array([item.shot_code == CROP_CODE for item in ordered], dtype=bool),
        confused=np.fmax(np.nan_to_num(retaken), np.nan_to_num(mirrored)),
        before=np.array([before.get(item.pose_id, -1) for item in ordered], dtype=np.int64),
    )


def _shares(ordered: Sequence[PoseClass], became: Sequence[Mapping[int, float]]) -> Floats:
    """(K, K) from shares by pose id; a row of NaN where nothing was tried."""
    shares = np.full((len(ordered), len(ordered)), np.nan)
    for row, into in enumerate(became):
        if into:
            shares[row] = [into.get(item.pose_id, 0.0) for item in ordered]
    return shares


def _least(products: int) -> int:
    """Reference products that must show an ask: a reference of a handful proves what it can."""
    return min(asks.LEAST_PRODUCTS, max(1, products // 2))


def _name(members: Sequence[PoseClass]) -> str:
    """That of the largest class, without the side where both sides are among them."""
    largest = max(members, key=lambda item: (item.size, -item.pose_id))
    sides = {item.name.rsplit(", ", 1)[-1].split(" (")[0] for item in members}
    name = largest.name
    if {"left side", "right side"} <= sides and largest.shot is not None:
        name = name.replace("left side", SIDE).replace("right side", SIDE)
    return name


def _unique_names(found: Sequence[Ask]) -> list[Ask]:
    taken: set[str] = set()
    unique = []
    for ask in found:
        name, number = ask.name, 2
        while name in taken:
            name, number = f"{ask.name} ({number})", number + 1
        taken.add(name)
        unique.append(dataclasses.replace(ask, name=name))
    return unique


def _by_ask(
    reference: ReferenceProducts, groups: Sequence[tuple[int, ...]], found: Sequence[Ask]
) -> ReferenceProducts:
    """The same products with a column for each ask; its best picture is of the commonest class."""
    count = len(reference.products)
    shows = np.zeros((count, len(groups)), dtype=bool)
    best = np.full(shows.shape, None, dtype=object)
    for place, group in enumerate(groups):
        shows[:, place] = reference.shows[:, list(group)].any(axis=1)
        common = sorted(group, key=lambda row: -np.count_nonzero(reference.shows[:, row]))
        for row in reversed(common):
            has = reference.shows[:, row]
            best[has, place] = reference.best[has, row]
    ids = np.array([ask.ask_id for ask in found], dtype=np.int32)
    return dataclasses.replace(reference, pose_ids=ids, shows=shows, best=best)


def _usual(learned: Asks, ask: int, members: npt.NDArray[np.bool_]) -> int:
    """The class of an ask that most products of a cohort show, else most of the reference's."""
    group = list(learned.groups[ask])
    shows = learned.evidence.shows[:, group]
    here, whole = shows[members].sum(axis=0), shows.sum(axis=0)
    return int(learned.classes[group[np.lexsort((-whole, -here))[0]]])


def _known_share(
    reference: ReferenceProducts, ask: int, members: npt.NDArray[np.bool_]
) -> tuple[float, float]:
    """The share of a cohort's products that show an ask, and of how many products that is known.

    A product that shows it is known for certain. One that does not is known as far as its pictures
    were recognised: one of the others may show it.
    """
    shows = reference.shows[:, ask]
    with_it = float(np.count_nonzero(shows & members))
    tell = with_it + float(reference.recognised[~shows & members].sum())
    return (with_it / tell if tell else 0.0), tell


def _drawn(
    rows: pa.Table, attributes: Sequence[str], known: Floats, lent: npt.NDArray[np.bool_]
) -> Floats:
    """(R,) shares of `known` (R, 2: share, products), drawn to those of the whole reference.

    Of what is `lent` (R,) none is left, and in a cohort that is large enough to say so nothing is
    drawn to what others show: it shows something else in its place.
    """
    whole = np.array([all(row[n] is None for n in attributes) for row in rows.to_pylist()])
    share, products = np.where(lent, 0.0, known[:, 0]), known[:, 1]
    ids = rows["ask_id"].to_numpy()
    total = dict(zip(ids[whole].tolist(), share[whole].tolist(), strict=True))
    mean = np.array([total.get(one, 0.0) for one in ids.tolist()])
    drawn = (share * products + asks.SHRINKAGE * mean) / (products + asks.SHRINKAGE)
    return np.where(lent & (rows["products"].to_numpy() >= asks.SMALL_COHORT), 0.0, drawn)
