"""Does the stated confidence say how likely a picture is named right?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from unposed_jobs.lab.evaluation import bootstrap
from unposed_jobs.lab.evaluation.bootstrap import Interval
from unposed_jobs.lab.evaluation.coding import RANDOM_DRAWS
from unposed_jobs.lab.evaluation.protocols.result import Result

Float = npt.NDArray[np.float64]
BINS = 10
COVERAGES = (1.0, 0.9, 0.8, 0.7, 0.5)
"""Shares of the pictures, the surest first, of which the risk-coverage table tells the accuracy."""


def confidence(
    right: npt.ArrayLike,
    stated: npt.ArrayLike,
    products: npt.ArrayLike,
    *,
    least: float,
    seed: int = 0,
) -> Result:
    """Calibration of N pictures' confidence, and what is gained by keeping the sure ones alone.

    `right` (N,) bool or (R, N): the picture's class is the true one; `stated` (N,) in [0, 1];
    `least` is the confidence from which a picture is kept. Figures: `accuracy` of all, of the
    kept ones (`accuracy_kept`) and their share (`coverage`); `ece`, the expected calibration
    error over `BINS` equal bins (mean distance of confidence and accuracy, weighted by pictures);
    `brier`, the mean squared distance of confidence and outcome.

    Baselines: a confidence that is always the overall accuracy, which keeps at random; it has no
    calibration error and knows nothing, as its Brier score tells. And one that is drawn at random.
    """
    hit = np.atleast_2d(np.asarray(right, dtype=np.float64)).mean(axis=0)
    score = np.asarray(stated, dtype=np.float64)
    names, group = np.unique(np.asarray(products, dtype=np.str_), return_inverse=True)
    pictures = _Pictures(hit, group, len(names), seed)
    kept = score >= least
    draws = np.random.default_rng(seed).random((2, RANDOM_DRAWS, len(score)))
    return Result(
        "confidence",
        pictures.figures(score[None], kept[None]),
        {
            "constant confidence": pictures.figures(
                np.full((1, len(score)), hit.mean()), draws[0] < kept.mean()
            ),
            "random confidence": pictures.figures(draws[1], draws[1] >= 1 - kept.mean()),
        },
        len(score),
        len(names),
        notes=(f"kept: confidence of at least {least:g}",),
        details={
            "Reliability": pictures.reliability(score),
            "Accuracy of the surest pictures": pictures.surest(score),
        },
    )


@dataclass(frozen=True)
class _Pictures:
    """`hit` (N,) the share of repeats in which a picture is right, `group` (N,) its product."""

    hit: Float
    group: npt.NDArray[np.int64]
    n_groups: int
    seed: int

    def figures(self, stated: Float, kept: npt.NDArray[np.bool_]) -> dict[str, Interval]:
        """Of (B, N) statements of confidence and which pictures they keep, averaged over B."""
        hit, ones = self.hit, np.ones(stated.shape)
        everyone, chosen = np.broadcast_to(hit, stated.shape), kept.astype(np.float64)
        bins = np.zeros((self.n_groups, len(stated), BINS, 3))
        for draw, row in enumerate(stated):
            values = np.stack([np.ones_like(hit), row, hit], axis=-1)
            np.add.at(bins[:, draw], (self.group, _bin(row)), values)

        def ece(total: Float) -> Float:
            count, said, true = np.moveaxis(total, -1, 0)
            return (np.abs(said - true).sum(-1) / count.sum(-1)).mean(-1)

        # A picture that is right in some repeats only counts by its share of them.
        squares = everyone * (1 - stated) ** 2 + (1 - everyone) * stated**2
        return {
            "accuracy": self._ratio(everyone[:1], ones[:1]),
            "accuracy_kept": self._ratio(chosen * hit, chosen),
            "coverage": self._ratio(chosen, ones[: len(chosen)]),
            "ece": bootstrap.interval(bins, ece, seed=self.seed),
            "brier": self._ratio(squares, ones),
        }

    def reliability(self, stated: Float) -> list[dict[str, Any]]:
        """One row for each bin of (N,) confidences that holds a picture."""
        rows = []
        for number in range(BINS):
            chosen = _bin(stated) == number
            if chosen.any():
                span = f"{number / BINS:.1f} to {(number + 1) / BINS:.1f}"
                said = float(stated[chosen].mean())
                rows.append({"confidence": span, "mean": said} | self._accuracy(chosen))
        return rows

    def surest(self, stated: Float) -> list[dict[str, Any]]:
        """One row for each of `COVERAGES`: the accuracy when only the surest are kept."""
        order = np.sort(stated)[::-1]
        rows = []
        for wanted in COVERAGES:
            threshold = order[max(round(wanted * len(order)), 1) - 1]
            chosen = stated >= threshold
            row = {"kept": f"{chosen.mean():.0%}", "confidence from": float(threshold)}
            rows.append(row | self._accuracy(chosen))
        return rows

    def _accuracy(self, chosen: npt.NDArray[np.bool_]) -> dict[str, Any]:
        weights = chosen[None].astype(np.float64)
        return {
            "pictures": int(chosen.sum()),
            "accuracy": self._ratio(weights * self.hit, weights),
        }

    def _ratio(self, top: Float, bottom: Float) -> Interval:
        """A ratio of sums over pictures, both (B, N)."""
        parts = (
            np.stack([np.bincount(self.group, row, self.n_groups) for row in part], axis=1)
            for part in (top, bottom)
        )
        return bootstrap.ratio(*parts, seed=self.seed)


def _bin(stated: Float) -> npt.NDArray[np.int64]:
    return np.clip((stated * BINS).astype(np.int64), 0, BINS - 1)
