"""Where does an order put a view that a product shows, were it hidden?"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from unposed_jobs.lab.evaluation import bootstrap
from unposed_jobs.lab.evaluation.bootstrap import Interval
from unposed_jobs.lab.evaluation.protocols.result import Result

Floats = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]
Places = npt.NDArray[np.int64]
CUTOFF = 5
FIRST, RECIPROCAL, NDCG, GAIN = "precision@1", "mrr", f"ndcg@{CUTOFF}", "gain"


def hidden_view(
    shows: npt.ArrayLike,
    scores: npt.ArrayLike,
    rival: npt.ArrayLike,
    baselines: Mapping[str, npt.ArrayLike],
    *,
    weights: npt.ArrayLike | None = None,
    pictures: int = 0,
    seed: int = 0,
) -> Result:
    """Each view that a product shows is hidden in turn and looked for among those it lacks.

    `shows` (P, L) which views a product shows; `scores` (P, L) or (R, P, L) the order's, larger
    comes first, learned on other products; `rival` and `baselines` the same of others. `weights`
    (P,) counts products unequally. Products that show nothing or lack nothing are left out:
    there, every order is right.

    Figures, each the mean over a product's views, then over products: precision@1 (it comes
    first), mean reciprocal rank, NDCG@5 (as the only relevant view), and `gain`, 100 x the paired
    difference of NDCG@5 from the rival's. Equal scores count by their expectation.
    """
    shown = np.asarray(shows, dtype=bool)
    judged = shown.any(axis=1) & ~shown.all(axis=1)
    weight = np.ones(len(shown)) if weights is None else np.asarray(weights, dtype=np.float64)
    compared = _by_product(shown, rival)[NDCG]

    def figures(order: npt.ArrayLike) -> dict[str, Interval]:
        own = _by_product(shown, order)
        values = {**own, GAIN: 100 * (own[NDCG] - compared)}
        return {
            name: bootstrap.ratio(value[judged] * weight[judged], weight[judged], seed=seed)
            for name, value in values.items()
        }

    return Result(
        "hidden_view",
        figures(scores),
        {name: figures(order) for name, order in baselines.items()},
        pictures,
        int(judged.sum()),
    )


def _by_product(shown: Bool, scores: npt.ArrayLike) -> dict[str, Floats]:
    """(P,) each figure's mean over a product's views and the repeats; nan where it shows none."""
    ranks = np.arange(1, shown.shape[1] + 1)
    worth = {
        FIRST: (ranks == 1).astype(np.float64),
        RECIPROCAL: 1.0 / ranks,
        NDCG: np.where(ranks <= CUTOFF, 1.0 / np.log2(ranks + 1.0), 0.0),
    }
    repeats = np.asarray(scores, dtype=np.float64)
    repeats = repeats[None] if repeats.ndim == 2 else repeats
    lacked = ~shown[None, :, None, :]
    before = (lacked & (repeats[:, :, None, :] > repeats[:, :, :, None])).sum(axis=-1)
    equal = 1 + (lacked & (repeats[:, :, None, :] == repeats[:, :, :, None])).sum(axis=-1)
    return {name: _mean(shown, _expected(value, before, equal)) for name, value in worth.items()}


def _expected(worth: Floats, before: Places, equal: Places) -> Floats:
    """What a view is worth on average that shares `equal` places after the first `before`."""
    total = np.concatenate([[0.0], np.cumsum(worth)])
    # A view that the product lacks is none of the candidates' and counts nowhere.
    return (total[np.minimum(before + equal, len(worth))] - total[before]) / equal


def _mean(shown: Bool, value: Floats) -> Floats:
    """(P,) the mean of (R, P, L) over the repeats and the views that are shown; nan for none."""
    count = shown.sum(axis=1)
    total = (value.mean(axis=0) * shown).sum(axis=1)
    return np.divide(total, count, out=np.full(len(shown), np.nan), where=count > 0)
