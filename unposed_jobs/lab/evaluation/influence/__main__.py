"""``python -m unposed_jobs.lab.evaluation.influence``: prints what the estimates are worth.

Simulated shops, each with a seed; real listings where --data is.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from datetime import date
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.table import Table

from unposed_jobs.errors import UnposedError
from unposed_jobs.lab.evaluation.influence import figures, real, trials
from unposed_jobs.lab.evaluation.influence.figures import Figure
from unposed_jobs.lab.evaluation.influence.simulate import Shop
from unposed_jobs.lab.evaluation.influence.trials import Outcome

PRODUCTS = 2_500
CONFOUNDING = 0.8
DRIFT = 0.02
SIZES = (500, 1_000, 1_700, 3_000, 6_000)


def main(arguments: Sequence[str] | None = None) -> int:
    """Simulate, estimate, print; 2 where something is missing."""
    parser = argparse.ArgumentParser(prog="python -m unposed_jobs.lab.evaluation.influence")
    parser.add_argument("--seed", type=int, default=300, help="of the first shop (300)")
    parser.add_argument("--shops", type=int, default=200, help="of each kind (200)")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--data", type=Path, help="folder of real listings")
    parser.add_argument("--json", type=Path, help="also write the figures")
    given = parser.parse_args(arguments)
    try:
        with multiprocessing.get_context("spawn").Pool(given.processes) as pool:
            found = evaluate(given, pool.map)
        said = real.said(given.data) if given.data and real.there(given.data) else []
    except UnposedError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    _print(found)
    for line in said:
        print(f"- {line}")
    if given.json:
        shown = [asdict(one) | {"asked": one.asked, "holds": one.holds} for one in found]
        content = {"notes": _notes(given), "figures": shown, "listings": said}
        given.json.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")
    return 0


def _notes(given: argparse.Namespace) -> list[str]:
    """What the figures are of."""
    some, products = max(1, given.shops // 4), f"{PRODUCTS:,}"
    return [
        f"shops of seeds {given.seed} to {given.seed + given.shops - 1}, of {products} products "
        "each where nothing else is said",
        f"those that drift, rivals and sizes: {some} shops each",
        f"{date.today()}",
    ]


Map = Callable[[Callable[[int], list[Outcome]], Sequence[int]], list[list[Outcome]]]


def evaluate(given: argparse.Namespace, over: Map) -> list[Figure]:
    """All figures; `over` maps a trial over the seeds."""

    def run(
        trial: Callable[..., list[Outcome]], shop: Shop, shops: int, **options: bool
    ) -> list[Outcome]:
        seeds = range(given.seed, given.seed + shops)
        return [one for own in over(partial(trial, shop, **options), seeds) for one in own]

    some = max(1, given.shops // 4)
    fair, liked = Shop(PRODUCTS), Shop(PRODUCTS, confounding=CONFOUNDING)
    _say(f"{given.shops} shops whose pictures have nothing to do with liking")
    found = figures.judged("regression", run(trials.cross_section, fair, given.shops), 0.10)
    nothing = run(trials.cross_section, trials.without_effects(fair), given.shops)
    found.append(
        figures.false_discoveries("regression: anything told where all is 0", nothing, most=0.05)
    )
    _say(f"{given.shops} shops whose liked products have more pictures")
    both = run(trials.history, liked, given.shops)
    plain = figures.of_method(both, trials.REGRESSION)
    after = figures.of_method(both, trials.DIFFERENCES)
    found.append(figures.bias("confounded, regression: bias of 9 %, as a share of it", plain))
    found += figures.judged("confounded, differences", after, 0.15)
    found.append(figures.effects("confounded, differences: 9 % is called an effect", after))
    found.append(
        figures.wrong_effects("confounded, differences: nothing is called an effect", after, 0.05)
    )
    _say(f"{some} shops whose liked products also grow")
    drifting = run(trials.history, replace(liked, drift=DRIFT), some)
    own = figures.of_method(drifting, trials.DIFFERENCES)
    found.append(figures.bias("drifting, differences: bias of 9 %, as a share of it", own))
    found.append(figures.wrong_effects("drifting: nothing is called an effect", own))
    return found + rivals(run, some) + curve(run, some)


def rivals(run: Callable[..., list[Outcome]], shops: int) -> list[Figure]:
    """The ways not taken, beside the ones taken, on the same shops."""
    found = []
    fair = run(trials.cross_section, Shop(PRODUCTS), shops, rivals=True)
    slow = Shop(PRODUCTS, confounding=CONFOUNDING, delay=6)
    staggered = run(trials.history, slow, shops, rivals=True)
    for words, outcomes, methods in (
        ("not confounded, ", fair, (trials.REGRESSION, trials.RIDGE, trials.MIXED)),
        ("effects that grow for 6 weeks, ", staggered, (trials.DIFFERENCES, trials.TWO_WAY)),
    ):
        for method in methods:
            own = figures.of_method(outcomes, method)
            found.append(figures.bias(f"{words}{method}: bias of 9 %, as a share of it", own))
            found.append(figures.coverage(f"{words}{method}", own)[0])
    return [replace(one, least=None, most=None) for one in found]


def curve(run: Callable[..., list[Outcome]], shops: int) -> list[Figure]:
    """How often the 9 % is found, by number of products."""
    found = []
    for size in SIZES:
        _say(f"power with {size} products")
        one_day = run(trials.cross_section, Shop(size), shops)
        half_year = run(trials.history, Shop(size, confounding=CONFOUNDING), shops)
        after = figures.of_method(half_year, trials.DIFFERENCES)
        found.append(figures.power(f"{size:,} products, regression: 9 % is found", one_day))
        found.append(figures.power(f"{size:,} products, differences: 9 % is found", after))
    return found


def _print(found: Sequence[Figure]) -> None:
    console = Console()
    if not console.is_terminal:
        console = Console(width=120)
    table = Table("figure", "shops", "value", "95 %", "asked", "", box=None)
    for one in found:
        verdict = {None: "", True: "yes", False: "NO"}[one.holds]
        span = f"{one.low:.3f}-{one.high:.3f}"
        table.add_row(one.title, str(one.shops), f"{one.value:.3f}", span, one.asked, verdict)
    console.print(table, markup=False)


def _say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
