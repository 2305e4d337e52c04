"""Measure the accuracy of the poses against truth, with baselines and intervals.

Four data sets are judged, each where it is there. The sample catalogue: what the warehouse has
of its pictures against the truth that was kept apart when it was rendered. The In-shop
photographs: people's pose labels on landmarks of real pictures, grouped without a label, named on
other products and judged on the rest. Real pictures with and without people: is somebody found?
Real listings: where does the order put a view that was hidden?
Every figure is shown with a labeller that sees no picture, and with a 95 % interval, a bootstrap
over products.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unposed_jobs.arguments import positive
from unposed_jobs.errors import UnposedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from unposed_jobs.config import Settings
    from unposed_jobs.lab.evaluation.summary import Entry

DATA = "../shared/data"
VARIABLE = "UNPOSED_EVALUATION_DATA"
WIDTH = 140
"""Columns where the output is no terminal."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add this command's flags."""
    parser.add_argument(
        "--sample",
        metavar="DIR",
        help="the sample catalogue's folder, which holds truth/ "
        "(default: the folder of the configured catalogue)",
    )
    parser.add_argument(
        "--data",
        metavar="DIR",
        help="folder of real data: inshop/ with the In-shop tables, flatlay/, coco-empty/ and "
        f"coco-people/ with pictures, catalogue/ with listings (default: ${VARIABLE}, else {DATA}, "
        "where it is there)",
    )
    parser.add_argument(
        "--clusters",
        type=positive,
        nargs="+",
        default=[8, 12, 16],
        metavar="K",
        help="pose classes to try on the In-shop photographs; the first is reported in most detail "
        "(default: 8 12 16)",
    )
    parser.add_argument(
        "--repeats",
        type=positive,
        default=2,
        metavar="N",
        help="repeated splits by product (default: 2)",
    )
    parser.add_argument(
        "--seed", type=int, default=0, metavar="N", help="of splits and draws (default: 0)"
    )
    parser.add_argument("--json", metavar="FILE", help="also write every figure to FILE")
    parser.add_argument("--card", metavar="FILE", help="also write the model card to FILE")
    parser.add_argument(
        "--report",
        metavar="DIR",
        help="also write a page with the confusion matrix and the worst mistakes' pictures",
    )
    parser.add_argument("--mistakes", action="store_true", help="list the worst mistakes")


def run(arguments: argparse.Namespace) -> int:
    """Judge what is there; raises UnposedError where nothing is."""
    from rich.console import Console
    from threadpoolctl import threadpool_limits

    from unposed_jobs import config
    from unposed_jobs.lab.evaluation import labelled, printing, summary, versions

    settings = config.load(arguments.config)
    console = Console()
    if not console.is_terminal:
        console = Console(width=WIDTH)
    absent: list[str] = []
    # Arrays this small are slower on many threads than on one.
    with _progress() as progress, threadpool_limits(limits=1):
        folder, entries = _sample(arguments, settings, absent, progress)
        entries += _real(arguments, settings, absent, progress)
    printing.print_entries(entries, console, mistakes=arguments.mistakes)
    by_people = None
    try:
        by_people = labelled.judge(settings, arguments.seed)
    except UnposedError as error:
        absent.append(f"pictures that people labelled: not judged; {error}")
    if by_people:
        console.print(labelled.line(by_people), markup=False)
    for line in absent:
        console.print(line, markup=False)
    if not entries:
        raise UnposedError("there is nothing to evaluate: " + "; ".join(absent))
    facts = {
        "seed": arguments.seed,
        "repeats": arguments.repeats,
        "clusters": arguments.clusters,
        "absent": absent,
        "labelled": by_people,
        **versions.facts(folder, settings),
    }
    for line in _written(arguments, entries, summary.as_json(entries, **facts), folder, settings):
        console.print(line, markup=False)
    return 0


def _sample(
    arguments: argparse.Namespace,
    settings: Settings,
    absent: list[str],
    progress: Callable[[str], None],
) -> tuple[str | None, list[Entry]]:
    """The sample catalogue's folder and what is judged on it; why not goes to `absent`."""
    from unposed_jobs.lab.evaluation import sample

    try:
        folder = arguments.sample or sample.default_folder(settings)
        return folder, sample.evaluate(
            folder, settings, repeats=arguments.repeats, seed=arguments.seed, progress=progress
        )
    except sample.NothingToJudgeError as error:
        if arguments.sample:
            raise
        absent.append(f"sample catalogue: not judged; {error}")
        return None, []


def _written(
    arguments: argparse.Namespace,
    entries: list[Entry],
    content: dict[str, Any],
    folder: str | None,
    settings: Settings,
) -> Iterator[str]:
    """Write the files that were asked for; yields a line for each that people read."""
    from unposed_jobs.lab.evaluation import card, report

    if arguments.json:
        _write(arguments.json, json.dumps(content, indent=1) + "\n")
    if arguments.card:
        _write(arguments.card, card.render(content))
        yield f"model card: {arguments.card}"
    if arguments.report and folder is not None:
        yield f"report: {report.write(entries, folder, settings, arguments.report)}"


def _real(
    arguments: argparse.Namespace,
    settings: Settings,
    absent: list[str],
    progress: Callable[[str], None],
) -> list[Entry]:
    """What is judged on real data; why not goes to `absent`."""
    from unposed_jobs.lab.evaluation import (
        inshop,
        inshop_flags,
        inshop_readings,
        kinds,
        listings,
        people,
    )

    named = arguments.data or os.environ.get(VARIABLE)
    data = Path(named or DATA)
    if not data.is_dir():
        if named:
            raise UnposedError(f"no folder {data}; name the folder of real data with --data")
        absent.append(
            f"In-shop photographs, real pictures, real listings: not judged; no folder {data}, "
            f"name it with --data or ${VARIABLE}"
        )
        return []
    entries: list[Entry] = []
    if (data / "inshop").is_dir():
        entries += inshop.evaluate(
            data / "inshop",
            clusters=arguments.clusters,
            repeats=arguments.repeats,
            seed=arguments.seed,
            progress=progress,
        )
        for judged in (inshop_flags, inshop_readings):
            entries += judged.evaluate(data / "inshop", seed=arguments.seed, progress=progress)
    else:
        absent.append("In-shop photographs: not judged; the folder of real data has no inshop/")
    looked = people.look(data, settings.pose, progress=progress)
    pictures = people.real(looked, seed=arguments.seed)
    if pictures:
        pictures += kinds.real(looked, settings, arguments.seed)
    else:
        absent.append(
            f"real pictures: not judged; none in {', '.join(people.FOLDERS)} of the real data"
        )
    entries += pictures
    if listings.there(data / "catalogue"):
        entries += listings.evaluate(
            data / "catalogue", repeats=arguments.repeats, seed=arguments.seed, progress=progress
        )
    else:
        absent.append(
            f"real listings: not judged; the real data has no catalogue/{listings.PRODUCTS} with "
            f"{listings.IMAGES}"
        )
    return entries


@contextmanager
def _progress() -> Iterator[Callable[[str], None]]:
    """What is being done, on standard error: one line that changes, or lines where it cannot."""
    from rich.console import Console

    errors = Console(stderr=True)
    if not errors.is_terminal:
        yield lambda message: errors.print(message, markup=False, highlight=False)
        return
    with errors.status("evaluating") as status:
        yield status.update


def _write(path: str, text: str) -> None:
    try:
        Path(path).write_text(text, encoding="utf-8")
    except OSError as error:
        raise UnposedError(f"cannot write {path}: {error.strerror}") from None
