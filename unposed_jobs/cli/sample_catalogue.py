"""Render a sample catalogue with known truth: products, pictures of drawn figures, odd cases.

Nothing in it is anybody's photograph. The truth of each picture is kept apart, in DIR/truth, and
only `unposed evaluate` reads it. The same --products, --seed, --size and --date give the same
bytes.
"""

from __future__ import annotations

import argparse
from datetime import date
from pathlib import Path

from unposed_jobs.arguments import day, renamed
from unposed_jobs.errors import UnposedError


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's flags."""
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="where to write it")
    parser.add_argument(
        "--products", type=int, default=150, metavar="N", help="how many (default: %(default)s)"
    )
    parser.add_argument(
        "--seed", type=int, default=1, metavar="N", help="another seed, another catalogue"
    )
    parser.add_argument(
        "--workers", type=int, metavar="N", help="processes (default: one for each core)"
    )
    parser.add_argument(
        "--size", type=int, default=640, metavar="PIXELS",
        help="height of the pictures in pixels; they are 0.8 to 1 as wide (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--date", type=day, default=date(2026, 1, 5), metavar="DAY",
        help="the first audited day; a few pictures come and go on the next (default: %(default)s)",
    )  # fmt: skip
    renamed(parser, "--day", "--date", dest="date", type=day)
    parser.add_argument(
        "--parts", action="store_true", help="also write what each pixel shows, below DIR/truth"
    )
    parser.add_argument(
        "--turntables", type=int, default=0, metavar="N",
        help="also videos of the first N products: videos.csv, and each frame's angle in DIR/truth",
    )  # fmt: skip


def run(arguments: argparse.Namespace) -> int:
    """Render it and say what was written. Raises UnposedError without what renders."""
    try:
        from unposed_jobs.lab.sample.writer import SampleSettings, write_sample
    except ModuleNotFoundError as error:
        raise UnposedError(
            f"rendering needs {error.name}; run: pip install 'unposed[lab]'"
        ) from None

    settings = SampleSettings(
        arguments.products, arguments.seed, arguments.size, arguments.date, arguments.parts
    )
    done = write_sample(arguments.out, settings, arguments.workers)
    if arguments.turntables:
        from unposed_jobs.lab.sample.turntables import write_videos

        count = min(max(arguments.turntables, 0), arguments.products)
        write_videos(arguments.out, settings, count)
    print(
        f"{done.products} products, {done.images} pictures ({done.new_next_day} new and "
        f"{done.removed_next_day} gone the next day), {done.rejects} bad rows: {arguments.out}"
    )
    return 0
