"""Look after the warehouse: compact, expire, collect orphans; clear a day."""

from __future__ import annotations

import argparse
from datetime import timedelta

from unposed_jobs.arguments import day, reason


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's flags."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    maintain = actions.add_parser(
        "maintain",
        help="remove superseded rows, compact small files, expire snapshots, remove orphan files",
        description=(
            "Removes rows of runs that were superseded three days ago, compacts small files, "
            "merges manifests, expires old snapshots and removes files that nothing names and "
            "that are older than three days. What is published stays as it is. "
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
    clear = actions.add_parser(
        "clear-day",
        help="take back what is published of a day",
        description=(
            "Takes back what is published of a day, at once. Readers see the other days; another "
            "audit of the day publishes it again."
        ),
    )
    clear.add_argument(
        "--config",
        metavar="FILE",
        default=argparse.SUPPRESS,
        help="settings (default: ./unposed.toml)",
    )
    clear.add_argument("--date", type=day, required=True, metavar="DAY", help="as 2026-01-31")
    clear.add_argument(
        "--reason", type=reason, required=True, metavar="WHO_AND_WHY", help="kept in the table runs"
    )


def run(arguments: argparse.Namespace) -> int:
    """Maintain the warehouse and print what was done to each table, or clear a day."""
    return _clear(arguments) if arguments.action == "clear-day" else _maintain(arguments)


def _clear(arguments: argparse.Namespace) -> int:
    from unposed_jobs import config
    from unposed_jobs.warehouse import Warehouse

    warehouse = Warehouse.open(config.load(arguments.config).warehouse, create=False)
    record = warehouse.clear_day(arguments.date, arguments.reason)
    warehouse.publish_views()
    print(f"cleared {arguments.date}: {record.figures['cleared']} is published no more")
    return 0


def _maintain(arguments: argparse.Namespace) -> int:
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
    table = Table(
        "table", "superseded", "files compacted", "manifests merged", "snapshots expired", "orphans"
    )
    for report in reports:
        compacted = f"{report.compacted_files} into {report.compacted_into}"
        orphans = f"{len(report.orphans)} ({report.orphan_bytes / 2**20:.1f} MiB)"
        table.add_row(
            report.table,
            str(report.superseded_files or "-"),
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
