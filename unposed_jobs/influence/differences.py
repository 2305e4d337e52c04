"""What came after a picture: differences in differences on the products' own history.

A product whose gap was closed by a new picture is compared with products of its category whose same
gap stayed open all the while: how much more did its outcome change? What is constant in a product
(that it is popular) or common to a week (a sale) falls out. Each week of closing is compared by
itself with those not yet treated, and the comparisons are averaged (Callaway and Sant'Anna, 2021):
one regression over all weeks would take products treated earlier for controls. The controls are
weighted by a regression so that they have, on average, the treated products' price, age and number
of pictures (Heckman, Ichimura and Todd, 1997). They are not matched by the outcome itself: of two
noisy figures that agree by chance the more popular product's would rise again (Daw and Hatfield,
2018).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa

from unposed_jobs.config import InfluenceSettings
from unposed_jobs.influence import claims, design, intervals
from unposed_jobs.influence.estimates import (
    ANY_GAP,
    DIFFERENCES,
    HALF,
    Bool,
    Estimate,
    Floats,
    Ints,
    Term,
    refused,
)

GAP = pa.struct(
    [
        pa.field("ask_id", pa.int32()),
        pa.field("missing", pa.list_(pa.int32())),
        pa.field("closed", pa.list_(pa.int32())),
    ]
)
HISTORY = pa.schema(
    [
        pa.field("product_id", pa.string()),
        pa.field("values", pa.list_(pa.float64())),
        pa.field("usable", pa.int32()),
        pa.field("numbers", pa.map_(pa.string(), pa.float64())),
        pa.field("labels", pa.map_(pa.string(), pa.string())),
        pa.field("days", pa.float64()),
        pa.field("cluster", pa.string()),
        pa.field("gaps", pa.list_(GAP)),
    ]
)
"""One product over P periods: the outcome in each (null: unknown), its usable pictures, numbers,
labels and age on its first day; and for each ask that it ever missed the periods at whose end it
did, and those in which a new picture closed it."""

LEAST_TREATED, LEAST_CONTROLS = 30, 20
CONTROLS_A_COLUMN = 20
"""Controls for each column by which they are weighted."""
FEW_ALIKE, NEGATIVE = 20.0, 0.1
"""Controls worth after weighting, and share of weights below 0, that are warned of."""

Change = Callable[[int], Floats]
"""(N,) what changed about a period of closing; nan where it is not known."""


@dataclass(frozen=True)
class History:
    """N products over P periods."""

    flows: Floats
    """(N, P): the outcome of each period; nan: unknown."""
    missing: dict[int, Bool]
    """By ask, (N, P): at the period's end."""
    closed: dict[int, Bool]
    """By ask, (N, P): by a picture that was new in the period."""
    columns: Floats
    """(N, K) by which controls are weighted, the constant first."""
    clusters: Ints
    window: int
    log: bool
    warnings: tuple[str, ...] = ()

    @cached_property
    def touched(self) -> Bool:
        """(N, P): whether a new picture closed any gap."""
        return _any(self.closed, self.flows.shape)

    def level(self, first: int, last: int) -> Floats:
        """(N,) the outcome of the periods from `first` to before `last`, brought to a window's
        length; nan where more than half of them are unknown, or any is outside."""
        if first < 0 or last > self.flows.shape[1]:
            return np.full(len(self.flows), np.nan)
        sums, known = (table[:, last] - table[:, first] for table in self._running)
        mean = sums / np.maximum(known, 1)
        value = np.log(mean * self.window + HALF) if self.log else mean
        return np.where(2 * known >= last - first, value, np.nan)

    @cached_property
    def _running(self) -> tuple[Floats, Floats]:
        """(N, P + 1) sums of the known outcomes of the periods before, and their number."""
        known = np.isfinite(self.flows)
        tables = (np.where(known, self.flows, 0.0), known.astype(np.float64))
        first, second = (np.pad(table.cumsum(axis=1), ((0, 0), (1, 0))) for table in tables)
        return first, second


@dataclass(frozen=True)
class Cell:
    """One period of closing: who is compared, and how much each control counts (they sum to 1)."""

    period: int
    treated: Ints
    control: Ints
    weight: Floats


@dataclass(frozen=True)
class Compared:
    """A difference in differences with what each product adds to its error."""

    value: float
    adds: Floats
    """(N,)."""
    cells: tuple[Cell, ...]

    @property
    def treated(self) -> int:
        """Products whose gap was closed."""
        return sum(len(cell.treated) for cell in self.cells)

    @property
    def products(self) -> int:
        """All that were compared."""
        rows = [part for cell in self.cells for part in (cell.treated, cell.control)]
        return len(np.unique(np.concatenate(rows)))

    @property
    def alike(self) -> float:
        """Controls worth after weighting, on average of the treated."""
        return self._mean([1 / (cell.weight**2).sum() for cell in self.cells])

    @property
    def negative(self) -> float:
        """Share of the weights that are below 0, on average of the treated."""
        return self._mean(
            [-c.weight[c.weight < 0].sum() / np.abs(c.weight).sum() for c in self.cells]
        )

    def _mean(self, values: Sequence[float]) -> float:
        return float(np.average(values, weights=[len(cell.treated) for cell in self.cells]))


Sides = dict[int, tuple[Ints, Ints]]
"""By period of closing, the rows of the treated products and of their controls."""


def estimate(
    rows: pa.Table, cohort: str, terms: Sequence[Term], settings: InfluenceSettings
) -> list[Estimate]:
    """One estimate for any gap, then one for each ask's term, from the cohort's rows of
    `HISTORY`."""
    asked = [ANY_GAP, *(term for term in terms if term.ask_id is not None)]
    periods = max((len(row) for row in rows["values"].to_pylist()), default=0)
    total = settings.counts == "total" and settings.scale == "log"
    least = 2 * settings.periods + 1 + total
    if periods < least:
        why = f"the history has {periods} periods; it takes {least}"
        return [refused(cohort, term, DIFFERENCES, why, products=len(rows)) for term in asked]
    history = read(rows, settings)
    return claims.settle([_estimate(history, cohort, term, settings.seed) for term in asked])


def read(rows: pa.Table, settings: InfluenceSettings) -> History:
    """The history of rows of `HISTORY`. A total that falls is unknown for that period."""
    values = np.array(rows["values"].to_pylist(), dtype=float)
    log = settings.scale == "log"
    if settings.counts == "total" and log:
        flows = np.full_like(values, np.nan)
        flows[:, 1:] = np.diff(values, axis=1)
    else:
        flows = values
    if log:
        flows = np.where(flows >= 0, flows, np.nan)
    missing: dict[int, Bool] = {}
    closed: dict[int, Bool] = {}
    for place, gaps in enumerate(rows["gaps"].to_pylist()):
        for gap in gaps or ():
            for table, name in ((missing, "missing"), (closed, "closed")):
                if gap["ask_id"] not in table:
                    table[gap["ask_id"]] = np.zeros(values.shape, dtype=bool)
                table[gap["ask_id"]][place, gap[name] or []] = True
    held = design.hold(rows, settings.numbers)
    pictures = np.log1p(rows["usable"].to_numpy().astype(float))
    return History(
        flows,
        missing,
        closed,
        np.column_stack([np.ones(len(rows)), pictures, held.columns]),
        intervals.groups(rows["cluster"].to_pylist()),
        settings.periods,
        log,
        tuple(f"{name} is not held fixed: no product has it" for name in held.missing),
    )


def sides(history: History, term: Term) -> Sides:
    """Who is compared, by period of closing.

    Treated: the gap was open in the `window` periods before, closed by a new picture, not open
    again in as many after; for an ask's term no other gap was closed with it. Controls: the same
    gap (of any gap: one) was open from the first period to the last. Of either no other gap was
    closed by a new picture from two windows before to one after.
    """
    shape, size = history.flows.shape, history.window
    asks = sorted(history.missing) if term.ask_id is None else [term.ask_id]
    opened = {ask: history.missing.get(ask, np.zeros(shape, dtype=bool)) for ask in asks}
    closed = {ask: history.closed.get(ask, np.zeros(shape, dtype=bool)) for ask in asks}
    others = [table for ask, table in history.closed.items() if ask not in asks]
    found: Sides = {}
    for period in range(size, shape[1] - size):
        before, after = slice(period - size, period), slice(period, period + size + 1)
        quiet = ~history.touched[:, max(0, period - 2 * size) : period].any(axis=1)
        quiet &= ~history.touched[:, period + 1 : period + size + 1].any(axis=1)
        treated = np.zeros(shape[0], dtype=bool)
        spoiled = np.zeros(shape[0], dtype=bool)
        control = np.zeros(shape[0], dtype=bool)
        for ask in asks:
            now = closed[ask][:, period]
            whole = opened[ask][:, before].all(axis=1) & ~opened[ask][:, after].any(axis=1)
            treated |= now & whole
            spoiled |= now & ~whole
            control |= opened[ask][:, before].all(axis=1) & opened[ask][:, after].all(axis=1)
        for table in others:
            spoiled |= table[:, period]
        chosen = treated & ~spoiled & quiet
        if chosen.any():
            alone = control & quiet & ~history.touched[:, period]
            found[period] = (np.flatnonzero(chosen), np.flatnonzero(alone))
    return found


def compare(history: History, who: Sides, change: Change) -> Compared | None:
    """The treated products' mean change less that of their weighted controls; None without any."""
    adds, gains, cells = np.zeros(len(history.flows)), [], []
    for period, (treated, control) in who.items():
        changed = change(period)
        own = treated[np.isfinite(changed[treated])]
        others = control[np.isfinite(changed[control])]
        if len(own) == 0 or len(others) < LEAST_CONTROLS:
            continue
        columns = history.columns[:, : max(1, len(others) // CONTROLS_A_COLUMN)]
        x, like = columns[others], columns[own]
        inverse = np.linalg.pinv(x.T @ x, rcond=1e-10, hermitian=True)
        beta = inverse @ (x.T @ changed[others])
        weight = x @ (inverse @ like.mean(axis=0))
        hat = ((x @ inverse) * x).sum(axis=1)
        residual = (changed[others] - x @ beta) / np.maximum(1 - hat, 1e-6)
        # A product may serve as control in several periods.
        np.add.at(adds, others, -len(own) * weight * residual)
        gains.append(changed[own] - like @ beta)
        cells.append(Cell(period, own, others, weight))
    total = sum(len(gain) for gain in gains)
    if total < 2:
        return None
    value = float(np.concatenate(gains).mean())
    for cell, gain in zip(cells, gains, strict=True):
        adds[cell.treated] += (gain - value) * np.sqrt(total / (total - 1))
    return Compared(value, adds / total, tuple(cells))


def by_period(history: History, found: Compared) -> tuple[float | None, ...]:
    """The comparison for each period by itself, from a window before to a window after."""
    size = history.window
    averages = []
    for place in range(-size, size + 1):
        parts, counts = [], []
        for cell in found.cells:
            period = cell.period + place
            before = history.level(cell.period - size, cell.period)
            changed = history.level(period, period + 1) - before
            own, others = changed[cell.treated], changed[cell.control]
            known, there = np.isfinite(own), np.isfinite(others)
            if known.any() and there.any():
                # Without some controls their weights no longer sum to 1.
                weight = cell.weight if there.all() else np.abs(cell.weight)
                other = (weight[there] @ others[there]) / weight[there].sum()
                parts.append(own[known].mean() - other)
                counts.append(known.sum())
        averages.append(float(np.average(parts, weights=counts)) if parts else None)
    return tuple(averages)


def _estimate(history: History, cohort: str, term: Term, seed: int) -> Estimate:
    who = sides(history, term)
    size, level = history.window, history.level
    found = compare(history, who, lambda p: level(p + 1, p + 1 + size) - level(p - size, p))
    treated = 0 if found is None else found.treated
    if found is None or treated < LEAST_TREATED:
        listed = sum(len(own) for own, _ in who.values())
        short = listed >= LEAST_TREATED
        why = (
            f"too few products whose gap stayed open can be compared with the {listed} products"
            if short
            else f"a new picture closed it for only {listed} products; it takes {LEAST_TREATED}"
        )
        return refused(cohort, term, DIFFERENCES, why, treated=listed)
    half = size // 2
    checks = [
        compare(history, who, lambda p: level(p - half, p) - level(p - size, p - half)),
        compare(history, who, lambda p: level(p - size, p) - level(p - 2 * size, p - size)),
    ]
    spans = [_interval(history, one, seed) for one in (found, *checks)]
    (_, error, low, high, p_value, clusters), (before, *_, before_p, _), (placebo, *_, tried, _) = (
        spans
    )
    warnings = list(history.warnings)
    if found.alike < FEW_ALIKE or found.negative > NEGATIVE:
        warnings.append("few products of open gaps are like those whose gap was closed")
    return Estimate(
        cohort,
        term,
        DIFFERENCES,
        products=found.products,
        treated=treated,
        clusters=clusters,
        estimate=found.value,
        low=low,
        high=high,
        standard_error=error,
        p_value=p_value,
        before=before,
        before_p=before_p,
        placebo=placebo,
        placebo_p=tried,
        warnings=tuple(warnings),
        by_period=by_period(history, found),
    )


_Span = tuple[float | None, float | None, float | None, float | None, float | None, int]


def _interval(history: History, one: Compared | None, seed: int) -> _Span:
    """Value, standard error, limits, p-value and clusters; a check needs as many as an estimate."""
    if one is None or one.treated < LEAST_TREATED:
        return None, None, None, None, None, 0
    took_part = one.adds != 0
    adds, clusters = one.adds[took_part, None], history.clusters[took_part]
    found = intervals.clustered(one.value, adds, clusters, seed)
    numbers = (found.error, found.low, found.high, found.p_value)
    return one.value, *(float(value[0]) for value in numbers), found.clusters  # type: ignore[return-value]


def _any(tables: dict[int, Bool], shape: tuple[int, ...]) -> Bool:
    found = np.zeros(shape, dtype=bool)
    for table in tables.values():
        found |= table
    return found
