"""What the pages read: the day's file with people's marks, and the published views for the rest.

One in-memory DuckDB connection has the day's file attached and holds the marks; each question
gets a cursor of it. When another day is published a new one takes its place, and questions under
way end on the old one. Memory of each is bounded by ``[serve] memory``.
"""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import duckdb

from unposed_jobs.config import Settings
from unposed_jobs.decisions import Store
from unposed_jobs.errors import UnposedError
from unposed_jobs.report import parts
from unposed_jobs.sql import published, statements
from unposed_jobs.warehouse.locations import local_path
from unposed_jobs.web import filters, index, prepared
from unposed_jobs.web.filters import GAP_SORTS, PRODUCT_SORTS, Conditions, Filter, Place, States
from unposed_jobs.web.marks import Marks, today
from unposed_jobs.web.prepared import Row

_log = logging.getLogger(__name__)
LOOK_AGAIN_SECONDS = 15.0
"""How often it is looked for whether another day is published."""
_MOST_TOLD_APART = 200_000
"""Gaps whose products are counted."""
_FEW_PRODUCTS, _KEPT_SEARCHES = 20_000, 64
_KEPT_BESIDE = 24
"""Files of one kind beside the day's."""
T = TypeVar("T")
Values = Sequence[Any] | Mapping[str, Any]
Ask = Callable[[str, Values], list[Row]]
"""Rows of a question; its values are bound."""
Fill = Callable[[duckdb.DuckDBPyConnection, duckdb.DuckDBPyConnection], None]
"""Fills a file, the second, from the published views, the first."""


@dataclass(frozen=True)
class Page:
    """Some rows of a list, and where the next page begins; None at the end."""

    rows: list[Row]
    after: Place | None


class Day:
    """One published day, with what people decided since."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self._settings = settings
        path, self.about = index.ready(settings)
        self.path = path
        limit: dict[str, str | bool | int | float | list[str]] = {
            "memory_limit": f"{settings.serve.memory}MiB",
            "threads": 2,
        }
        self._connection = duckdb.connect(config=limit)
        self._connection.execute(f"ATTACH '{prepared.quoted(path)}' AS day (READ_ONLY)")
        for name in ("products", "gaps", "choices", "asks", "failing", "days", "trend"):
            self._connection.execute(f"CREATE VIEW {name} AS FROM day.{name}")
        self.marks = Marks(store, self._connection)
        statements.lock(self._connection, [])
        asks = self.rows("SELECT * FROM asks ORDER BY ask_id")
        self.asks: dict[int, Row] = {row["ask_id"]: row for row in asks}
        self._found: dict[Any, list[int]] = {}
        self._preparing = threading.Lock()
        self._kept: dict[tuple[Any, ...], list[Any]] = {}
        self._ask_of = {
            pose: row["ask_id"] for row in asks for pose in row["members"] or [row["ask_id"]]
        } | {ask: ask for ask in self.asks}

    def _named(self, rows: list[Row]) -> list[Row]:
        """The rows with their asks as they are called now, and the parts of pictures that close
        their gaps."""
        for row in rows:
            row["ask_name"] = self.ask_name(row["ask_id"])
            part = row["remedy_uri"] and row["remedy_box"]
            row["crop"] = parts.address(row["remedy_uri"], row["remedy_box"]) if part else None
        return rows

    def rows(self, sql: str, values: Mapping[str, Any] | None = None) -> list[Row]:
        """The rows of a question to the day's file and people's marks; values are bound."""
        with self._connection.cursor() as cursor, statements.one_line_errors():
            return prepared.rows_of(cursor.execute(sql, values or None))

    def _gap_columns(self) -> str:
        """What a gap's row holds, with the carried columns, of which there may be none."""
        return _GAP_COLUMNS + "".join(f", p.c{n}" for n, _ in enumerate(self.about.columns))

    def ask(self, ask_id: int) -> int:
        """The ask that an id means, its own or that of a class; UnposedError for none."""
        if ask_id not in self._ask_of:
            raise UnposedError(f"the day knows no ask or pose {ask_id}")
        return self._ask_of[ask_id]

    def ask_name(self, ask_id: int) -> str:
        """What an ask is called: as people renamed it last, else as in the day's tables."""
        for one in reversed(self.marks.general):
            made = one.decision
            if made.kind == "rename" and made.ask_id == ask_id:
                return made.name or ""
        found = self.asks.get(ask_id)
        return found["ask_name"] if found else f"ask {ask_id}"

    def known_products(self, ids: Sequence[str]) -> set[str]:
        """Those of the ids that the day lists."""
        rows = self.rows(
            "SELECT product_id FROM products WHERE product_id IN (SELECT unnest($ids))",
            {"ids": list(ids)},
        )
        return {row["product_id"] for row in rows}

    def titles(self, ids: Sequence[str]) -> dict[str, str]:
        """What those of the products are called that have a title."""
        rows = self.rows(
            "SELECT product_id, title FROM products "
            "WHERE title IS NOT NULL AND product_id IN (SELECT unnest($ids))",
            {"ids": list(ids)},
        )
        return {row["product_id"]: row["title"] for row in rows}

    # Lists

    def gaps(self, wanted: Filter, me: str, *, limit: int | None = None) -> Page:
        """A page of the work list."""
        states = self._states()
        conditions, (sort, direction) = self._of_gaps(wanted, me, states)
        size = limit or wanted.size
        # First which rows, by few columns of many; then all columns of those.
        keys = f"""
            SELECT g.pid, g.ask_id, {sort} AS sorted_by FROM {self._joined(conditions, sort)}
            WHERE {conditions.sql} ORDER BY {sort} {direction}, g.pid, g.ask_id LIMIT {size + 1}
        """  # noqa: S608 - our own names; values are bound
        found = self.rows(keys, _bound(conditions, states, keys))
        rows = self._gaps_at([(row["pid"], row["ask_id"]) for row in found], states)
        for row, key in zip(rows, found, strict=True):
            row["sorted_by"] = key["sorted_by"]
        return _page(rows, size)

    def _gaps_at(self, keys: Sequence[tuple[int, int]], states: States) -> list[Row]:
        sql = f"""
            SELECT {self._gap_columns()}, {states.sql} AS work_state
            FROM gaps g JOIN products p ON p.pid = g.pid
            LEFT JOIN marks m ON m.pid = g.pid AND m.ask_id = g.ask_id
            WHERE g.pid IN (SELECT unnest($pids)) AND p.pid IN (SELECT unnest($pids))
        """  # noqa: S608
        values = dict(states.values) | {"pids": sorted({pid for pid, _ in keys})}
        found = {(row["pid"], row["ask_id"]): row for row in self._named(self.rows(sql, values))}
        return [found[key] for key in keys]

    def count_gaps(self, wanted: Filter, me: str) -> tuple[int, int | None]:
        """How many gaps and products a work list has, on all its pages; None for the products
        where there are too many gaps to tell them apart in a moment."""
        states = self._states()
        conditions, _ = self._of_gaps(filters_first(wanted), me, states)
        tables = self._joined(conditions, "")
        if "pids" in conditions.values:
            sql = f"""
                SELECT count(*) AS n, count(DISTINCT g.pid) AS p FROM {tables}
                WHERE {conditions.sql}
            """  # noqa: S608
            (row,) = self.rows(sql, _bound(conditions, states, sql))
            return row["n"], row["p"]
        sql = f"SELECT count(*) AS n FROM {tables} WHERE {conditions.sql}"  # noqa: S608
        gaps = self.rows(sql, _bound(conditions, states, sql))[0]["n"]
        if gaps > _MOST_TOLD_APART:
            return gaps, None
        sql = f"SELECT count(DISTINCT g.pid) AS n FROM {tables} WHERE {conditions.sql}"  # noqa: S608
        return gaps, self.rows(sql, _bound(conditions, states, sql))[0]["n"]

    def _states(self) -> States:
        self.marks.follow()
        general = [one.decision for one in self.marks.general]
        return States.of(
            marked=self.marks.some,
            hidden=[one.ask_id for one in general if one.kind == "hide" and one.ask_id is not None],
            exclusions=[
                (one.ask_id or 0, one.category or "", one.subcategory)
                for one in general
                if one.kind == "not_applicable"
            ],
            today=today(),
            finished_at=self.about.finished_at,
        )

    @staticmethod
    def _joined(conditions: Conditions, sort: str) -> str:
        """The gaps, with people's marks where those are asked about."""
        marked = "m." in conditions.sql or "m." in sort
        joined = " LEFT JOIN marks m ON m.pid = g.pid AND m.ask_id = g.ask_id" if marked else ""
        return f"gaps g{joined}"

    def _of_gaps(
        self, wanted: Filter, me: str, states: States
    ) -> tuple[Conditions, tuple[str, str]]:
        conditions = Conditions()
        filters.of_gaps(wanted, me, states, conditions)
        products = filters.of_their_products(wanted, self.about.columns)
        if products.clauses:
            self._of_products_found(products, conditions)
        _, sort, direction = GAP_SORTS[wanted.sort or "worth"]
        self._from(wanted, conditions, sort, direction, gaps=True)
        return conditions, (sort, direction)

    def _of_products_found(self, products: Conditions, conditions: Conditions) -> None:
        """Ask for the gaps of some products: those themselves where they are few, which are then
        looked for once and not in each question."""
        few = "SELECT p.pid FROM products p"
        key = (products.sql, tuple(products.values.items()))
        pids = self._found.get(key)
        if pids is None:
            sql = f"{few} WHERE {products.sql} LIMIT {_FEW_PRODUCTS + 1}"
            pids = [row["pid"] for row in self.rows(sql, products.values)]
            # The page, its count and the next page ask the same of products that stay as they are.
            if len(self._found) >= _KEPT_SEARCHES:
                self._found.clear()
            self._found[key] = pids
        if len(pids) <= _FEW_PRODUCTS:
            conditions.add("g.pid IN (SELECT unnest($pids::BIGINT[]))", pids=pids)
        else:
            conditions.add(f"g.pid IN ({few} WHERE {products.sql})", **products.values)

    def products(self, wanted: Filter, *, limit: int | None = None) -> Page:
        """A page of products."""
        conditions, (sort, direction) = self._of_products(wanted)
        size = limit or wanted.size
        sql = f"""
            SELECT {_PRODUCT_COLUMNS}, {sort} AS sorted_by FROM products p WHERE p.pid IN (
                SELECT p.pid FROM products p WHERE {conditions.sql}
                ORDER BY {sort} {direction}, p.pid LIMIT {size + 1}
            )
            ORDER BY {sort} {direction}, p.pid
        """  # noqa: S608
        return _page(self.rows(sql, conditions.values), size)

    def count_products(self, wanted: Filter) -> int:
        """How many products a list has, on all its pages."""
        conditions, _ = self._of_products(filters_first(wanted))
        sql = f"SELECT count(*) AS n FROM products p WHERE {conditions.sql}"  # noqa: S608
        return self.rows(sql, conditions.values)[0]["n"]

    def _of_products(self, wanted: Filter) -> tuple[Conditions, tuple[str, str]]:
        conditions = Conditions()
        filters.of_products(wanted, self.about.columns, conditions)
        _, sort, direction = PRODUCT_SORTS[wanted.sort or "missing"]
        self._from(wanted, conditions, sort, direction, gaps=False)
        return conditions, (sort, direction)

    def _from(
        self, wanted: Filter, conditions: Conditions, sort: str, direction: str, *, gaps: bool
    ) -> None:
        place = Place.read(wanted.after)
        if place is None:
            return
        clause, values = filters.behind(place, sort, direction, gaps=gaps)
        # A product that has left the catalogue since has a place all the same.
        found = self.rows(
            "SELECT max(pid) AS pid FROM products WHERE product_id <= $p", {"p": place.product_id}
        )
        conditions.add(clause, **values, at_pid=found[0]["pid"] or 0)

    def choices(self) -> dict[str, list[tuple[str, int]]]:
        """The values to filter by: by column, each with its products."""
        found: dict[str, list[tuple[str, int]]] = {}
        for row in self.rows("SELECT * FROM choices ORDER BY name, value"):
            found.setdefault(row["name"], []).append((row["value"], row["products"]))
        return found

    def assignees(self) -> list[str]:
        """Everybody to whom something is assigned."""
        self.marks.follow()
        rows = self.rows(
            "SELECT DISTINCT assignee FROM marks WHERE assignee IS NOT NULL ORDER BY 1"
        )
        return [row["assignee"] for row in rows]

    def gaps_of(self, product_id: str) -> dict[int, Row]:
        """A product's gaps by ask, with what people decided about them."""
        states = self._states()
        sql = f"""
            SELECT {self._gap_columns()}, {states.sql} AS work_state
            FROM gaps g JOIN products p ON p.pid = g.pid
            LEFT JOIN marks m ON m.pid = g.pid AND m.ask_id = g.ask_id
            WHERE g.pid = (SELECT pid FROM products WHERE product_id = $product_id)
            ORDER BY g.rank, g.ask_id
        """  # noqa: S608
        values = dict(states.values) | {"product_id": product_id}
        return {row["ask_id"]: row for row in self._named(self.rows(sql, values))}

    def product(self, product_id: str) -> Row | None:
        """A product's row."""
        sql = f"SELECT {_PRODUCT_COLUMNS} FROM products p WHERE p.product_id = $p"  # noqa: S608
        return next(iter(self.rows(sql, {"p": product_id})), None)

    # From the published views

    @contextlib.contextmanager
    def views(self) -> Iterator[Ask]:
        """Asks the published views, some questions in a row; values are bound: a list to ``?``,
        else to ``$name``."""
        serve = self._settings.serve
        with published.open_views(self._settings.warehouse, serve.memory) as views:

            def ask(sql: str, values: Values = ()) -> list[Row]:
                with statements.one_line_errors():
                    return prepared.rows_of(views.execute(sql, values or None))

            yield ask

    def has(self, name: str) -> bool:
        """Whether there is a published table or view of that name; a file of views from before
        an upgrade lacks the newest."""
        found = self.kept(
            ("views",), lambda: self.from_views("SELECT view_name AS name FROM duckdb_views()")
        )
        return name in {row["name"] for row in found}

    def kept(self, key: tuple[Any, ...], find: Callable[[], list[T]]) -> list[T]:
        """What stays the same as long as this day is shown: found once."""
        if key not in self._kept:
            found = find()
            if len(self._kept) >= _KEPT_SEARCHES:
                self._kept.clear()
            self._kept[key] = found
            return found
        return self._kept[key]

    def from_views(self, sql: str, values: Values = ()) -> list[Row]:
        """The rows of one question to the published views."""
        with self.views() as ask:
            return ask(sql, values)

    def beside(self, name: str, fill: Fill) -> Path:
        """A file beside the day's own, which `fill` makes of the published views where it is not
        there; of those that nobody has asked for longest only some are kept."""
        path, serve = self.path.parent / f"{name}.duckdb", self._settings.serve
        with self._preparing:
            if path.is_file():
                os.utime(path)
                return path
            with (
                published.open_views(self._settings.warehouse, serve.memory) as views,
                prepared.making(path, serve.memory) as target,
            ):
                fill(views, target)
            kind = name.partition("-")[0]
            kept = sorted(path.parent.glob(f"{kind}-*.duckdb"), key=lambda one: one.stat().st_mtime)
            for one in kept[:-_KEPT_BESIDE]:
                one.unlink(missing_ok=True)
        return path

    def read(self, path: Path, sql: str, values: Mapping[str, Any] | None = None) -> list[Row]:
        """The rows of a question to a file beside the day's own."""
        return prepared.read(path, self._settings.serve.memory, sql, values)

    def close(self) -> None:
        """End; questions under way keep their cursors until they have their rows."""
        self._connection.close()


class Days:
    """The latest published day; looked for again from time to time.

    Another day is made ready beside the one that is shown, which readers keep until it is.
    """

    def __init__(
        self, settings: Settings, store: Store, prepare: Callable[[Day], None] = lambda _: None
    ) -> None:
        """`prepare` works out of a day what people will ask for."""
        self._settings, self._store, self._prepare = settings, store, prepare
        self._lock = threading.Lock()
        self._making = threading.Lock()
        self._day: Day | None = None
        self._state: tuple[Any, ...] | None = None
        self._looked = 0.0

    def latest(self) -> Day:
        """The day that readers see now. Raises UnposedError where none is published."""
        with self._lock:
            day, now = self._day, time.monotonic()
            due = now - self._looked >= LOOK_AGAIN_SECONDS
            if due:
                self._looked = now
        if day is None:
            return self.renew()
        if due:
            state = self._views_state()
            if state is None or state != self._state:
                threading.Thread(target=self._renew_beside, name="renew", daemon=True).start()
        return day

    def renew(self) -> Day:
        """Look for another day now, make it ready and show it."""
        with self._making:
            state = self._views_state()
            path, _ = index.ready(self._settings)
            if self._day is None or self._day.path != path:
                made = Day(self._settings, self._store)
                if self._day is None:  # The first one is shown at once.
                    prepare = threading.Thread(
                        target=self._prepared, args=(made,), name="prepare", daemon=True
                    )
                    prepare.start()
                else:
                    self._prepared(made)
                self._day = made
            self._state, self._looked = state, time.monotonic()
            return self._day

    def _prepared(self, day: Day) -> None:
        try:
            self._prepare(day)
        except Exception as error:  # It is worked out when somebody asks.
            _log.warning("the changes of the day are not ready: %s", error)

    def _renew_beside(self) -> None:
        if self._making.locked():
            return
        try:
            self.renew()
        except Exception as error:  # The day that is shown stays; it is tried again.
            _log.warning("the next day is not ready: %s", error)

    def _views_state(self) -> tuple[Any, ...] | None:
        """What tells whether the file of views is another one; None for remote tables."""
        path = local_path(self._settings.warehouse.views)
        try:
            found = Path(path or "").stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_ino


_GAP_COLUMNS = """
    g.pid, p.product_id, p.title, g.category, g.subcategory, p.product_type, p.picture,
    p.status, g.ask_id, g.ask_name, g.pose_name, g.shot_code, g.state, g.rank, g.confidence,
    g.advice, g.remedy_uri, g.remedy_box, g.remedy_seconds, g.example, g.since, g.waived_by,
    g.waived_reason, g.waived_until, g.popularity, g.claim, g.says,
    m.* EXCLUDE (pid, product_id, ask_id)
"""
_PRODUCT_COLUMNS = """
    p.* EXCLUDE (sought, standing)
"""


def filters_first(wanted: Filter) -> Filter:
    """The same list from its first page."""
    return dataclasses.replace(wanted, after="")


def _bound(conditions: Conditions, states: States, sql: str) -> dict[str, Any]:
    """The values that a statement names: of its conditions, and of the states in them."""
    own = {name: value for name, value in states.values.items() if f"${name}" in sql}
    return conditions.values | own


def _page(rows: list[Row], size: int) -> Page:
    shown = rows[:size]
    if len(rows) <= size:
        return Page(shown, None)
    last = shown[-1]
    return Page(shown, Place(float(last["sorted_by"]), last["product_id"], last.get("ask_id", -1)))
