"""The design matrix of one cohort: what is asked about, and what is held fixed beside it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from unposed_jobs.influence import intervals
from unposed_jobs.influence.estimates import HALF, POINTS, Bool, Floats, Ints, Term

PRODUCTS = pa.schema(
    [
        pa.field("product_id", pa.string()),
        pa.field("outcome", pa.float64()),
        pa.field("usable", pa.int32()),
        pa.field("present", pa.list_(pa.int32())),
        pa.field("unknown", pa.list_(pa.int32())),
        pa.field("shares", pa.map_(pa.string(), pa.float64())),
        pa.field("numbers", pa.map_(pa.string(), pa.float64())),
        pa.field("labels", pa.map_(pa.string(), pa.string())),
        pa.field("days", pa.float64()),
        pa.field("cluster", pa.string()),
    ]
)
"""One product on one day: its outcome (null: unknown), its usable pictures, the ids of the asks
that they fill and of those that could not be told, shares of the pictures in [0, 1] by name (one
that is not known is taken for the mean), what
is held fixed, the days since it was listed (null: unknown), and its cluster (null: none)."""

LEVEL_PRODUCTS = 5
"""A label of fewer products is put with the other rare ones."""
MOST_LEVELS, PRODUCTS_A_LEVEL = 80, 20
_DEPENDENT = 1e-7


@dataclass(frozen=True)
class Held:
    """What is held fixed: a column for each of K numbers and labels, without the constant."""

    columns: Floats
    """(N, K)."""
    missing: tuple[str, ...]
    """What was asked for, and no product has."""


@dataclass(frozen=True)
class Design:
    """N products of known outcome, T terms, K columns that are held fixed, one of them constant."""

    outcome: Floats
    terms: tuple[Term, ...]
    shows: Floats
    """(N, T): 1 or 0 for an ask, tenths for a share."""
    held: Floats
    """(N, K), of full rank."""
    clusters: Ints
    warnings: tuple[str, ...]


def build(
    rows: pa.Table, terms: Sequence[Term], *, log: bool, numbers: Sequence[str] = ()
) -> Design:
    """The design of the cohort's products, rows of `PRODUCTS`; those of unknown outcome are left
    out. `numbers` are the columns that should be held fixed.
    """
    known = rows.filter(rows["outcome"].is_valid())
    outcome = known["outcome"].to_numpy()
    warnings = []
    if len(known) and log:
        if np.median(outcome) < 10:
            warnings.append("most outcomes are so small that a percentage of them is rough")
        outcome = np.log(np.maximum(outcome, 0) + HALF)
    held = hold(known, numbers)
    warnings += [f"{name} is not held fixed: no product has it" for name in held.missing]
    # How much is unknown of a product must not speak for the asks that are known.
    unknown = np.array([len(asks or ()) for asks in known["unknown"].to_pylist()], dtype=float)
    pictures = np.log1p(known["usable"].to_numpy().astype(float))
    columns = np.column_stack([np.ones(len(known)), pictures, unknown, held.columns])
    return Design(
        outcome=outcome,
        terms=tuple(terms),
        shows=_shows(known, terms),
        held=columns[:, independent(columns)],
        clusters=intervals.groups(known["cluster"].to_pylist()),
        warnings=tuple(warnings),
    )


def hold(rows: pa.Table, numbers: Sequence[str]) -> Held:
    """Numbers on the logarithmic scale and labels as columns of 0 and 1, of N rows with the columns
    numbers, labels and days.

    A product without a number has the median and a mark.
    """
    columns, absent = [], []
    values = [dict(row or ()) for row in rows["numbers"].to_pylist()]
    wanted = {name: [row.get(name) for row in values] for name in numbers}
    wanted["age"] = rows["days"].to_pylist()
    for name, found in wanted.items():
        number = np.array([np.nan if one is None else one for one in found], dtype=float)
        there = np.isfinite(number)
        if not there.any():
            absent.append(name)
            continue
        scaled = np.log1p(np.maximum(number, 0))
        columns += [np.where(there, scaled, np.median(scaled[there])), ~there]
    labels = [dict(row or ()) for row in rows["labels"].to_pylist()]
    names = {key for row in labels for key in row}
    by_name = {name: [row.get(name) for row in labels] for name in names}
    # The coarsest labels first: who can take only some columns takes those.
    for name in sorted(by_name, key=lambda key: (len(set(by_name[key])), key)):
        columns += _levels(by_name[name])
    table = np.column_stack(columns).astype(float) if columns else np.zeros((len(rows), 0))
    return Held(table, tuple(absent))


def _levels(values: Sequence[str | None]) -> list[Bool]:
    """A column for each frequent value; the rare ones together are what they are compared with."""
    count = Counter(values)
    most = min(MOST_LEVELS, len(values) // PRODUCTS_A_LEVEL)
    frequent = [name for name, number in count.most_common(most) if number >= LEVEL_PRODUCTS]
    array = np.array([name or "" for name in values], dtype=object)
    return [array == (name or "") for name in sorted(frequent, key=str)]


def independent(columns: Floats) -> list[int]:
    """Which of the columns (N, K) to keep: each but those that earlier ones make."""
    basis = np.zeros((len(columns), 0))
    chosen = []
    for place, column in enumerate(columns.T):
        rest = column - basis @ (basis.T @ column)
        rest -= basis @ (basis.T @ rest)  # Twice is enough.
        size = np.linalg.norm(rest)
        if size > _DEPENDENT * np.linalg.norm(column):
            basis = np.column_stack([basis, rest / size])
            chosen.append(place)
    return chosen


def _shows(rows: pa.Table, terms: Sequence[Term]) -> Floats:
    present = [set(asks or ()) for asks in rows["present"].to_pylist()]
    shares = [dict(row or ()) for row in rows["shares"].to_pylist()]
    shows = np.zeros((len(rows), len(terms)))
    for column, term in enumerate(terms):
        if term.ask_id is None:
            found = np.array([row.get(term.id) for row in shares], dtype=float)  # None: nan.
            known = np.isfinite(found)
            mean = found[known].mean() if known.any() else 0.0
            shows[:, column] = np.where(known, found, mean) * (100 / POINTS)
        else:
            shows[:, column] = [term.ask_id in asks for asks in present]
    return shows
