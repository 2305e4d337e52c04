"""What pictures are worth, as the gallery draws it: an interval on an axis for each term."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from unposed_jobs.report.facts import Tables

_LATEST = """
    SELECT term, term_name, ask_id, method, outcome, scale, estimate, low, high, claim, says,
        run_date
    FROM influence
    WHERE cohort = '' AND run_date = (SELECT max(run_date) FROM influence WHERE run_date <= ?)
    ORDER BY list_position(['effect', 'association', 'change', 'none', 'refused'], claim),
        estimate DESC NULLS LAST, term, method
"""
_ROOM = 1.1
"""Of the widest interval: the axis goes so far to both sides."""


@dataclass(frozen=True)
class Worth:
    """One estimate of one term, for all products; places are shares of the axis, in [0, 1]."""

    term: str
    name: str
    ask_id: int | None
    claim: str
    says: str
    amount: str
    """The estimate as people read it; empty where it is refused."""
    place: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Worths:
    """All estimates as of a day, the strongest claims first."""

    estimated_on: datetime.date | None = None
    rows: tuple[Worth, ...] = ()
    end: str = ""
    """What the axis ends at, to both sides of nothing."""

    def of_ask(self, ask_id: int) -> Worth | None:
        """What may be claimed of an ask at most; None where nothing may."""
        of_ask = (row for row in self.rows if row.ask_id == ask_id)
        return next((row for row in of_ask if row.claim in ("effect", "association")), None)


def worths(tables: Tables, run_date: datetime.date) -> Worths:
    """The latest estimates by a published day; none where there was no estimation."""
    rows = tables.query(_LATEST, [run_date]).to_pylist()
    if not rows:
        return Worths()
    drawn = [row for row in rows if row["low"] is not None and row["high"] is not None]
    reach = max((abs(row[end]) for row in drawn for end in ("low", "high")), default=0.0)
    reach = _ROOM * reach or 1.0
    estimates = tuple(_worth(row, reach) for row in rows)
    return Worths(rows[0]["run_date"], estimates, _amount(reach, rows[0]["scale"]).lstrip("+"))


def _worth(row: dict[str, Any], reach: float) -> Worth:
    def place(value: float | None) -> float | None:
        return None if value is None else 0.5 + value / (2 * reach)

    return Worth(
        row["term"],
        row["term_name"],
        row["ask_id"],
        row["claim"],
        row["says"],
        "" if row["estimate"] is None else _amount(row["estimate"], row["scale"]),
        place(row["estimate"]),
        place(row["low"]),
        place(row["high"]),
    )


def _amount(value: float, scale: str) -> str:
    text = f"{100 * value:+.1f} %" if scale == "log" else f"{value:+.2f}"
    return text.replace("-", "−")
