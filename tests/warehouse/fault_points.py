"""A process that dies at its n-th step towards the storage or the catalogue, and what readers see.

Steps are found by running: every file that is made or removed, every commit and the exchange of
the file of views. A dead process does no step any more, not even while it cleans up: so what it
leaves is the folder as it was before the step, and one run shows what is left by a death at each.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
from kept_folders import kept, link
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.io.pyarrow import PyArrowFile, PyArrowFileIO
from warehouse_samples import (
    DAY,
    NEXT,
    audit_rows,
    colour_rows,
    flag_rows,
    picture_rows,
    ready_rows,
    record,
    settings,
)

from unposed_jobs.sql import statements, views
from unposed_jobs.warehouse import Warehouse, maintenance

COUNTS = ("pose_flags", "product_audit", "product_images", "product_colours", "ready_for")
COUNTS += ("catalogue_rejects",)


class Died(BaseException):
    """The process ended here."""


@dataclass
class Steps:
    """Counts steps and dies before the `fatal`-th, counted from 1; never for 0."""

    fatal: int = 0
    exits: bool = False
    """Whether the process ends for good instead of raising."""
    look: Callable[[int], object] = lambda number: None
    """Called before each step, while nobody does another one."""
    done: list[str] = field(default_factory=list)
    dead: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)

    def before(self, what: str) -> None:
        with self.lock:
            if not self.dead:
                self.done.append(what)
                self.look(len(self.done))
                self.dead = len(self.done) == self.fatal
            if self.dead and self.exits:
                os._exit(9)
            if self.dead:
                raise Died(what)


@contextlib.contextmanager
def watched(steps: Steps) -> Iterator[Steps]:
    """Every step within is counted."""
    originals = {
        (PyArrowFile, "create"): lambda self, *_, **__: f"write {_kind(self.location)}",
        (PyArrowFileIO, "delete"): lambda self, path: f"remove {_kind(str(path))}",
        (SqlCatalog, "commit_table"): lambda self, table, *_: f"commit {table.name()[-1]}",
        (maintenance, "remove_orphan"): lambda _, path: f"remove {_kind(path)}",
        (views, "create"): lambda *_: "write views",
        (views.os, "replace"): lambda *_: "exchange views",
    }
    with contextlib.ExitStack() as stack:
        for (owner, name), say in originals.items():
            original = getattr(owner, name)
            setattr(owner, name, _counting(original, say, steps))
            stack.callback(setattr, owner, name, original)
        yield steps


def _counting(original, say, steps):
    def call(*args, **rest):
        steps.before(say(*args, **rest))
        return original(*args, **rest)

    return call


def _kind(path: str) -> str:
    table = path.rsplit("/unposed/", maxsplit=1)[-1].split("/", maxsplit=1)[0]
    return f"{table} {path.rsplit('.', 1)[-1]}"


# A day, and runs of it


def stage(warehouse: Warehouse, run_id: str, products: list[str], day=NEXT):
    rejects = {
        "run_date": [day],
        "source": ["products"],
        "row_key": [run_id],
        "reason": ["bad_key"],
        "detail": [None],
        "row": ["{}"],
    }
    rows = {
        "pose_flags": flag_rows(day, products, score=float(len(run_id))),
        "product_audit": audit_rows(day, products),
        "product_images": picture_rows(day, products),
        "product_colours": colour_rows(day, products),
        "ready_for": ready_rows(day, products),
        "catalogue_rejects": views.pa.table(rejects),
    }
    return {name: warehouse.stage(name, run_id).write(table) for name, table in rows.items()}


def audit(folder: Path, run_id: str, products: list[str], day=NEXT) -> None:
    """What an audit does to the warehouse."""
    warehouse = Warehouse.open(settings(folder))
    seen = warehouse.seen(day)
    staged = stage(warehouse, run_id, products, day)
    rows = {name: sum(file.rows for file in files) for name, files in staged.items()}
    warehouse.publish_day(seen, record(run_id, day, rows=rows), staged)
    views.publish(warehouse)


def prepare(folder: Path) -> None:
    """An earlier day, and the day twice: rows of a superseded run lie in the tables."""
    audit(folder, "earlier", ["a"], DAY)
    audit(folder, "old", ["a"])
    audit(folder, "before", ["a", "b"])


@dataclass(frozen=True)
class Death:
    """What a process left that ended before a step."""

    number: int
    step: str
    shown: bool
    """Whether readers may see anything else than after the death before: a table's pointer, the
    file of views or a file that was there differs. Files that nothing names yet show nobody
    anything."""


def deaths(folder: Path, scenario: Callable[[Path], object]) -> Iterator[Death]:
    """The folder as it is left by a death before each step of the scenario, one after the other."""
    copies = folder.with_name(f"{folder.name}-copies")
    copies.mkdir()

    def look(number: int) -> None:
        shutil.copytree(folder, copies / str(number), copy_function=link)

    with kept(folder, link), watched(Steps(look=look)) as steps:
        scenario(folder)
    before: tuple = ()
    with kept(folder, link):
        for number, step in enumerate(steps.done, start=1):
            shutil.rmtree(folder)
            (copies / str(number)).rename(folder)
            now = _seen_by_readers(folder)
            gone = bool(before) and not before[-1] <= now[-1]
            yield Death(number, step, gone or now[:-1] != before[:-1])
            before = now
    copies.rmdir()


def said(steps: Iterable[str]) -> str:
    """Each kind of step with its number."""
    return ", ".join(f"{what} {count}" for what, count in sorted(Counter(steps).items()))


def _seen_by_readers(folder: Path) -> tuple:
    with contextlib.closing(sqlite3.connect(folder / "state" / "catalog.db")) as connection:
        sql = "SELECT table_name, metadata_location FROM iceberg_tables ORDER BY 1"
        pointers = tuple(connection.execute(sql))
    views_file = (folder / "views" / "unposed.duckdb").stat().st_ino
    return pointers, views_file, frozenset(path for path in folder.rglob("*") if path.is_file())


# Readers


def by_query(folder: Path) -> dict:
    """Through the views of this moment: every published day, and the current one."""
    with statements.live(Warehouse.open(settings(folder), create=False)) as connection:
        return {
            name: _sorted(connection.sql(f"FROM {name}").to_arrow_table().to_pylist())
            for name in (*COUNTS, *(f"{name}_current" for name in COUNTS[:-1]))
        }


def by_file(folder: Path) -> dict:
    """Through the file of views."""
    with duckdb.connect(str(folder / "views" / "unposed.duckdb"), read_only=True) as connection:
        return {
            name: _sorted(connection.sql(f"FROM {name}").to_arrow_table().to_pylist())
            for name in COUNTS
        }


def by_join(folder: Path) -> dict:
    """The documented join, over the bare tables: `runs` is read first."""
    warehouse = Warehouse.open(settings(folder), create=False)
    runs = warehouse.table("runs").scan().to_arrow()
    found = {}
    with duckdb.connect() as connection:
        connection.register("runs", runs)
        for name in COUNTS:
            connection.register(name, warehouse.table(name).scan().to_arrow())
            rows = connection.sql(
                f"SELECT {name}.* FROM {name} JOIN runs USING (run_date, run_id) "
                "WHERE runs.state = 'published'"
            ).to_arrow_table()
            found[name] = _sorted(rows.to_pylist())
    return found


READERS = (by_query, by_file, by_join)


def _sorted(rows: list[dict]) -> list[dict]:
    return sorted(rows, key=repr)
