"""The figures of orientation, turntable videos and attributes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

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
        "median_error": bootstrap(people, lambda rows: float(np.median(wrong[rows]))),
        "bins_right": bootstrap(people, lambda rows: float(right[rows].mean())),
        "bins_right_of_sure": bootstrap(
            people, lambda rows: float(right[rows][sure[rows]].mean()) if sure[rows].any() else 1.0
        ),
        "sure": bootstrap(people, lambda rows: float(sure[rows].mean())),
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


def bootstrap(groups: npt.NDArray[np.int64], figure: Any) -> list[float]:
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
    """Bins that were seen and filled, how near their middles, and the coverage."""
    best = _choices([(video.every, video.chosen) for video in videos])
    first = _choices([(video.every, video.first) for video in videos])
    found = np.concatenate([video.coverage for video in videos])
    truth = np.concatenate([video.truth for video in videos])
    each = [
        float(np.corrcoef(video.coverage, video.truth)[0, 1])
        for video in videos
        if video.truth.std() > 0
    ]
    wrong = np.concatenate(
        [circle.apart(circle.mean(video.cells)[0], video.angles) for video in videos]
    )
    return {
        "videos": len(videos),
        "frames": int(sum(len(video.angles) for video in videos)),
        "median_error": float(np.median(wrong)),
        "best": best,
        "first_above_the_bound": first,
        "coverage_correlation": float(np.corrcoef(found, truth)[0, 1]),
        "coverage_correlation_median_of_videos": float(np.median(each)),
    }


def _choices(
    videos: Sequence[tuple[Floats, Sequence[tuple[int, float, float]]]],
) -> dict[str, float]:
    seen = filled = unseen = empty = frames = close = inside = 0
    for angles, chosen in videos:
        bins = {one[0] for one in chosen}
        for number in range(circle.BINS):
            away = circle.apart(angles, circle.middle(number)).min()
            if away <= CLOSE:
                seen += 1
                filled += number in bins
            elif away > circle.BIN / 2:
                unseen += 1
                empty += number not in bins
        for number, angle, _ in chosen:
            away = float(circle.apart(angle, circle.middle(number)))
            frames += 1
            close += away <= CLOSE
            inside += away <= circle.BIN / 2
    return {
        "seen_bins": seen,
        "filled_of_seen": filled / max(seen, 1),
        "unseen_bins": unseen,
        "empty_of_unseen": empty / max(unseen, 1),
        "frames": frames,
        "frames_within_15": close / max(frames, 1),
        "frames_in_their_bin": inside / max(frames, 1),
    }


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
