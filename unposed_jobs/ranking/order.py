"""Which order the audit uses: the learned one, if it beats the plain one, else the plain one.

The plain order is the cohort's frequency, drawn to the coarser cohorts' (`frequency.SHRINKAGE`).
In a cohort of a dozen products several poses are shown by all of them, or by equally many; the
coarser cohort separates those. On real listings that beats bare counting and a learned order
(`evaluation.listings`); so bare counting is no rival to judge a learned order by.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from unposed_jobs.ranking import frequency, ranker
from unposed_jobs.ranking.frequency import CohortFrequency
from unposed_jobs.ranking.ranker import Attributes, Bool, Floats, Ranker

FOLDS = 5
CUTOFFS = (3, 5)
MIN_PRODUCTS = 20
"""With fewer, nothing can be held out."""
DRAWS = 2_000
DOUBT = 0.025
LEARNED, FREQUENCY = "lightgbm", "frequency"
PLAINLY = "ordered by how often their cohort shows them"


@dataclass(frozen=True)
class PoseOrder:
    """Both orders, which of them is used, and why.

    `used` is "lightgbm" or "frequency"; `figures` go into the model's metrics.
    """

    frequency: CohortFrequency
    """As counted: the shares of the cohort's table."""
    shrunk: CohortFrequency
    """The plain order; the learned one starts from it."""
    popularity: float
    """Mean of the products learned from: turns a share into an importance."""
    ranker: Ranker
    used: str
    figures: dict[str, Any]

    def score(
        self, products: Attributes, cohort_attributes: tuple[str, ...], by: str | None = None
    ) -> Floats:
        """(N, P) by the order that is used, or the one named; larger matters more."""
        count = len(next(iter(products.values()), ()))
        plain = self.shrunk.score(frequency.cohorts_of(products, cohort_attributes, count))
        if (by or self.used) == LEARNED:
            return self.popularity * plain + self.ranker.score(products)
        return plain


def learn(
    products: Attributes,
    cohort_attributes: tuple[str, ...],
    shows: Bool,
    popularity: Floats,
    seed: int,
) -> PoseOrder:
    """Learn both orders from N products and decide between them on held-out products.

    `products` by attribute; `cohort_attributes` are those that define a cohort, coarsest first;
    `shows` (N, P); `popularity` (N,). The learned order is used where its NDCG@5 for the poses
    that held-out products show exceeds the plain order's for certain: the paired bootstrap over
    products leaves a difference of 0 or less in `DOUBT` of the draws at most.
    """
    used, figures = _decide(products, cohort_attributes, shows, popularity, seed)
    fitted = fit(products, cohort_attributes, shows, popularity, seed)
    return replace(fitted, used=used, figures=figures)


def fit(
    products: Attributes,
    cohort_attributes: tuple[str, ...],
    shows: Bool,
    popularity: Floats,
    seed: int,
) -> PoseOrder:
    """Both orders, as `learn`, without judging them: `used` is the learned one, no figures."""
    cohorts = frequency.cohorts_of(products, cohort_attributes, len(popularity))
    level = float(np.mean(popularity)) if len(popularity) else 0.0
    # A product's own pictures must not speak for themselves.
    known = level * frequency.of_others(cohorts, shows)
    return PoseOrder(
        frequency.fit(cohorts, shows),
        frequency.fit(cohorts, shows, frequency.SHRINKAGE),
        level,
        ranker.fit(products, shows, popularity, seed, known),
        LEARNED,
        {},
    )


def _decide(
    products: Attributes,
    cohort_attributes: tuple[str, ...],
    shows: Bool,
    popularity: Floats,
    seed: int,
) -> tuple[str, dict[str, Any]]:
    judged = shows.any(axis=1) & ~shows.all(axis=1)
    if len(shows) < MIN_PRODUCTS or judged.sum() < MIN_PRODUCTS or shows.shape[1] < 2:
        reason = (
            f"{PLAINLY} (too few products show some poses and not others to judge a learned one)"
        )
        return FREQUENCY, {"order": FREQUENCY, "order_reason": reason}
    # Training only: slow to import.
    from sklearn.metrics import ndcg_score
    from sklearn.model_selection import KFold

    scores = {name: np.zeros(shows.shape) for name in (LEARNED, FREQUENCY, "random")}
    for train, test in KFold(FOLDS, shuffle=True, random_state=seed % 2**31).split(shows):
        held, kept = part(products, test), part(products, train)
        fitted = fit(kept, cohort_attributes, shows[train], popularity[train], seed)
        for name in (LEARNED, FREQUENCY):
            scores[name][test] = fitted.score(held, cohort_attributes, name)
    figures: dict[str, Any] = {
        # Equal scores are averaged over their orders: "random" is the expectation exactly.
        f"ndcg@{k}_{name}": round(ndcg_score(shows[judged].astype(float), score[judged], k=k), 4)
        for name, score in scores.items()
        for k in CUTOFFS
    }
    of_each = {
        name: _ndcg(shows[judged], scores[name][judged], CUTOFFS[-1])
        for name in (LEARNED, FREQUENCY)
    }
    gain = of_each[LEARNED] - of_each[FREQUENCY]
    drawn = np.random.default_rng(seed).integers(0, len(gain), (DRAWS, len(gain)))
    low, high = np.quantile(gain[drawn].mean(axis=1), [DOUBT, 1 - DOUBT])
    used = LEARNED if low > 0 else FREQUENCY
    figures |= {
        "order": used,
        "order_gain": [round(float(value), 4) for value in (gain.mean(), low, high)],
        "order_reason": _reason(gain, low, high),
    }
    return used, figures


def part(products: Attributes, rows: Iterable[int]) -> Attributes:
    """The attributes of some products."""
    chosen = list(rows)
    return {name: [values[row] for row in chosen] for name, values in products.items()}


def _reason(gain: Floats, low: float, high: float) -> str:
    figures = (
        f"NDCG@{CUTOFFS[-1]} difference {gain.mean():+.3f}, 95 % interval {low:+.3f} to "
        f"{high:+.3f}, on {len(gain)} held-out products"
    )
    if low > 0:
        return f"in a learned order (better than by how often their cohort shows them: {figures})"
    return f"{PLAINLY} (a learned order was {'worse' if high < 0 else 'no better'}: {figures})"


def _ndcg(shows: Bool, score: Floats, k: int) -> Floats:
    """NDCG@k of each product; scikit-learn's own function averages them."""
    from sklearn.metrics import ndcg_score

    return np.array(
        [
            ndcg_score(truth[None].astype(float), row[None], k=k)
            for truth, row in zip(shows, score, strict=True)
        ]
    )
