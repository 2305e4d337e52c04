"""Ratio 7 (exponent, carried): how the cost of the table stages grows with the number of products,
and with carried columns.

A whole audit over made landmarks: reading the catalogue, embedding, assignment, states, flags,
commits, views. The exponent is the slope of log seconds over log products, once as timed and
once without what an audit of a few products takes, which would hide a growth.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Sequence
from functools import partial

from unposed_jobs.config import PoseSettings
from unposed_jobs.lab.bench import made, rounds, tables
from unposed_jobs.lab.bench.child import Child
from unposed_jobs.lab.bench.results import Measured, Result, Target, number, quotients, spread

CARRIED = (
    "7 carried",
    f"table stages: {len(made.FURTHER)} carried columns over none",
    Target("at_most", 1.15),
)
EXPONENT = ("7 exponent", "table stages: cost exponent over products", Target("at_most", 1.02))


def measure(
    sizes: Sequence[int], few: int, pose: PoseSettings, cores: int, count: int
) -> list[Result]:
    """The exponent over `sizes`, each audited `count` times; `few` tells the fixed cost."""
    every = sorted({few, *sizes})
    with (
        tempfile.TemporaryDirectory() as root,
        Child(tables.MadeCatalogues, root, pose, cores) as child,
    ):
        weights = {products: child.call("make", products) for products in every}
        child.call("audit", few)  # The first audit of a session also loads and compiles.
        sides = {str(products): partial(child.call, "audit", products) for products in every}
        sides["carried"] = partial(child.call, "audit", max(sizes), True)
        taken = rounds.turns(sides, count)
    seconds = {products: [turn["seconds"] for turn in taken[str(products)]] for products in every}
    fixed = spread(seconds[few])[1]
    small, large = min(sizes), max(sizes)
    with_fixed = [
        slope(sizes, [seconds[products][turn] for products in sizes]) for turn in range(count)
    ]
    without = [
        # A few products are not none: their own share is taken off the fixed cost.
        slope(sizes, _above(sizes, [seconds[products][turn] for products in sizes], few, fixed))
        for turn in range(count)
    ]
    return [
        Result(
            *EXPONENT,
            Measured(f"{large:,} products", "s", seconds[large]),
            Measured(f"{small:,} products", "s", seconds[small]),
            without,
            figures={
                "seconds": {str(products): found for products, found in seconds.items()},
                "exponent_as_timed": with_fixed,
                "fixed_seconds": fixed,
                "tables": {str(products): found for products, found in weights.items()},
                "pictures_a_product": made.PICTURES,
                "figures": taken[str(large)][-1]["figures"],
            },
            notes=[
                f"without the fixed cost of an audit ({fixed:.2f} s at {few} products); as timed "
                f"{number(spread(with_fixed)[1])}; {made.PICTURES} pictures a product"
            ],
        ),
        _carried(large, seconds[large], [turn["seconds"] for turn in taken["carried"]]),
    ]


def _carried(products: int, without: list[float], carried: list[float]) -> Result:
    ours = Measured(f"{products:,} products, carried columns", "s", carried)
    reference = Measured(f"{products:,} products", "s", without)
    note = "the same source, of which the columns are read either way"
    return Result(*CARRIED, ours, reference, quotients(ours, reference), notes=[note])


def _above(
    sizes: Sequence[int], seconds: Sequence[float], few: int, few_seconds: float
) -> list[float]:
    """Seconds above the fixed cost, the line through `few` and the largest size continued to 0."""
    each = (seconds[-1] - few_seconds) / (sizes[-1] - few)
    fixed = few_seconds - few * max(0.0, each)
    # Never nothing: the logarithm of a figure below the noise would say anything.
    return [max(value - fixed, 1e-3) for value in seconds]


def slope(sizes: Sequence[int], seconds: Sequence[float]) -> float:
    """Least-squares slope of log seconds over log size."""
    xs, ys = [math.log(value) for value in sizes], [math.log(value) for value in seconds]
    x, y = sum(xs) / len(xs), sum(ys) / len(ys)
    return sum((a - x) * (b - y) for a, b in zip(xs, ys, strict=True)) / sum(
        (a - x) ** 2 for a in xs
    )
