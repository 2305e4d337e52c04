"""The transactional store of what people write: SQLite by default, PostgreSQL by its address.

A decision is never changed or removed. It stands until another about the same thing takes its
place or somebody undoes it; undoing one lets those stand again whose place it took. Every write
leaves a line in the log, in the same transaction.
"""

from __future__ import annotations

import contextlib
import datetime
import sqlite3
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from unposed_jobs.decisions import schema
from unposed_jobs.decisions.kinds import KINDS, Decision, once
from unposed_jobs.decisions.schema import DECISIONS, INFORMATION, LOG, STANDING
from unposed_jobs.errors import MachineError, UnposedError

MOST_AT_ONCE = 5000
"""Decisions of one bulk action."""
_CHUNK = 500
_TRIES = 5
_BUSY_MS, _AGAIN_SECONDS = 10_000, 0.02
_WRITERS = 7_382_011
"""PostgreSQL's lock of those who write."""


@dataclass(frozen=True)
class Recorded:
    """A decision as it is kept."""

    id: int
    decision: Decision
    by: str
    at: datetime.datetime
    ended_by: str | None = None
    ended_at: datetime.datetime | None = None
    ended_for: int | None = None
    """The decision that took its place; None where it stands or was undone."""

    @property
    def stands(self) -> bool:
        """Whether it holds now."""
        return self.ended_at is None


@dataclass(frozen=True)
class LogEntry:
    """One line of the log."""

    id: int
    at: datetime.datetime
    who: str
    action: str
    summary: str
    decision_id: int | None
    address: str | None


class Store:
    """Decisions and the log; `engine` is for the further tables of `schema`."""

    def __init__(self, engine: sa.Engine) -> None:
        self.engine = engine
        self.writing = engine.execution_options(writes=True)
        """The same, for transactions that write."""

    @classmethod
    def open(cls, address: str) -> Store:
        """Open the store at an address of SQLAlchemy, made where it is absent.

        Raises UnposedError for an address that is not understood or a store of a later version,
        MachineError where the database does not answer.
        """
        engine, file = _engine(address)
        if file is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
        with _errors():
            store = cls(engine)
            if not sa.inspect(engine).has_table(DECISIONS.name):
                # As a write: of several processes at once one makes the tables, the others wait.
                schema.METADATA.create_all(store.writing)
            if store.information("version") is None:
                store.remember("version", str(schema.VERSION))
            store._check_version()
        return store

    @classmethod
    def existing(cls, address: str) -> Store | None:
        """The store at an address, None where nobody has made one; else as `open`: what people
        decided is never silently left out."""
        engine, file = _engine(address)
        if file is not None and not file.exists():
            return None
        with _errors():
            there = sa.inspect(engine).has_table(DECISIONS.name)
        return cls.open(address) if there else None

    def _check_version(self) -> None:
        found = int(self.information("version") or 0)
        if found > schema.VERSION:
            raise UnposedError(
                f"the store of decisions is of version {found}, this is {schema.VERSION}: "
                "upgrade Unposed"
            )

    def information(self, name: str) -> str | None:
        """A value that is kept beside the tables."""
        with self.engine.connect() as connection:
            found = sa.select(INFORMATION.c.value).where(INFORMATION.c.name == name)
            return connection.scalar(found)

    def remember(self, name: str, value: str) -> str:
        """Keep a value under a name, unless there is one; returns the one that is kept."""
        with contextlib.suppress(IntegrityError):
            self._remember(name, value)
        return self.information(name) or value

    def _remember(self, name: str, value: str) -> None:
        with self.writing.begin() as connection:
            connection.execute(sa.insert(INFORMATION).values(name=name, value=value))

    # Writing

    def decide(
        self, decisions: Sequence[Decision], by: str, *, address: str | None = None
    ) -> list[Recorded]:
        """Record decisions, all or none; those about the same things before them end.

        Of several about the same thing the last is recorded. Raises UnposedError for more than
        `MOST_AT_ONCE`.
        """
        wanted = once(decisions)
        if not wanted:
            return []
        if len(wanted) > MOST_AT_ONCE:
            raise UnposedError(f"{len(wanted)} decisions at once; at most {MOST_AT_ONCE}")
        with _errors():
            for attempt in range(_TRIES):
                try:
                    with self.writing.begin() as connection:
                        return self._decide(connection, wanted, by, address)
                except IntegrityError:  # Somebody decided about the same at the same moment.
                    if attempt == _TRIES - 1:
                        raise
        return []

    def _decide(
        self, connection: sa.Connection, wanted: list[Decision], by: str, address: str | None
    ) -> list[Recorded]:
        now = datetime.datetime.now(datetime.UTC)
        rows = [
            one.values() | {"ask_ids": list(one.ask_ids), "decided_by": by, "decided_at": now}
            for one in wanted
        ]
        statement = sa.insert(DECISIONS).returning(DECISIONS.c.id, sort_by_parameter_order=True)
        numbers = connection.scalars(statement, rows).all()
        made = [
            Recorded(number, decision, by, now)
            for number, decision in zip(numbers, wanted, strict=True)
        ]
        keys = {key: one.id for one in made for key in one.decision.subjects}
        ended: dict[int, set[int]] = defaultdict(set)
        for old, key in self._standing(connection, list(keys)):
            ended[keys[key]].add(old)
        for number, olds in ended.items():
            self._end(connection, olds, by, now, number)
        connection.execute(
            sa.insert(STANDING),
            [{"subject": key, "decision_id": number} for key, number in keys.items()],
        )
        connection.execute(
            sa.insert(LOG),
            [
                {
                    "at": now,
                    "who": by,
                    "action": one.decision.kind,
                    "decision_id": one.id,
                    "summary": one.decision.summary(),
                    "address": address,
                }
                for one in made
            ],
        )
        return made

    def _standing(
        self, connection: sa.Connection, keys: Sequence[str]
    ) -> Iterator[tuple[int, str]]:
        for chunk in _chunks(keys):
            rows = sa.select(STANDING.c.decision_id, STANDING.c.subject)
            found = connection.execute(rows.where(STANDING.c.subject.in_(chunk)))
            yield from ((number, key) for number, key in found.all())

    def _end(
        self,
        connection: sa.Connection,
        ids: Iterable[int],
        by: str,
        at: datetime.datetime,
        ended_for: int | None,
    ) -> None:
        chosen = list(ids)
        connection.execute(sa.delete(STANDING).where(STANDING.c.decision_id.in_(chosen)))
        connection.execute(
            sa.update(DECISIONS)
            .where(DECISIONS.c.id.in_(chosen), DECISIONS.c.ended_at.is_(None))
            .values(ended_by=by, ended_at=at, ended_for=ended_for)
        )

    def undo(self, decision_id: int, by: str, *, address: str | None = None) -> Recorded:
        """End a decision; those whose place it took stand again, unless others have theirs.

        Raises UnposedError for one that is not there or does not stand.
        """
        with _errors(), self.writing.begin() as connection:
            found = self._read(connection, DECISIONS.c.id == decision_id)
            if not found:
                raise UnposedError(f"there is no decision {decision_id}")
            (one,) = found
            if not one.stands:
                raise UnposedError(f"decision {decision_id} does not stand any more")
            now = datetime.datetime.now(datetime.UTC)
            self._end(connection, [decision_id], by, now, None)
            for old in self._read(connection, DECISIONS.c.ended_for == decision_id):
                if list(self._standing(connection, old.decision.subjects)):
                    continue
                connection.execute(
                    sa.update(DECISIONS)
                    .where(DECISIONS.c.id == old.id)
                    .values(ended_by=None, ended_at=None, ended_for=None)
                )
                rows = [{"subject": key, "decision_id": old.id} for key in old.decision.subjects]
                connection.execute(sa.insert(STANDING), rows)
            line = {"at": now, "who": by, "action": "undo", "decision_id": one.id}
            said = f"undone: {one.decision.summary()}"
            connection.execute(sa.insert(LOG).values(**line, summary=said, address=address))
            return one

    def log(self, who: str, action: str, summary: str, *, address: str | None = None) -> None:
        """Add a line about something that is no decision: a login, a person, a saved view."""
        with _errors(), self.writing.begin() as connection:
            now = datetime.datetime.now(datetime.UTC)
            line = {"at": now, "who": who, "action": action, "summary": summary}
            connection.execute(sa.insert(LOG).values(**line, address=address))

    # Reading

    def standing(self, kinds: Sequence[str] = KINDS) -> list[Recorded]:
        """The decisions that hold now, the earliest first."""
        with _errors(), self.engine.connect() as connection:
            stands = DECISIONS.c.ended_at.is_(None)
            return self._read(connection, sa.and_(stands, DECISIONS.c.kind.in_(list(kinds))))

    def changed_since(self, log_id: int) -> tuple[int, list[Recorded]]:
        """The last line of the log, and every decision that a line after `log_id` is about, with
        those that such lines ended or let stand again."""
        with _errors(), self.engine.connect() as connection:
            last = connection.scalar(sa.select(sa.func.max(LOG.c.id))) or 0
            if last == log_id:
                return last, []
            about = (
                sa.select(LOG.c.decision_id)
                .where(LOG.c.id > log_id, LOG.c.id <= last, LOG.c.decision_id.is_not(None))
                .subquery()
            )
            ids = sa.select(about.c.decision_id)
            subjects = sa.or_(DECISIONS.c.id.in_(ids), DECISIONS.c.ended_for.in_(ids))
            touched = self._read(connection, subjects)
            # Undoing lets others stand again, which no line names: those about the same things.
            keys = [key for one in touched for key in one.decision.subjects]
            again = {number for number, _ in self._standing(connection, keys)}
            again -= {one.id for one in touched}
            for chunk in _chunks(sorted(again)):
                touched += self._read(connection, DECISIONS.c.id.in_(chunk))
            return last, touched

    def about(self, product_id: str) -> list[Recorded]:
        """All decisions about a product, also those that ended, the latest first."""
        with _errors(), self.engine.connect() as connection:
            found = self._read(connection, DECISIONS.c.product_id == product_id)
            return found[::-1]

    def find(self, decision_id: int) -> Recorded | None:
        """One decision."""
        with _errors(), self.engine.connect() as connection:
            return next(iter(self._read(connection, DECISIONS.c.id == decision_id)), None)

    def some(self, ids: Iterable[int]) -> list[Recorded]:
        """Decisions by their ids."""
        found: list[Recorded] = []
        with _errors(), self.engine.connect() as connection:
            for chunk in _chunks(sorted(ids)):
                found += self._read(connection, DECISIONS.c.id.in_(chunk))
        return found

    def writers(self) -> list[str]:
        """Everybody who ever wrote, by name."""
        with _errors(), self.engine.connect() as connection:
            return list(connection.scalars(sa.select(LOG.c.who).distinct().order_by(LOG.c.who)))

    def entries(
        self, *, before: int | None = None, who: str = "", action: str = "", limit: int = 100
    ) -> list[LogEntry]:
        """Lines of the log, the latest first; those with an id below `before`."""
        wanted = sa.select(LOG).order_by(LOG.c.id.desc()).limit(limit)
        if before is not None:
            wanted = wanted.where(LOG.c.id < before)
        if who:
            wanted = wanted.where(LOG.c.who == who)
        if action:
            wanted = wanted.where(LOG.c.action == action)
        with _errors(), self.engine.connect() as connection:
            return [LogEntry(**row) for row in connection.execute(wanted).mappings()]

    def _read(self, connection: sa.Connection, where: Any) -> list[Recorded]:
        rows = connection.execute(sa.select(DECISIONS).where(where).order_by(DECISIONS.c.id))
        return [_recorded(dict(row)) for row in rows.mappings()]


def _engine(address: str) -> tuple[sa.Engine, Path | None]:
    """The engine, and the file of SQLite."""
    try:
        url = sa.make_url(address)
    except sa.exc.ArgumentError:
        raise UnposedError(
            "[decisions] store is no address of a database, such as sqlite:////srv/decisions.db"
        ) from None
    kind = url.get_backend_name()
    if kind not in ("sqlite", "postgresql"):
        raise UnposedError(f"[decisions] store: {kind} is not supported; SQLite or PostgreSQL")
    if url.drivername == "postgresql":
        url = url.set(drivername="postgresql+psycopg2")  # The one that is installed.
    file = Path(url.database) if kind == "sqlite" and url.database else None
    engine = sa.create_engine(url, pool_pre_ping=file is None)
    if kind == "sqlite":
        sa.event.listen(engine, "connect", _as_database)
        sa.event.listen(engine, "begin", _begin_at_once)
    else:
        sa.event.listen(engine, "begin", _one_writer)
    return engine, file


def _recorded(row: Mapping[str, Any]) -> Recorded:
    values = dict(row)
    number, by, at = values.pop("id"), values.pop("decided_by"), values.pop("decided_at")
    ended = {name: values.pop(name) for name in ("ended_by", "ended_at", "ended_for")}
    values["ask_ids"] = tuple(values["ask_ids"] or ())
    return Recorded(number, Decision(**values), by, at, **ended)


def _chunks(values: Sequence[Any]) -> Iterator[list[Any]]:
    for start in range(0, len(values), _CHUNK):
        yield list(values[start : start + _CHUNK])


def _as_database(connection: Any, _: Any) -> None:
    """SQLite with readers beside a writer, and writers that wait for one another."""
    connection.isolation_level = None
    connection.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
    _keep_a_journal(connection)
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")


def _keep_a_journal(connection: Any) -> None:
    """Write ahead; to begin with it SQLite does not wait for others, whatever its timeout."""
    end = time.monotonic() + _BUSY_MS / 1000
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > end:
                raise
            time.sleep(_AGAIN_SECONDS)


def _begin_at_once(connection: sa.Connection) -> None:
    # Reads that become writes would fail instead of waiting.
    writes = connection.get_execution_options().get("writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _one_writer(connection: sa.Connection) -> None:
    # One after another, so that lines of the log are seen in the order of their numbers.
    if connection.get_execution_options().get("writes"):
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_WRITERS})")


@contextlib.contextmanager
def _errors() -> Iterator[None]:
    """The database's errors as one line."""
    try:
        yield
    except SQLAlchemyError as error:
        cause = getattr(error, "orig", None) or error
        line = " ".join(str(cause).split())[:300]
        raise MachineError(f"the store of decisions ([decisions] store): {line}") from None
