"""Measure the accuracy of the poses against truth, beside baselines and with intervals.

Two data sets are judged, each where it is there. The sample catalogue: what the warehouse says of
its pictures against the truth that was kept apart when it was rendered. The In-shop photographs:
people's pose labels on landmarks of real pictures, grouped without a label, named on other
products and judged on the rest. Every figure stands beside a random and a constant labeller and
has a 95 % interval, a bootstrap over products.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from unposed_jobs.arguments import positive
from unposed_jobs.errors import UnposedError

INSHOP = "../shared/data/inshop"
WIDTH = 120
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
        "--inshop",
        metavar="DIR",
        help=f"folder of the In-shop tables (default: {INSHOP}, where it is there)",
    )
    parser.add_argument(
        "--clusters",
        type=positive,
        nargs="+",
        default=[8],
        metavar="K",
        help="pose classes to try on the In-shop photographs (default: 8)",
    )
    parser.add_argument(
        "--repeats",
        type=positive,
        default=2,
        metavar="N",
        help="repeated splits by product (default: 2)",
    )
    parser.add_argument("--seed", type=int, default=0, help="of splits and draws (default: 0)")
    parser.add_argument("--json", metavar="FILE", help="also write every figure to FILE")
    parser.add_argument("--mistakes", action="store_true", help="list the worst mistakes")


def run(arguments: argparse.Namespace) -> int:
    """Judge what is there; raises UnposedError where nothing is."""
    from rich.console import Console
    from threadpoolctl import threadpool_limits

    from unposed_jobs import config
    from unposed_jobs.evaluation import inshop, printing, sample, summary

    settings = config.load(arguments.config)
    console = Console()
    if not console.is_terminal:
        console = Console(width=WIDTH)
    errors = Console(stderr=True)
    entries: list[summary.Entry] = []
    absent: list[str] = []
    # Arrays this small are slower on many threads than on one.
    with errors.status("evaluating") as status, threadpool_limits(limits=1):
        try:
            folder = arguments.sample or sample.default_folder(settings)
            entries += sample.evaluate(
                folder,
                settings,
                repeats=arguments.repeats,
                seed=arguments.seed,
                progress=status.update,
            )
        except sample.NothingToJudgeError as error:
            if arguments.sample:
                raise
            absent.append(f"sample catalogue: not judged; {error}")
        photographs = Path(arguments.inshop or INSHOP)
        if arguments.inshop or photographs.is_dir():
            entries += inshop.evaluate(
                photographs,
                clusters=arguments.clusters,
                repeats=arguments.repeats,
                seed=arguments.seed,
                progress=status.update,
            )
        else:
            absent.append(
                f"In-shop photographs: not judged; no folder {photographs}, name it with --inshop"
            )
    printing.print_entries(entries, console, mistakes=arguments.mistakes)
    for line in absent:
        console.print(line, markup=False)
    if not entries:
        raise UnposedError("there is nothing to evaluate: " + "; ".join(absent))
    if arguments.json:
        facts = {
            "seed": arguments.seed,
            "repeats": arguments.repeats,
            "clusters": arguments.clusters,
            "absent": absent,
        }
        _write_json(arguments.json, summary.as_json(entries, **facts))
    return 0


def _write_json(path: str, content: dict[str, Any]) -> None:
    try:
        Path(path).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise UnposedError(f"cannot write {path}: {error.strerror}") from None
