"""Are the missing poses in the right order?"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from unposed_jobs.lab.evaluation import bootstrap, metrics
from unposed_jobs.lab.evaluation.bootstrap import Interval
from unposed_jobs.lab.evaluation.protocols.result import Result


def ranking_quality(
    grades: npt.ArrayLike,
    candidates: npt.ArrayLike,
    scores: npt.ArrayLike,
    frequency: npt.ArrayLike,
    *,
    products: npt.ArrayLike | None = None,
    pictures: int = 0,
    seed: int = 0,
) -> Result:
    """Order of the missing poses: precision@1 and @3, NDCG@3 and @5, averaged over products.

    Relevant for precision@k are the k candidates of the highest grades above 0.

    All (P, L), one row for each product, or several where `products` (P,) names it: `grades` how
    relevant a pose truly is (0 = not), `candidates` which poses are ranked, `scores` the
    ranker's and `frequency` the share of the cohort's products that show the pose. A row
    without a relevant candidate says nothing and is left out.
    """
    grade = np.asarray(grades, dtype=np.float64)
    allowed = np.asarray(candidates, dtype=bool)
    judged = np.flatnonzero(((grade > 0) & allowed).any(axis=-1))
    names = np.arange(len(grade)) if products is None else np.asarray(products)
    groups, group = np.unique(names[judged], return_inverse=True)

    def mean(values: list[float]) -> Interval:
        sums = np.bincount(group, weights=values, minlength=len(groups))
        return bootstrap.mean(sums / np.bincount(group, minlength=len(groups)), seed=seed)

    def figures(score: npt.NDArray[np.float64]) -> dict[str, Interval]:
        rows = [(grade[row, allowed[row]], score[row, allowed[row]]) for row in judged]
        return {
            **{
                f"precision@{k}": mean(
                    [metrics.precision_at_k(_best(row[0], k), row[1], k) for row in rows]
                )
                for k in (1, 3)
            },
            **{f"ndcg@{k}": mean([metrics.ndcg_at_k(*row, k) for row in rows]) for k in (3, 5)},
        }

    return Result(
        "ranking_quality",
        figures(np.asarray(scores, dtype=np.float64)),
        {
            "cohort frequency": figures(np.asarray(frequency, dtype=np.float64)),
            # All scores equal: ties are averaged, so this is the expectation exactly.
            "random order": figures(np.zeros_like(grade)),
        },
        pictures,
        len(groups),
    )


def _best(grades: npt.NDArray[np.float64], k: int) -> npt.NDArray[np.bool_]:
    """The k highest grades above 0, and those equal to the last of them."""
    return (grades > 0) & (grades >= np.sort(grades)[::-1][min(k, len(grades)) - 1])
