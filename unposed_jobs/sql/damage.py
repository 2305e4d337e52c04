"""Files that cannot be read any more: found, named, and their days left out.

A day that is damaged holds up no other: whoever asks is shown the others, and told.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import pyarrow.parquet as pq

from unposed_jobs import machine
from unposed_jobs.errors import MachineError

if TYPE_CHECKING:
    from unposed_jobs.sql.views import Plan

_READERS = 8


@dataclass(frozen=True)
class Damaged:
    """A file of a published day that cannot be read."""

    day: date
    table: str
    path: str

    def line(self) -> str:
        """What is left out, why, and the remedy."""
        return (
            f"{self.day} is left out: {self.path} of {self.table} is damaged; restore it from a "
            f"copy, or: unposed warehouse clear-day --date {self.day} --reason "
            '"who: why" (docs/runbooks/exit-6-machine.md)'
        )


def leave_out(planned: Plan, error: Exception) -> tuple[Plan, list[Damaged]]:
    """The plan without the days that have a damaged file, and those files.

    Raises `error`, what reading the plan ended with, where it is not the machine's or no file of a
    published day is damaged.
    """
    known = isinstance(error, MachineError) or machine.explain(error) is not None
    damaged = find(planned) if known else []
    if not damaged:
        raise error
    return planned.without({one.day for one in damaged}), damaged


def find(planned: Plan) -> list[Damaged]:
    """The damaged files of the published days: by their ends, which is quick; else by all bytes."""
    files = [
        Damaged(day, name, path)
        for day, tables in planned.days.items()
        for name, paths in tables.items()
        for path in paths
    ]

    def search(whole: bool) -> list[Damaged]:
        with ThreadPoolExecutor(_READERS) as pool:
            readable = pool.map(lambda one: _readable(planned, one, whole), files)
            return [one for one, good in zip(files, readable, strict=True) if not good]

    return search(whole=False) or search(whole=True)


def _readable(planned: Plan, one: Damaged, whole: bool) -> bool:
    try:
        with planned.io[one.table].new_input(one.path).open() as stream:
            file = pq.ParquetFile(stream)
            if whole:
                for _ in file.iter_batches():
                    pass
    except (OSError, ValueError):  # Arrow's own errors are one or the other.
        return False
    return True
