"""Which order the audit uses: the learned one, if it beats the plain one, else the plain one."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
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


@dataclass(frozen=True)
class PoseOrder:
    """Both orders, which of them is used, and why.

    `used` is "lightgbm" or "frequency"; `figures` go into the model's metrics.
    """

    frequency: CohortFrequency
    base: CohortFrequency
    """The shrunk frequency that the learned order starts from, in units of importance."""
    ranker: Ranker
    used: str
    figures: dict[str, Any]

    def score(self, products: Attributes, cohort_attributes: tuple[str, ...]) -> Floats:
        """(N, P) by the order that is used; larger matters more."""
        cohorts = list(zip(*(products[n] for n in cohort_attributes), strict=True))
        if self.used == LEARNED:
            return self.base.score(cohorts) + self.ranker.score(products)
        return self.frequency.score(cohorts)


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
    cohorts = list(zip(*(products[name] for name in cohort_attributes), strict=True))
    plain = frequency.fit(cohorts, shows)
    base, learned = _learn(products, cohorts, shows, popularity, seed)
    used, figures = _decide(products, cohorts, shows, popularity, seed)
    return PoseOrder(plain, base, learned, used, figures)


def _learn(
    products: Attributes, cohorts: list, shows: Bool, popularity: Floats, seed: int
) -> tuple[CohortFrequency, Ranker]:
    """The shrunk frequency, times the mean popularity, and what LightGBM adds to it."""
    level = float(np.mean(popularity)) if len(popularity) else 0.0
    base = frequency.fit(cohorts, shows, frequency.SHRINKAGE)
    base = dataclasses.replace(base, share=level * base.share)
    # A product's own pictures must not speak for themselves.
    known = level * frequency.of_others(cohorts, shows)
    return base, ranker.fit(products, shows, popularity, seed, known)


def _decide(
    products: Attributes, cohorts: list, shows: Bool, popularity: Floats, seed: int
) -> tuple[str, dict[str, Any]]:
    judged = shows.any(axis=1) & ~shows.all(axis=1)
    if len(shows) < MIN_PRODUCTS or judged.sum() < MIN_PRODUCTS or shows.shape[1] < 2:
        reason = f"fewer than {MIN_PRODUCTS} products show some poses and not others"
        return FREQUENCY, {"order": FREQUENCY, "order_reason": reason}
    from sklearn.model_selection import KFold  # Training only: slow to import.

    scores = {
        LEARNED: np.zeros(shows.shape),
        FREQUENCY: np.zeros(shows.shape),
        "random": np.zeros(shows.shape),
    }
    for train, test in KFold(FOLDS, shuffle=True, random_state=seed % 2**31).split(shows):
        held = {name: [values[row] for row in test] for name, values in products.items()}
        kept = {name: [values[row] for row in train] for name, values in products.items()}
        known = [cohorts[row] for row in train]
        asked = [cohorts[row] for row in test]
        base, learned = _learn(kept, known, shows[train], popularity[train], seed)
        scores[LEARNED][test] = base.score(asked) + learned.score(held)
        scores[FREQUENCY][test] = frequency.fit(known, shows[train]).score(asked)
    figures: dict[str, Any] = {
        # Equal scores are averaged over their orders: "random" is the expectation exactly.
        f"ndcg@{k}_{name}": round(float(_ndcg(shows[judged], score[judged], k).mean()), 4)
        for name, score in scores.items()
        for k in CUTOFFS
    }
    gain = _ndcg(shows[judged], scores[LEARNED][judged], CUTOFFS[-1]) - _ndcg(
        shows[judged], scores[FREQUENCY][judged], CUTOFFS[-1]
    )
    drawn = np.random.default_rng(seed).integers(0, len(gain), (DRAWS, len(gain)))
    low, high = np.quantile(gain[drawn].mean(axis=1), [DOUBT, 1 - DOUBT])
    used = LEARNED if low > 0 else FREQUENCY
    comparison = "exceeds" if used == LEARNED else "does not surely exceed"
    figures |= {
        "order": used,
        "order_gain": [round(float(value), 4) for value in (gain.mean(), low, high)],
        "order_reason": f"the learned order {comparison} cohort frequency: "
        f"{gain.mean():+.4f} ({low:+.4f} to {high:+.4f}) NDCG@{CUTOFFS[-1]} on "
        f"{len(gain)} held-out products",
    }
    return used, figures


def _ndcg(shows: Bool, score: Floats, k: int) -> Floats:
    from sklearn.metrics import ndcg_score

    return np.array(
        [
            ndcg_score(truth[None].astype(float), row[None], k=k)
            for truth, row in zip(shows, score, strict=True)
        ]
    )
