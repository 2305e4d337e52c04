"""Learn the poses and their order from the popular products, and promote the model.

Extracts what the reference products' pictures lack, trains a candidate, and makes it the champion
if it is no worse than today's.
"""

from __future__ import annotations

import argparse

from unposed_jobs.errors import UnposedError
from unposed_jobs.jobs import entry


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's flags."""
    entry.configure(parser)
    entry.add_limit(parser)
    parser.add_argument("--top-k", type=int, metavar="K", help="products in the reference set")
    parser.add_argument(
        "--min-pictures", type=int, metavar="N", help="least pictures of a reference product"
    )
    parser.add_argument("--clusters", type=int, metavar="K", help="pose classes (0: chosen)")
    entry.add_promote_anyway(parser)
    parser.add_argument("--no-promote", action="store_true", help="leave the candidate a candidate")


def run(arguments: argparse.Namespace) -> None:
    """Run the jobs of the weekly training on this machine.

    Raises UnposedError for flags that contradict each other.
    """
    if arguments.no_promote and arguments.promote_anyway:
        raise UnposedError("--no-promote and --promote-anyway exclude each other; give one of them")
    jobs = ["extract", "train"] if arguments.no_promote else ["extract", "train", "promote"]
    entry.local(
        *jobs,
        arguments=arguments,
        scope="reference",
        training__top_k=arguments.top_k,
        training__min_pictures=arguments.min_pictures,
        training__clusters=arguments.clusters,
    )
