"""Which order the audit uses: the learned one, if it beats the plain one, else the plain one."""

from __future__ import annotations

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
LEARNED, FREQUENCY = "lightgbm", "frequency"


@dataclass(frozen=True)
class PoseOrder:
    """Both orders, which of them is used, and why.

    `used` is "lightgbm" or "frequency"; `figures` go into the model's metrics.
    """

    frequency: CohortFrequency
    ranker: Ranker
    used: str
    figures: dict[str, Any]

    def score(self, products: Attributes, cohort_attributes: tuple[str, ...]) -> Floats:
        """(N, P) by the order that is used; larger matters more."""
        if self.used == LEARNED:
            return self.ranker.score(products)
        return self.frequency.score(
            list(zip(*(products[n] for n in cohort_attributes), strict=True))
        )


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
    that held-out products show exceeds the plain order's by more than one standard error.
    """
    cohorts = list(zip(*(products[name] for name in cohort_attributes), strict=True))
    plain = frequency.fit(cohorts, shows)
    learned = ranker.fit(products, shows, popularity, seed)
    used, figures = _decide(products, cohorts, shows, popularity, seed)
    return PoseOrder(plain, learned, used, figures)


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
        learned = ranker.fit(kept, shows[train], popularity[train], seed)
        scores[LEARNED][test] = learned.score(held)
        plain = frequency.fit([cohorts[row] for row in train], shows[train])
        scores[FREQUENCY][test] = plain.score([cohorts[row] for row in test])
    figures: dict[str, Any] = {
        # Equal scores are averaged over their orders: "random" is the expectation exactly.
        f"ndcg@{k}_{name}": round(float(_ndcg(shows[judged], score[judged], k).mean()), 4)
        for name, score in scores.items()
        for k in CUTOFFS
    }
    gain = _ndcg(shows[judged], scores[LEARNED][judged], CUTOFFS[-1]) - _ndcg(
        shows[judged], scores[FREQUENCY][judged], CUTOFFS[-1]
    )
    error = float(gain.std() / np.sqrt(len(gain)))
    used = LEARNED if gain.mean() > error else FREQUENCY
    comparison = "exceeds" if used == LEARNED else "does not exceed"
    figures |= {
        "order": used,
        "order_reason": f"the learned order {comparison} cohort frequency by more than one "
        f"standard error: {gain.mean():+.4f} +- {error:.4f} NDCG@{CUTOFFS[-1]} on "
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
