"""What people decided about gaps, beside the day's rows, so that one query sees both.

Kept in the memory of the reading connection: a row for each product and ask that somebody has
waived, assigned, done or seen shown. Only what the log says has changed is read again.
"""

from __future__ import annotations

import datetime
import threading
from typing import Any

import duckdb
import pyarrow as pa

from unposed_jobs.decisions import Recorded, Store
from unposed_jobs.decisions import kinds as k

_KINDS = (k.WAIVE, k.ASSIGN, k.DONE, k.SHOWS)
_SCHEMA = pa.schema(
    [
        ("product_id", pa.string()),
        ("ask_id", pa.int32()),
        ("waive_id", pa.int64()),
        ("waive_by", pa.string()),
        ("waive_reason", pa.string()),
        ("waive_until", pa.date32()),
        ("assign_id", pa.int64()),
        ("assignee", pa.string()),
        ("due", pa.date32()),
        ("assign_by", pa.string()),
        ("done_id", pa.int64()),
        ("done_by", pa.string()),
        ("done_at", pa.timestamp("us", tz="UTC")),
        ("shows_id", pa.int64()),
        ("shows_by", pa.string()),
    ]
)
TABLES = """
CREATE TABLE marks (
    pid BIGINT, product_id VARCHAR, ask_id INTEGER,
    waive_id BIGINT, waive_by VARCHAR, waive_reason VARCHAR, waive_until DATE,
    assign_id BIGINT, assignee VARCHAR, due DATE, assign_by VARCHAR,
    done_id BIGINT, done_by VARCHAR, done_at TIMESTAMPTZ, shows_id BIGINT, shows_by VARCHAR
);
"""


class Marks:
    """Keeps the tables above as the store says; `follow` before each question."""

    def __init__(self, store: Store, connection: duckdb.DuckDBPyConnection) -> None:
        self._store, self._connection = store, connection
        self._lock = threading.Lock()
        self._seen = 0
        self._found: dict[tuple[str, int], dict[str, Recorded]] = {}
        self._general: dict[int, Recorded] = {}
        connection.execute(TABLES)

    def follow(self) -> None:
        """Take over what was decided since the last time."""
        with self._lock:
            last, changed = self._store.changed_since(self._seen)
            if last == self._seen:
                return
            if self._seen == 0:
                changed = self._store.standing()
            self._take(changed)
            self._seen = last

    def _take(self, changed: list[Recorded]) -> None:
        touched = set()
        # What ended first: of two about the same thing the one that stands is to stay.
        for one in sorted(changed, key=lambda one: (one.stands, one.id)):
            made = one.decision
            if made.kind not in _KINDS:
                if one.stands:
                    self._general[one.id] = one
                else:
                    self._general.pop(one.id, None)
                continue
            key = (made.product_id or "", made.ask_id or 0)
            kinds = self._found.setdefault(key, {})
            touched.add(key)
            if one.stands:
                kinds[made.kind] = one
            elif made.kind in kinds and kinds[made.kind].id == one.id:
                del kinds[made.kind]
        if not touched:
            return
        with self._connection.cursor() as cursor:
            cursor.begin()
            self._renew(cursor, touched)
            cursor.commit()

    def _renew(self, cursor: duckdb.DuckDBPyConnection, touched: set[tuple[str, int]]) -> None:
        rows = [_row(key, self._found[key]) for key in sorted(touched)]
        cursor.register("touched", pa.Table.from_pylist(rows, _SCHEMA))
        cursor.execute(
            "DELETE FROM marks WHERE (product_id, ask_id) IN "
            "(SELECT (product_id, ask_id) FROM touched)"
        )
        cursor.execute(
            "INSERT INTO marks SELECT p.pid, t.* FROM touched t "
            "JOIN day.products p ON p.product_id = t.product_id "
            "WHERE coalesce(waive_id, assign_id, done_id, shows_id) IS NOT NULL"
        )
        cursor.unregister("touched")
        for key in touched:
            if not self._found[key]:
                del self._found[key]

    @property
    def some(self) -> bool:
        """Whether anybody has decided about any gap."""
        return bool(self._found)

    @property
    def general(self) -> list[Recorded]:
        """What stands about poses, asks and categories, the earliest first."""
        return sorted(self._general.values(), key=lambda one: one.id)


def _row(key: tuple[str, int], kinds: dict[str, Recorded]) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(_SCHEMA.names)
    row |= {"product_id": key[0], "ask_id": key[1]}
    if one := kinds.get(k.WAIVE):
        row |= {
            "waive_id": one.id,
            "waive_by": one.by,
            "waive_reason": one.decision.reason,
            "waive_until": one.decision.until,
        }
    if one := kinds.get(k.ASSIGN):
        row |= {
            "assign_id": one.id,
            "assignee": one.decision.assignee,
            "due": one.decision.due,
            "assign_by": one.by,
        }
    if one := kinds.get(k.DONE):
        row |= {"done_id": one.id, "done_by": one.by, "done_at": one.at}
    if one := kinds.get(k.SHOWS):
        row |= {"shows_id": one.id, "shows_by": one.by}
    return row


def today() -> datetime.date:
    """The day now, UTC, as the audit counts days."""
    return datetime.datetime.now(datetime.UTC).date()
