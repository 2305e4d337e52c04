"""Look after the warehouse: compact, expire, collect orphans."""

from __future__ import annotations

import argparse
from datetime import timedelta


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's flags."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    maintain = actions.add_parser(
        "maintain",
        help="compact small files, merge manifests, expire snapshots, remove orphan files",
        description=(
            "Compacts small files, merges manifests, expires old snapshots and removes files "
            "that nothing names and that are older than three days. Rows stay as they are. "
            "Tells what it would do, unless --apply is given."
        ),
    )
    maintain.add_argument(
        "--config",
        metavar="FILE",
        default=argparse.SUPPRESS,
        help="settings (default: ./unposed.toml)",
    )
    mode = maintain.add_mutually_exclusive_group()
    mode.add_argument("--dry-run", action="store_true", help="only tell (the default)")
    mode.add_argument("--apply", action="store_true", help="do it")
    maintain.add_argument(
        "--keep-days",
        type=int,
        default=7,
        metavar="N",
        help="keep the snapshots of the last N days, for time travel (default: 7)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Maintain the warehouse and print what was done to each table."""
    from rich.console import Console
    from rich.table import Table

    from unposed_jobs import config
    from unposed_jobs.errors import UnposedError
    from unposed_jobs.warehouse import Warehouse, maintenance

    if arguments.keep_days < 1:
        raise UnposedError(
            f"--keep-days {arguments.keep_days}: give 1 or more, for readers that are at work"
        )
    warehouse = Warehouse.open(config.load(arguments.config).warehouse, create=False)
    console = Console()
    with console.status("maintaining the tables"):
        reports = maintenance.maintain(
            warehouse, arguments.apply, timedelta(days=arguments.keep_days)
        )
    table = Table("table", "files compacted", "manifests merged", "snapshots expired", "orphans")
    for report in reports:
        compacted = f"{report.compacted_files} into {report.compacted_into}"
        orphans = f"{len(report.orphans)} ({report.orphan_bytes / 2**20:.1f} MiB)"
        table.add_row(
            report.table,
            compacted if report.compacted_files else "-",
            str(report.merged_manifests or "-"),
            str(report.expired_snapshots or "-"),
            orphans if report.orphans else "-",
        )
    console.print(table)
    for report in reports:
        for partition in report.skipped:
            console.print(f"{report.table}: {partition or 'all'} was being written; left alone")
    if not arguments.apply:
        console.print("Nothing was changed; --apply does it.")
    return 0
