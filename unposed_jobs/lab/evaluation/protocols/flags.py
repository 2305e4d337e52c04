"""Are the published flags right, and do they hold still?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from unposed_jobs.lab.evaluation import bootstrap
from unposed_jobs.lab.evaluation.bootstrap import Interval
from unposed_jobs.lab.evaluation.coding import RANDOM_DRAWS
from unposed_jobs.lab.evaluation.protocols.result import CONSTANT, RANDOM, Result

Bool = npt.NDArray[np.bool_]


def published_flags(
    missing: npt.ArrayLike,
    flagged: npt.ArrayLike,
    asked: npt.ArrayLike,
    *,
    unassessable: npt.ArrayLike | None = None,
    pictures: int = 0,
    seed: int = 0,
    notes: Sequence[str] = (),
) -> Result:
    """Are the labels that a product lacks flagged, and no others? As an editor reads the flags.

    One decision for each product and label where `asked`; `missing` (G, L) is the truth, `flagged`
    and `asked` (R, G, L) are those of R repeats, whose figures are averaged; `unassessable` (R, G)
    the products about which nothing is said. `recall` and `precision` are of the flags,
    `false_alarms` the share of the labels shown that are flagged, `products_alarmed` of the
    products with any such. The constant labeller flags everything, the random one as many.
    """
    truth = np.asarray(missing, dtype=bool)
    guess, wanted = np.asarray(flagged, dtype=bool), np.asarray(asked, dtype=bool)
    silent = np.zeros(guess.shape[:2]) if unassessable is None else np.asarray(unassessable)

    def figures(flags: Bool, scope: Bool, unsaid: npt.ArrayLike) -> dict[str, Interval]:
        def count(chosen: Bool) -> npt.NDArray[np.float64]:
            return (chosen & scope).sum(axis=-1).T.astype(np.float64)

        right, wrong = count(flags & truth), count(flags & ~truth)
        one = np.ones((guess.shape[1], 1))
        return {
            "recall": bootstrap.ratio(right, count(truth[None]), seed=seed),
            "precision": bootstrap.ratio(right, right + wrong, seed=seed),
            "false_alarms": bootstrap.ratio(wrong, count(~truth[None]), seed=seed),
            "products_alarmed": bootstrap.ratio(wrong > 0, one, seed=seed),
            "unassessable": bootstrap.ratio(np.asarray(unsaid, dtype=float).T, one, seed=seed),
        }

    rate = guess[wanted].mean() if wanted.any() else 0.0
    times = -(-RANDOM_DRAWS // len(guess))
    drawn = np.tile(wanted, (times, 1, 1))
    draws = np.random.default_rng(seed).random(drawn.shape) < rate
    spoken = np.zeros((1, guess.shape[1]))
    return Result(
        "published_flags",
        figures(guess, wanted, silent),
        {
            RANDOM: figures(draws, drawn, spoken),
            CONSTANT: figures(np.ones_like(wanted), wanted, spoken),
        },
        pictures,
        guess.shape[1],
        notes=tuple(notes),
    )


def flip_rate(
    first: npt.ArrayLike, second: npt.ArrayLike, *, pictures: int = 0, seed: int = 0
) -> Result:
    """Share of flags that differ between two trainings though no picture changed.

    `first` and `second` (P, L) or (R, P, L): missing or not, for the same products and the same
    (matched) poses. `chance` is what two independent labellers with the same share of flags
    would reach: 1 - (p q + (1 - p)(1 - q)).
    """
    one, two = (np.asarray(part, dtype=bool) for part in (first, second))
    if one.ndim == 2:
        one, two = one[None], two[None]
    differ = (one != two).sum(axis=-1).T
    pairs = np.full(differ.shape, one.shape[-1])
    p, q = one.mean(), two.mean()
    chance = float(p + q - 2 * p * q)
    return Result(
        "flip_rate",
        {"flip_rate": bootstrap.ratio(differ, pairs, seed=seed)},
        {"independent flags": {"flip_rate": Interval(chance, float("nan"), float("nan"))}},
        pictures,
        one.shape[1],
    )
