"""Write the studio's list of a published day: what closes each gap, by category and view.

DIR/shotlist.csv for whoever plans, DIR/shotlist.html to print. Each gap has the cheapest remedy
that is known - crop, frame, shoot, or make a chart - with its cost, which [remedies] configures.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from unposed_jobs.arguments import day, positive
from unposed_jobs.cli import _pictures
from unposed_jobs.errors import UnposedError

_REMEDIES = ("crop", "frame", "shoot", "make")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's flags."""
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="where to write")
    parser.add_argument(
        "--date", type=day, metavar="YYYY-MM-DD", help="a published day (default: the last one)"
    )
    parser.add_argument(
        "--remedy", choices=_REMEDIES, nargs="+", metavar="R", default=list(_REMEDIES),
        help="only these (default: all)",
    )  # fmt: skip
    parser.add_argument(
        "--top", type=positive, metavar="N", help="of each product the first N gaps (default: all)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Ask, write, say how much it is. Raises UnposedError where no day is published."""
    from unposed_jobs import config, storage
    from unposed_jobs.report import shotlist
    from unposed_jobs.sql import published

    settings = config.load(arguments.config)
    with published.open_views(settings.warehouse) as views:
        days = {row[0] for row in views.sql("SELECT run_date FROM published_days").fetchall()}
        if not days:
            raise UnposedError("no day is published; run: unposed audit")
        when = arguments.date or max(days)
        if when not in days:
            raise UnposedError(f"{when} is not published; the last day is {max(days)}")
        carry, title = settings.catalogue.carry, settings.gallery.title
        bound = [title if title in carry else "", when, arguments.remedy]
        bound += [arguments.top or 0, arguments.top or 0]
        rows = views.sql(shotlist.SQL, params=bound).to_arrow_table().to_pylist()
        listed = shotlist.shots(rows, settings.remedies)
    currency = settings.remedies.currency
    _pictures.write(
        arguments.out / "shotlist.csv", shotlist.to_csv(listed, currency).encode("utf-8-sig")
    )
    page = shotlist.to_html(listed, when, settings.remedies, storage.shown)
    _pictures.write(arguments.out / "shotlist.html", page.encode())
    missing = ", ".join(
        f"{count} {remedy} ({cost:.2f} {currency})"
        for remedy, (count, cost) in shotlist.totals(listed).items()
    )
    print(f"{when}: {missing or 'nothing is missing'}: {arguments.out / 'shotlist.html'}")
    return 0
