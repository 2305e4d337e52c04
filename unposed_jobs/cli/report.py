"""Write the picture gallery of a published day: static HTML that opens from a disk.

What was found that day, for people: figures for each category, the vocabulary with examples,
products with their pictures named and their missing poses in order, and what could not be
judged. The same folder may be written again; thumbnails that are there are not made anew.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from unposed_jobs.arguments import day, positive

if TYPE_CHECKING:
    from unposed_jobs.report.build import Progress


def configure(parser: argparse.ArgumentParser) -> None:
    """Add this command's flags."""
    parser.add_argument(
        "--date",
        type=day,
        metavar="DAY",
        help="the audited day, as 2026-01-31 (default: the latest published one)",
    )
    parser.add_argument(
        "--out", metavar="DIR", help="the folder to write (default: gallery in $UNPOSED_HOME)"
    )
    parser.add_argument(
        "--limit",
        type=positive,
        metavar="N",
        help="products that get a card, those that matter most first (default: [gallery] products, "
        "600); the search finds every product",
    )
    parser.add_argument("--products", metavar="URI", help="instead of [catalogue] products")
    parser.add_argument(
        "--images", metavar="URI", help="as given to the audit; its pictures are shown"
    )
    parser.add_argument("--landmarks", metavar="URI", help="instead of [catalogue] landmarks")


def run(arguments: argparse.Namespace) -> int:
    """Build the gallery and print the path of its first page."""
    from unposed_jobs import config

    settings = config.load(
        arguments.config,
        catalogue__products=arguments.products,
        catalogue__images=arguments.images,
        catalogue__landmarks=arguments.landmarks,
    )
    from unposed_jobs.report import build, facts
    from unposed_jobs.sql import statements
    from unposed_jobs.warehouse import Warehouse

    warehouse = statements.Pinned(Warehouse.open(settings.warehouse, create=False))
    run_date = arguments.date or facts.latest_day(warehouse)
    facts.published_day(warehouse, run_date)  # Said before a bar is drawn.
    with _shown() as progress:
        page = build.build(
            warehouse,
            settings,
            run_date,
            arguments.out or config.home() / "gallery",
            limit=arguments.limit,
            progress=progress,
        )
    print(page)
    return 0


@contextmanager
def _shown() -> Iterator[Progress]:
    """Show progress on standard error."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (TextColumn("{task.description:<10}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True)) as bars:
        tasks: dict[str, object] = {}

        def tell(what: str, done: int, of: int) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what, total=of)
            bars.update(tasks[what], completed=done, total=of)  # type: ignore[arg-type]

        yield tell
