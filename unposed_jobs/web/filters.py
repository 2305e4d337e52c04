"""What a list shows: read from an address, written back to one, and turned into SQL.

Column names come from here alone; every value that a person gives is bound. An address is stable:
a saved view is its query and nothing else.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import datetime
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from unposed_jobs.errors import UnposedError
from unposed_jobs.web.languages import N_

TO_DO = "todo"
STATES = {
    TO_DO: N_("To do"),
    "open": N_("Not assigned"),
    "assigned": N_("Assigned"),
    "done": N_("Done"),
    "waived": N_("Waived"),
    "shown": N_("Shown after all"),
    "unclear": N_("Unclear"),
    "excluded": N_("Not asked"),
    "all": N_("All"),
}
"""Of a gap, as people work on it."""
STATUSES = {
    "complete": N_("Complete"),
    "gaps": N_("Has gaps"),
    "unclear": N_("Unclear"),
    "unassessable": N_("Could not be assessed"),
}
"""Of a product."""
REMEDIES = {
    "crop": N_("Crop a picture"),
    "frame": N_("Take a frame"),
    "photograph": N_("Photograph"),
    "make": N_("Make a chart or text"),
}
GAP_SORTS = {
    "worth": (N_("What matters most"), "g.worth", "DESC"),
    "estimated": (N_("Worth most, as estimated"), "coalesce(g.estimated, -1e300)", "DESC"),
    "popularity": (N_("Most popular product"), "g.popularity", "DESC"),
    "age": (N_("Longest open"), "coalesce(g.since_days, 99999)", "ASC"),
    "newest": (N_("Newest gap"), "coalesce(g.since_days, 0)", "DESC"),
    "due": (N_("Studio day"), "coalesce(date_diff('day', DATE '2000-01-01', m.due), 99999)", "ASC"),
}
PRODUCT_SORTS = {
    "missing": (N_("Most gaps"), "p.missing_count", "DESC"),
    "popularity": (N_("Most popular"), "p.popularity", "DESC"),
    "completeness": (N_("Least complete"), "coalesce(p.completeness, 2)", "ASC"),
    "id": (N_("Product id"), "p.pid", "ASC"),
}
PAGE_SIZES = (25, 50, 100, 200)
_LONGEST = 300
_FURTHER = (
    *("subcategory", "product_type", "remedy", "unready", "rule", "assignee", "due"),
    "columns",
)
_TEXTS = (*("q", "category", "subcategory", "product_type", "unready", "rule", "assignee", "due"),)
_MOST_COLUMNS = 20
ME = "me"
"""Of `assignee`: whoever looks."""


@dataclass(frozen=True)
class Filter:
    """What is asked for; empty values ask for all."""

    q: str = ""
    category: str = ""
    subcategory: str = ""
    product_type: str = ""
    status: str = ""
    state: str = TO_DO
    ask: int | None = None
    remedy: str = ""
    unready: str = ""
    """The marketplace whose rules the product fails."""
    rule: str = ""
    """Of a marketplace's file, that the product fails."""
    assignee: str = ""
    due: str = ""
    """A day, or ``none``."""
    columns: tuple[tuple[str, str], ...] = ()
    """Carried columns and the values that they are to have."""
    sort: str = ""
    size: int = 50
    after: str = ""
    """The place in the list that the page begins behind."""

    @classmethod
    def read(
        cls, given: Mapping[str, str], known: Sequence[str], sorts: Mapping[str, Any]
    ) -> Filter:
        """The filter of an address's query.

        `known` are the carried columns, which an address names as ``col.NAME``. What is unknown
        is passed over, as are values of the wrong kind: an old address still shows something.
        """
        text = {name: given.get(name, "").strip()[:_LONGEST].replace("\x00", "") for name in _TEXTS}
        columns = tuple(
            (name, given[f"col.{name}"][:_LONGEST])
            for name in known[:_MOST_COLUMNS]
            if given.get(f"col.{name}")
        )
        ask, size = given.get("ask", ""), given.get("size", "")
        if text["due"] != "none" and _day(text["due"]) is None:
            text["due"] = ""
        return cls(
            **text,
            status=_among(given.get("status", ""), STATUSES),
            state=_among(given.get("state", ""), STATES) or TO_DO,
            ask=int(ask) if ask.isdecimal() and len(ask) < 10 else None,
            remedy=_among(given.get("remedy", ""), REMEDIES),
            columns=columns,
            sort=_among(given.get("sort", ""), sorts) or next(iter(sorts)),
            size=int(size) if size.isdecimal() and int(size[:4]) in PAGE_SIZES else 50,
            after=given.get("after", "")[:2000],
        )

    def query(self, **changes: Any) -> str:
        """The address's query; `changes` are fields with other values, None for the default.

        Without `after` among them it is that of the first page.
        """
        fresh = Filter()
        made = dataclasses.replace(
            self,
            **(
                {"after": ""}
                | {k: getattr(fresh, k) if v is None else v for k, v in changes.items()}
            ),
        )
        pairs = [
            (name, str(value))
            for name in (
                *("q", "category", "subcategory", "product_type", "status", "state", "ask"),
                *("remedy", "unready", "rule", "assignee", "due", "sort", "size", "after"),
            )
            if (value := getattr(made, name)) != getattr(fresh, name)
        ]
        pairs += [(f"col.{name}", value) for name, value in made.columns]
        return urlencode(pairs)

    @property
    def further(self) -> bool:
        """Whether anything is asked for that the page keeps behind "More filters"."""
        return any(getattr(self, name) for name in _FURTHER)

    @property
    def narrowed(self) -> bool:
        """Whether anything but order and page is asked for."""
        return dataclasses.replace(self, sort="", size=50, after="") != Filter()


@dataclass(frozen=True)
class Place:
    """A row's place in a list: its sort value, and what tells it from others of that value."""

    value: float
    product_id: str
    ask_id: int = -1

    def written(self) -> str:
        """As an address has it."""
        text = json.dumps([self.value, self.product_id, self.ask_id], separators=(",", ":"))
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    @classmethod
    def read(cls, text: str) -> Place | None:
        """The place that an address has; None for none. Raises UnposedError for nonsense."""
        if not text:
            return None
        try:
            padded = text + "=" * (-len(text) % 4)
            value, product_id, ask_id = json.loads(base64.urlsafe_b64decode(padded))
            return cls(float(value), str(product_id), int(ask_id))
        except (ValueError, TypeError, binascii.Error, RecursionError):
            raise UnposedError("the page's address is not whole; begin at the first page") from None


class Conditions:
    """WHERE clauses with their bound values, as they are gathered."""

    def __init__(self) -> None:
        self.clauses: list[str] = []
        self.values: dict[str, Any] = {}

    def add(self, clause: str, **values: Any) -> None:
        """A clause; its values are bound to ``$name``."""
        self.clauses.append(clause)
        self.values |= values

    @property
    def sql(self) -> str:
        """All of them."""
        return " AND ".join(f"({clause})" for clause in self.clauses) or "true"


@dataclass(frozen=True)
class States:
    """A gap's state as people work on it, of ``gaps`` g and, where there are any, ``marks`` m."""

    sql: str
    values: Mapping[str, Any]
    excluded: str
    """The clause of what is not asked for any more."""
    marked: bool
    """Whether anybody has decided about any gap."""

    @classmethod
    def of(
        cls,
        *,
        marked: bool,
        hidden: Sequence[int],
        exclusions: Sequence[tuple[int, str, str | None]],
        today: datetime.date,
        finished_at: datetime.datetime,
    ) -> States:
        """What `hidden` asks and `exclusions` (ask, category, subcategory or None) make of it.

        Few of those hold at a time: as clauses they cost nothing where there are none.
        """
        values: dict[str, Any] = {}
        places = []
        if hidden:
            places.append("list_contains($hidden, g.ask_id)")
            values["hidden"] = list(hidden)
        for number, (ask_id, category, part) in enumerate(exclusions):
            clause = f"g.ask_id = $xa{number} AND g.category = $xc{number}"
            values |= {f"xa{number}": ask_id, f"xc{number}": category}
            if part is not None:
                clause += f" AND g.subcategory = $xs{number}"
                values[f"xs{number}"] = part
            places.append(clause)
        excluded = " OR ".join(f"({one})" for one in places) or "false"
        own = (
            "WHEN g.state = 'waived' THEN 'waived' WHEN g.state = 'unknown' THEN 'unclear' "
            f"WHEN {excluded} THEN 'excluded'"
        )
        if not marked:
            return cls(f"CASE {own} ELSE 'open' END", values, excluded, False)
        values |= {"today": today, "finished_at": finished_at}
        sql = f"""CASE
            WHEN m.shows_id IS NOT NULL THEN 'shown'
            WHEN m.waive_id IS NOT NULL AND coalesce(m.waive_until >= $today, true) THEN 'waived'
            {own}
            WHEN m.done_at > $finished_at THEN 'done'
            WHEN m.assign_id IS NOT NULL THEN 'assigned'
            ELSE 'open'
        END"""
        return cls(sql, values, excluded, True)


def of_their_products(wanted: Filter, known: Sequence[str]) -> Conditions:
    """What is asked of the gaps' products beyond what ``gaps`` has itself."""
    conditions = Conditions()
    of_products(dataclasses.replace(wanted, category="", subcategory=""), known, conditions)
    return conditions


def of_products(wanted: Filter, known: Sequence[str], conditions: Conditions) -> None:
    """What is asked of ``products`` p."""
    if wanted.q:
        conditions.add("contains(p.sought, lower($q))", q=wanted.q)
    for name in ("category", "subcategory", "product_type", "status"):
        if value := getattr(wanted, name):
            conditions.add(f"p.{name} = ${name}", **{name: value})
    if wanted.unready or wanted.rule:
        named = [name for name in ("unready", "rule") if getattr(wanted, name)]
        columns = {"unready": "marketplace", "rule": "rule"}
        where = " AND ".join(f"f.{columns[name]} = ${name}" for name in named)
        conditions.add(
            f"p.pid IN (SELECT f.pid FROM failing f WHERE {where})",  # noqa: S608 - our own names
            **{name: getattr(wanted, name) for name in named},
        )
    for name, value in wanted.columns:
        place = list(known).index(name)
        conditions.add(f"p.c{place} = $c{place}", **{f"c{place}": value})


def of_gaps(wanted: Filter, me: str, states: States, conditions: Conditions) -> None:
    """What is asked of ``gaps`` g with their ``marks`` m; `me` is whoever looks."""
    _of_state(wanted.state, states, conditions)
    for name in ("category", "subcategory"):
        if value := getattr(wanted, name):
            conditions.add(f"g.{name} = ${name}", **{name: value})
    if wanted.ask is not None:
        conditions.add("g.ask_id = $ask", ask=wanted.ask)
    if wanted.remedy:
        start = {"frame": "take a frame"}.get(wanted.remedy, f"{wanted.remedy} ")
        conditions.add("starts_with(lower(g.advice), $remedy)", remedy=start)
    if wanted.assignee:
        whom = me if wanted.assignee == ME else wanted.assignee
        conditions.add("m.assignee = $assignee", assignee=whom)
    if wanted.due == "none":
        conditions.add("m.due IS NULL")
    elif wanted.due:
        conditions.add("m.due = $due", due=_day(wanted.due))


def _of_state(state: str, states: States, conditions: Conditions) -> None:
    # The day's own state first, which leaves less to work out.
    if state in (TO_DO, "open", "assigned", "done", "shown"):
        conditions.add("g.state <> 'waived'" if state == "shown" else "g.state = 'missing'")
    if state == "waived" and states.marked:  # Of few products; the others' gaps are not joined.
        conditions.add(
            "(g.state = 'waived' OR g.pid IN "
            "(SELECT pid FROM marks WHERE waive_id IS NOT NULL AND pid IS NOT NULL))"
        )
    if state == "all":
        return
    if not states.marked and state in (TO_DO, "open"):
        conditions.add(f"NOT ({states.excluded})")
    elif state == TO_DO:
        conditions.add(f"{states.sql} IN ('open', 'assigned')")
    else:
        conditions.add(f"{states.sql} = $state", state=state)


def behind(place: Place, sort: str, direction: str, *, gaps: bool) -> tuple[str, dict[str, Any]]:
    """The clause for rows behind a place in the list, and its values."""
    table, further = ("g", " OR (g.pid = $at_pid AND g.ask_id > $at_ask)") if gaps else ("p", "")
    sign = "<" if direction == "DESC" else ">"
    clause = f"{sort} {sign} $at OR ({sort} = $at AND ({table}.pid > $at_pid{further}))"
    values: dict[str, Any] = {"at": place.value}
    return clause, values | ({"at_ask": place.ask_id} if gaps else {})


def _among(value: str, known: Mapping[str, Any]) -> str:
    return value if value in known else ""


def _day(text: str) -> datetime.date | None:
    try:
        return datetime.date.fromisoformat(text)
    except ValueError:
        return None
