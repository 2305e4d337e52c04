"""Two runs of one day, whose steps pass in a given order, and the orders that are worth trying.

A step is to ask what is published (and to list what is there), to load a table, or a commit.
Between two of its steps a run touches nothing that the other one writes. Two steps of different
runs depend on one another only where they touch the same table and one of them commits to it;
asking touches all of them. Steps next to each other that do not depend on one another may change
places, and nothing else is seen. So of all orders that come from one another in that way one is
enough: that in which no step of A stands right behind one of B that it does not depend on.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Mapping, Sequence

from fault_points import COUNTS
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.exceptions import CommitFailedException
from warehouse_samples import NEXT, record

from unposed_jobs.config import WarehouseSettings
from unposed_jobs.warehouse import ConflictError, Warehouse
from unposed_jobs.warehouse.publishing import Staged

Step = tuple[str, str]
"""Ask, load or commit, and the table."""
ASK: Step = ("ask", "")


def steps(tables: Sequence[str], *, loads: bool, removal: bool) -> list[Step]:
    """What a run does that publishes rows of those tables, and with `removal` takes those of runs
    before out of them."""
    touched = [*tables, "runs", *(tables if removal else ())]
    each = ("load", "commit") if loads else ("commit",)
    return [ASK, *((what, table) for table in touched for what in each)]


def orders(of_each: Sequence[Step]) -> Iterator[str]:
    """An order of each kind, for two runs that both do these steps."""

    def longer(word: str, a: int, b: int) -> Iterator[str]:
        if a == b == len(of_each):
            yield word
        if a < len(of_each) and (word[-1:] != "B" or _depend(of_each[a], of_each[b - 1])):
            yield from longer(f"{word}A", a + 1, b)
        if b < len(of_each):
            yield from longer(f"{word}B", a, b + 1)

    return longer("", 0, 0)


def _depend(one: Step, other: Step) -> bool:
    same = ASK in (one, other) or one[1] == other[1]
    return same and "commit" in (one[0], other[0])


def place(order: str, run: str, number: int) -> int:
    """Where in the order the run's step of that number (from 0) stands."""
    return [position for position, name in enumerate(order) if name == run][number]


class Turns:
    """Lets one thread at a time do a step, in a given order; what comes after it as it comes."""

    def __init__(self, order: str) -> None:
        self._left, self._at_work = list(order), ""
        self._condition = threading.Condition()

    def next(self) -> None:
        """The thread's step is over; waits until its next one may begin."""
        name = threading.current_thread().name
        with self._condition:
            self._hand_on(name)
            assert self._condition.wait_for(lambda: self._may(name), timeout=60)
            self._left[:1] = []
            self._at_work = name

    def leave(self) -> None:
        """The thread takes no more turns."""
        name = threading.current_thread().name
        with self._condition:
            self._left = [item for item in self._left if item != name]
            self._hand_on(name)

    def _may(self, name: str) -> bool:
        return not self._at_work and (not self._left or self._left[0] == name)

    def _hand_on(self, name: str) -> None:
        if self._at_work == name:
            self._at_work = ""
        self._condition.notify_all()


class Stepped(Warehouse):
    """A warehouse whose loads and commits of a run's rows wait for their turn."""

    turns: Turns
    in_turn: frozenset[Step] = frozenset()
    removing = False

    def table(self, name):
        if self.removing:
            self._load(name)
        return super().table(name)

    def write_day(self, name, run_date, staged, *rest):
        if staged:
            self._load(name)
        return super().write_day(name, run_date, staged, *rest)

    def rewrite(self, name, *rest):
        self._load(name)
        return super().rewrite(name, *rest)

    def record_run(self, *told):
        stored = super().record_run(*told)
        self.removing = stored.state == "published"
        return stored

    def _load(self, name):
        if ("load", name) in self.in_turn:
            self.turns.next()


@contextlib.contextmanager
def _commits_in_turn(turns: Turns, in_turn: frozenset[Step]) -> Iterator[None]:
    """A commit that is tried again, as another one came first, is the same step."""
    original, failed = SqlCatalog.commit_table, set[tuple[str, Step]]()

    def commit_table(self, table, *rest):
        step = ("commit", table.name()[-1])
        key = (threading.current_thread().name, step)
        if step in in_turn and key not in failed:
            turns.next()
        failed.discard(key)
        try:
            return original(self, table, *rest)
        except CommitFailedException:
            failed.add(key)
            raise

    SqlCatalog.commit_table = commit_table
    try:
        yield
    finally:
        SqlCatalog.commit_table = original


def compete(
    where: WarehouseSettings, staged: Mapping[str, Staged], order: str, of_each: list[Step]
) -> dict[str, str]:
    """Runs A and B of one day, with rows that are staged already; how each of them ended."""
    turns, in_turn, ends = Turns(order), frozenset(of_each), dict[str, str]()

    def publish(name: str) -> None:
        warehouse, files = Stepped.open(where, create=False), staged[name]
        warehouse.turns, warehouse.in_turn = turns, in_turn
        rows = dict.fromkeys(COUNTS, 0)
        rows |= {table: sum(file.rows for file in listed) for table, listed in files.items()}
        try:
            turns.next()
            seen = warehouse.seen(NEXT)
            warehouse.publish_day(seen, record(name, NEXT, rows=rows), files)
            ends[name] = "published"
        except ConflictError as error:
            ends[name] = f"exit {error.exit_code}"
        finally:
            turns.leave()

    with _commits_in_turn(turns, in_turn):
        threads = [threading.Thread(target=publish, args=(name,), name=name) for name in staged]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
    return ends
