"""How a job is started: the same flags and the same errors for Spark jobs and commands."""

from __future__ import annotations

import argparse
import importlib
import logging
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from unposed_jobs.arguments import Parser, add_config, day, positive
from unposed_jobs.errors import UnposedError

if TYPE_CHECKING:
    from unposed_jobs.config import Settings


def say(line: str) -> None:
    """Print a line of progress at once, also where the output is a file."""
    print(line, flush=True)


MAX_AGE = timedelta(hours=36)
"""A day is published some hours after its midnight, and is the last one for 24 more."""
KEEP_DAYS = 7


@dataclass(frozen=True)
class Run:
    """What one run is asked to do."""

    run_date: date
    scope: str = "all"
    """`all` pictures of the day, or those of the `reference` products only."""
    limit: int | None = None
    shard: tuple[int, int] = (1, 1)
    """Extract the k-th of n parts of the pictures."""
    dry_run: bool = False
    keep_days: int = KEEP_DAYS
    """Of snapshots, that maintenance keeps."""
    max_age: timedelta = MAX_AGE
    """Of the last published day."""
    promote_anyway: str = ""
    """Who accepts a candidate that the comparison refuses, and why; empty: nobody does."""
    ask: bool = False
    """Leave a candidate that the comparison refuses to a person."""
    decision: str = ""
    """Of a person about a candidate that waits: ``promote`` or ``reject``."""
    decided_by: str = ""
    """Who that is, and why."""
    accept_changes: str = ""
    """Who accepts a day that changed beyond the bounds of ``[checks]``, and why."""
    progress: Callable[[str], None] = say
    """Takes the job's progress, line by line."""


def _optional_number(text: str) -> int | None:
    return positive(text) if text else None


def _boolean(text: str) -> bool:
    if text.lower() not in {"true", "false"}:
        raise argparse.ArgumentTypeError(f"{text!r} is neither true nor false")
    return text.lower() == "true"


def configure(parser: argparse.ArgumentParser) -> None:
    """The flags of every job. An empty value counts as not given, as schedulers render it."""
    parser.add_argument(
        "--date",
        type=day,
        default=datetime.now(UTC).date(),
        metavar="DAY",
        help="the day, YYYY-MM-DD (default: today, UTC)",
    )
    parser.add_argument("--products", metavar="URI", help="products: CSV, Parquet or iceberg:NAME")
    parser.add_argument("--images", metavar="URI", help="images: CSV, Parquet or iceberg:NAME")
    parser.add_argument(
        "--landmarks",
        metavar="URI",
        help="a table of landmarks from elsewhere, instead of opening pictures; without --products "
        "and --images (and neither configured) it lists those as well",
    )
    parser.add_argument("--estimator", metavar="NAME", help="pose estimator")
    parser.add_argument(
        "--dry-run",
        nargs="?",
        const=True,
        default=False,
        type=_boolean,
        metavar="BOOL",
        help="compute and check, commit nothing",
    )


def add_limit(parser: argparse.ArgumentParser) -> None:
    """The flag of jobs that extract."""
    parser.add_argument(
        "--limit", type=_optional_number, metavar="N", help="extract at most so many pictures"
    )


def add_shard(parser: argparse.ArgumentParser) -> None:
    """The flag of extractions that are done in parts."""
    parser.add_argument(
        "--shard", type=_shard, default=(1, 1), metavar="K/N", help="the k-th of n parts, as 3/8"
    )


def _shard(text: str) -> tuple[int, int]:
    number, slash, of = text.partition("/")
    if not (slash and number.isdecimal() and of.isdecimal() and 1 <= int(number) <= int(of)):
        raise argparse.ArgumentTypeError(f"{text!r} is no part; give K/N, as 3/8")
    return int(number), int(of)


def add_keep_days(parser: argparse.ArgumentParser) -> None:
    """The flag of maintenance."""
    parser.add_argument(
        "--keep-days",
        type=positive,
        default=KEEP_DAYS,
        metavar="N",
        help="keep the snapshots of the last N days, for time travel (default: 7)",
    )


def add_max_age(parser: argparse.ArgumentParser) -> None:
    """The flag of the freshness check."""
    parser.add_argument(
        "--max-age",
        type=_age,
        default=MAX_AGE,
        metavar="AGE",
        help="hours or days since the midnight that the last published day began (default: 36h)",
    )


def _age(text: str) -> timedelta:
    unit = {"h": timedelta(hours=1), "d": timedelta(days=1)}.get(text[-1:])
    if unit is None or not text[:-1].isdecimal() or int(text[:-1]) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no age; give hours or days, as 36h or 2d")
    return int(text[:-1]) * unit


def add_scope(parser: argparse.ArgumentParser) -> None:
    """The flag of jobs that may take the reference products alone."""
    parser.add_argument(
        "--scope", choices=("all", "reference"), default="all", help="which products"
    )


def add_promote_anyway(parser: argparse.ArgumentParser) -> None:
    """The flag of jobs that may promote against the comparison's advice."""
    parser.add_argument(
        "--promote-anyway",
        type=str.strip,
        default="",
        metavar="WHO_AND_WHY",
        help="accept the candidate though the comparison refuses it; the text is kept with the "
        'model, such as "M. Rossi: the autumn range is shot in a new way"',
    )


def add_ask(parser: argparse.ArgumentParser) -> None:
    """The flag of a promotion that a person may decide about."""
    parser.add_argument(
        "--ask",
        nargs="?",
        const=True,
        default=False,
        type=_boolean,
        metavar="BOOL",
        help="leave a candidate that the comparison refuses to a person, instead of rejecting it",
    )


def add_decision(parser: argparse.ArgumentParser) -> None:
    """The flags of what a person decided about a candidate."""
    parser.add_argument(
        "--decision", choices=("promote", "reject"), required=True, help="what was decided"
    )
    parser.add_argument(
        "--decided-by",
        type=_words,
        required=True,
        metavar="WHO_AND_WHY",
        help="kept with the model",
    )


def _words(text: str) -> str:
    if not text.strip():
        raise argparse.ArgumentTypeError("it is to say who decided, and why")
    return text.strip()


def add_accept_changes(parser: argparse.ArgumentParser) -> None:
    """The flag of jobs that may publish a day that changed more than is usual."""
    parser.add_argument(
        "--accept-changes",
        type=str.strip,
        default="",
        metavar="WHO_AND_WHY",
        help="publish the day though it changed beyond the bounds of [checks]; the text is kept "
        'in check_results, such as "M. Rossi: the winter range left the catalogue"',
    )


def settings_of(arguments: argparse.Namespace, **overrides: Any) -> Settings:
    """The settings with the flags of `configure`, and `overrides`, laid over them.

    Raises UnposedError for flags that exclude one another, and as `config.load` does.
    """
    from unposed_jobs import config  # Slow to import: help needs none of it.

    if arguments.landmarks and arguments.estimator:
        raise UnposedError(
            "--landmarks and --estimator exclude each other: with a table of landmarks no picture "
            "is opened"
        )
    return config.load(
        arguments.config,
        catalogue__products=arguments.products or None,
        catalogue__images=arguments.images or None,
        catalogue__landmarks=arguments.landmarks or None,
        pose__estimator=arguments.estimator or None,
        **overrides,
    )


def run_of(arguments: argparse.Namespace, scope: str | None = None) -> Run:
    """The run that the flags ask for."""
    return Run(
        run_date=arguments.date,
        scope=scope or getattr(arguments, "scope", None) or "all",
        limit=getattr(arguments, "limit", None),
        shard=getattr(arguments, "shard", (1, 1)),
        keep_days=getattr(arguments, "keep_days", KEEP_DAYS),
        max_age=getattr(arguments, "max_age", MAX_AGE),
        dry_run=arguments.dry_run,
        promote_anyway=getattr(arguments, "promote_anyway", ""),
        ask=getattr(arguments, "ask", False),
        decision=getattr(arguments, "decision", ""),
        decided_by=getattr(arguments, "decided_by", ""),
        accept_changes=getattr(arguments, "accept_changes", ""),
    )


def local(
    *jobs: str, arguments: argparse.Namespace, scope: str | None = None, **overrides: Any
) -> None:
    """Run jobs, by the names of their modules, one after the other in one session here.

    Each job's ``check(settings)``, where it has one, comes before the first job: what the last
    one would refuse is refused before the work of the others is done. `overrides` are
    ``section__key=value`` settings; None means not given.
    """
    from unposed_jobs.distributed.session import session
    from unposed_jobs.jobs import life

    settings = settings_of(arguments, **overrides)
    modules = [importlib.import_module(f"unposed_jobs.jobs.{name}") for name in jobs]
    for module in modules:
        if hasattr(module, "check"):
            module.check(settings)
    spark = session("unposed")
    run = run_of(arguments, scope)
    try:
        for name, module in zip(jobs, modules, strict=True):
            with life.before(name, settings, run):
                module.run(spark, settings, run)
    finally:
        spark.stop()


def submit(
    name: str,
    run: Callable[[Any, Settings, Run], Any],
    *flags: Callable[[argparse.ArgumentParser], None],
    description: str | None = None,
    needs_spark: bool = True,
) -> int:
    """The whole of a spark-submit entry point; returns the exit status.

    A user's mistake or a refused run ends as one line on standard error.
    """
    parser = Parser(prog=name, description=description)
    parser.set_defaults(config=None)
    add_config(parser)
    configure(parser)
    for add in flags:
        add(parser)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    for chatty in ("py4j", "pyiceberg"):  # They would log every file, and the last line.
        logging.getLogger(chatty).setLevel(logging.WARNING)
    try:
        from unposed_jobs.distributed.session import session
        from unposed_jobs.jobs import life

        settings, asked = settings_of(arguments), run_of(arguments)
        job = run.__module__.rsplit(".", 1)[-1]
        with life.before(job, settings, asked):
            run(session(f"unposed-{name}") if needs_spark else None, settings, asked)
    except UnposedError as error:
        print(f"unposed: {error}", file=sys.stderr)
        return error.exit_code
    return 0
