"""The figures of orientation, turntable videos and attributes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from unposed_jobs.lab.evaluation import bootstrap
from unposed_jobs.lab.evaluation.videos.clips import CLOSE, Judged
from unposed_jobs.orientation import circle
from unposed_jobs.orientation.head import Facing

Floats = npt.NDArray[np.float64]
_RESAMPLES = 2000


def of_orientation(facing: Facing, angles: Floats, people: npt.NDArray[np.int64]) -> dict[str, Any]:
    """Of N pictures: errors in degrees, bins, calibration; with 95 % intervals over people."""
    wrong = circle.apart(facing.angles, angles)
    shares = circle.bins(facing.cells)
    best = shares.argmax(1)
    right = best == circle.bin_of(angles)
    sure = shares.max(1) > 0.8
    values = {
        "pictures": len(angles),
        "people": len(np.unique(people)),
        "median_error": float(np.median(wrong)),
        "p90_error": float(np.quantile(wrong, 0.9)),
        "turned_about": float((wrong > 90).mean()),
        "bins_right": float(right.mean()),
        "sure": float(sure.mean()),
        "bins_right_of_sure": float(right[sure].mean()) if sure.any() else float("nan"),
        "calibration_error": calibration_error(facing.certainty, wrong <= 22.5),
        "bin_calibration_error": calibration_error(shares.max(1), right),
    }
    intervals = {
        "median_error": _over(people, lambda rows: float(np.median(wrong[rows]))),
        "bins_right": _over(people, lambda rows: float(right[rows].mean())),
        "bins_right_of_sure": _over(
            people, lambda rows: float(right[rows][sure[rows]].mean()) if sure[rows].any() else 1.0
        ),
        "sure": _over(people, lambda rows: float(sure[rows].mean())),
    }
    return values | {"intervals": intervals}


def calibration_error(probabilities: Floats, right: npt.NDArray[np.bool_]) -> float:
    """Expected calibration error over ten equal ranges of probability."""
    place = np.minimum((probabilities * 10).astype(int), 9)
    error = 0.0
    for number in range(10):
        rows = place == number
        if rows.any():
            error += rows.mean() * abs(
                float(probabilities[rows].mean()) - float(right[rows].mean())
            )
    return error


def _over(groups: npt.NDArray[np.int64], figure: Any) -> list[float]:
    """The 95 % interval of `figure(rows)`, whole groups drawn."""
    rng = np.random.default_rng(0)
    names = np.unique(groups)
    rows = {name: np.flatnonzero(groups == name) for name in names}
    drawn = [
        figure(np.concatenate([rows[name] for name in rng.choice(names, len(names))]))
        for _ in range(_RESAMPLES // 4)
    ]
    return [float(value) for value in np.quantile(drawn, (0.025, 0.975))]


def of_videos(videos: Sequence[Judged]) -> dict[str, Any]:
    """Bins that were seen and filled, how near their middles, and the coverage; with 95 % intervals
    over videos."""
    wrong = np.concatenate(
        [circle.apart(circle.mean(video.cells)[0], video.angles) for video in videos]
    )
    moments = np.stack([_moments(video) for video in videos])
    coverage = bootstrap.interval(moments, _correlation)
    return {
        "videos": len(videos),
        "frames": int(sum(len(video.angles) for video in videos)),
        "median_error": float(np.median(wrong)),
        "best": _choices([(video.every, video.chosen) for video in videos]),
        "first_above_the_bound": _choices([(video.every, video.first) for video in videos]),
        "coverage_correlation": coverage.value,
        "coverage_correlation_median_of_videos": float(np.median(_correlation(moments))),
        "intervals": {"coverage_correlation": [coverage.low, coverage.high]},
    }


def _moments(video: Judged) -> Floats:
    """(6,) sums over a video's angles, of which `_correlation` makes that of all."""
    found, truth = video.coverage, video.truth
    return np.array(
        [len(found), found.sum(), truth.sum(), found @ found, truth @ truth, found @ truth]
    )


def _correlation(sums: Floats) -> Floats:
    """(B,) correlations of sums (B, 6) of `_moments`; 0 where nothing varies."""
    count, one, other, one_one, other_other, both = sums.T
    spread = (count * one_one - one**2) * (count * other_other - other**2)
    return np.asarray((count * both - one * other) / np.sqrt(np.maximum(spread, 1e-12)))


_COUNTS = ("seen", "filled", "unseen", "empty", "frames", "close", "inside")
_SHARES = {
    "filled_of_seen": ("filled", "seen"),
    "empty_of_unseen": ("empty", "unseen"),
    "frames_within_15": ("close", "frames"),
    "frames_in_their_bin": ("inside", "frames"),
}


def _choices(
    videos: Sequence[tuple[Floats, Sequence[tuple[int, float, float]]]],
) -> dict[str, Any]:
    """Of each video the true angles of its frames, and what was chosen."""
    counts = np.array([_counted(angles, chosen) for angles, chosen in videos], np.float64)
    total = dict(zip(_COUNTS, counts.sum(0).astype(int).tolist(), strict=True))
    found: dict[str, Any] = {
        "seen_bins": total["seen"], "unseen_bins": total["unseen"], "frames": total["frames"],
        "intervals": {},
    }  # fmt: skip
    for name, (part, whole) in _SHARES.items():
        columns = [_COUNTS.index(part), _COUNTS.index(whole)]
        share = bootstrap.interval(
            counts[:, columns], lambda sums: sums[:, 0] / np.maximum(sums[:, 1], 1)
        )
        found[name] = share.value
        found["intervals"][name] = [share.low, share.high]
    return found


def _counted(angles: Floats, chosen: Sequence[tuple[int, float, float]]) -> list[int]:
    """The `_COUNTS` of one video."""
    bins = {one[0] for one in chosen}
    away = [circle.apart(angles, circle.middle(number)).min() for number in range(circle.BINS)]
    seen = {number for number, least in enumerate(away) if least <= CLOSE}
    unseen = {number for number, least in enumerate(away) if least > circle.BIN / 2}
    beside = [float(circle.apart(angle, circle.middle(number))) for number, angle, _ in chosen]
    return [
        len(seen), len(seen & bins), len(unseen), len(unseen - bins), len(chosen),
        sum(one <= CLOSE for one in beside), sum(one <= circle.BIN / 2 for one in beside),
    ]  # fmt: skip


def of_attributes(videos: Sequence[Judged]) -> dict[str, Any]:
    """Share of right frames by how they were chosen, and by how much certainty is better, with 95 %
    intervals over videos."""
    rng = np.random.default_rng(0)
    found: dict[str, Any] = {}
    names = sorted({name for video in videos for name in video.right})
    tables = {
        name: np.array([video.right[name] for video in videos if name in video.right])
        for name in names
    }
    if tables:
        tables["all"] = np.mean(np.stack(list(tables.values())), 0)
    for name, rows in tables.items():
        drawn = rows[rng.integers(0, len(rows), (_RESAMPLES, len(rows)))].mean(1)
        better = np.stack([drawn[:, 0] - drawn[:, 1], drawn[:, 0] - drawn[:, 2]], 1)
        found[name] = {
            "certainty": float(rows[:, 0].mean()),
            "random": float(rows[:, 1].mean()),
            "sharpest": float(rows[:, 2].mean()),
            "better_than_random": _interval(better[:, 0]),
            "better_than_sharpest": _interval(better[:, 1]),
        }
    return found


def _interval(values: Floats) -> list[float]:
    return [float(value) for value in np.quantile(values, (0.025, 0.975))]
