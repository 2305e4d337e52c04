"""List the runs: what was extracted, trained and audited, and what is published."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from unposed_jobs.arguments import add_format, console_of_stdout, day, renamed

if TYPE_CHECKING:
    from unposed_jobs.warehouse import RunRecord

_JOBS = (
    *("extract", "facts", "videos", "train", "promote", "audit"),
    *("influence", "gallery", "maintain", "clear"),
)
_WIDE = 160
"""Columns of a terminal from which on models and run ids are shown, too."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's flags."""
    parser.add_argument(
        "--job", choices=_JOBS, metavar="JOB", help=f"only this job: {', '.join(_JOBS)}"
    )
    parser.add_argument("--date", type=day, metavar="DAY", help="only of this day")
    parser.add_argument(
        "--limit", type=int, default=20, metavar="N", help="the last N runs (default: 20; 0: all)"
    )
    add_format(parser, "json and csv give every field (default: table)")
    renamed(parser, "--json", "--format json", dest="format", value="json")


def run(arguments: argparse.Namespace) -> int:
    """Print the runs, the latest day last."""
    from unposed_jobs import config
    from unposed_jobs.warehouse import Warehouse

    warehouse = Warehouse.open(config.load(arguments.config).warehouse, create=False)
    found = [
        run
        for run in warehouse.runs()
        if arguments.job in (None, run.job) and arguments.date in (None, run.run_date)
    ]
    chosen = found[-arguments.limit :] if arguments.limit > 0 else found
    writers: dict[str, Callable[[Sequence[RunRecord], int], None]] = {
        "table": _table,
        "json": _json,
        "csv": _csv,
    }
    writers[arguments.format](chosen, len(found) - len(chosen))
    return 0


def _table(runs: Sequence[RunRecord], earlier: int) -> None:
    from rich.table import Table
    from rich.text import Text

    console = console_of_stdout()
    wide = console.width >= _WIDE
    table = Table("day", "job", "state", "finished", *(["model", "run"] if wide else []), "result")
    for item in runs:
        names = [item.model_version or "", item.run_id] if wide else []
        finished = f"{item.finished_at:%m-%d %H:%M}"
        cells = [str(item.run_date), item.job, item.state, finished, *names]
        table.add_row(*cells, Text(_result(item)))
    console.print(table)
    if earlier:
        console.print(f"{earlier} earlier runs: --limit 0 shows all")


def _result(run: RunRecord) -> str:
    """The error, or what was written, in words."""
    done = run.error or ", ".join(f"{name} {count}" for name, count in run.rows.items())
    further = (run.figures.get(name) for name in ("page", "not_rebuilt", "reason"))
    done = done or next((str(text) for text in further if text), "")
    return f"{done} (attempt {run.attempts})" if run.attempts > 1 else done


def _json(runs: Sequence[RunRecord], earlier: int) -> None:
    import dataclasses
    import json

    print(json.dumps([dataclasses.asdict(run) for run in runs], default=str, indent=1))


def _csv(runs: Sequence[RunRecord], earlier: int) -> None:
    import csv
    import dataclasses
    import json
    import sys

    from unposed_jobs.warehouse import RunRecord

    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(item.name for item in dataclasses.fields(RunRecord))
    for run in runs:
        values = dataclasses.asdict(run).values()
        writer.writerow(json.dumps(one) if isinstance(one, dict) else one for one in values)
