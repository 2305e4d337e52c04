"""List the runs: what was extracted, trained and audited, and what is published."""

from __future__ import annotations

import argparse


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's flags."""
    parser.add_argument(
        "--job",
        choices=("extract", "train", "promote", "audit", "gallery", "maintain", "clear"),
        help="only this job",
    )
    parser.add_argument(
        "--limit", type=int, default=20, metavar="N", help="the last N runs (default: 20; 0: all)"
    )
    parser.add_argument("--json", action="store_true", help="every field, as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Print the runs, the latest day last."""
    from unposed_jobs import config
    from unposed_jobs.warehouse import Warehouse

    warehouse = Warehouse.open(config.load(arguments.config).warehouse, create=False)
    found = [run for run in warehouse.runs() if arguments.job in (None, run.job)]
    chosen = found[-arguments.limit :] if arguments.limit > 0 else found
    if arguments.json:
        import dataclasses
        import json

        print(json.dumps([dataclasses.asdict(run) for run in chosen], default=str, indent=1))
        return 0

    import sys

    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table("day", "job", "state", "rows", "attempts", "finished", "model", "run", "error")
    for item in chosen:
        rows = ", ".join(f"{name} {count}" for name, count in item.rows.items())
        table.add_row(
            str(item.run_date),
            item.job,
            item.state,
            rows,
            str(item.attempts),
            f"{item.finished_at:%Y-%m-%d %H:%M} UTC",
            item.model_version or "",
            item.run_id,
            Text(item.error or ""),
        )
    console = Console() if sys.stdout.isatty() else Console(width=10_000)
    console.print(table)
    if len(chosen) < len(found):
        console.print(f"{len(found) - len(chosen)} earlier runs: --limit 0 shows all")
    return 0
