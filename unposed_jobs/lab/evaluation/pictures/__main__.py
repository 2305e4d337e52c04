"""``python -m unposed_jobs.lab.evaluation.pictures SAMPLE``: prints the figures of the facts.

SAMPLE is a catalogue rendered with ``unposed sample-catalogue --parts``; real pictures are judged
where --data is.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from unposed_jobs import config
from unposed_jobs.errors import UnposedError
from unposed_jobs.lab.evaluation.pictures import (
    cases,
    cost,
    figures,
    real,
    sheets,
    violations,
)
from unposed_jobs.lab.evaluation.pictures.figures import Figure, Score
from unposed_jobs.pictures import facts
from unposed_jobs.pose import estimators


def main(arguments: Sequence[str] | None = None) -> int:
    """Look, judge, print; 2 where something is missing."""
    parser = argparse.ArgumentParser(prog="python -m unposed_jobs.lab.evaluation.pictures")
    parser.add_argument("sample", type=Path)
    parser.add_argument("--data", type=Path, help="folder of real pictures")
    parser.add_argument("--violations", type=int, default=60, help="clean pictures (60)")
    parser.add_argument(
        "--cost", action="store_true", help="also what facts cost, whose measure is the bench"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, help="also write the figures")
    parser.add_argument("--sheet", type=Path, help="also draw the worst cases, a PNG")
    given = parser.parse_args(arguments)
    try:
        measured = evaluate(given)
    except UnposedError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    sheets.print_table(measured)
    if given.json:
        figures.write(given.json, cases.told_of(given.sample), measured)
    return 0


def evaluate(given: argparse.Namespace) -> list[Figure]:
    """All figures."""
    settings = config.load().pose
    shown = list(cases.read(given.sample, settings))
    estimator = estimators.create(settings, outlines=True)
    reader = facts.FactsReader(settings, facts.ALL)
    try:
        _say(f"looking at {len(shown)} rendered pictures")
        seen = cases.look(
            [one.picture for one in shown], [one.part for one in shown], estimator, reader
        )
        each = [
            (case, list(figures.of_case(case, one))) for case, one in zip(shown, seen, strict=True)
        ]
        scores = [score for _, own in each for score in own]
        scores += figures.offers(shown, seen)
        scores += figures.disagreements(shown, seen, given.seed)
        _say(f"violations in {given.violations} pictures")
        scores += violations.judged(
            shown, estimator, reader, most=given.violations, seed=given.seed
        )
        if given.cost:
            _say("what facts cost")
            scores += cost.measured(shown, settings)
        if given.data is not None:
            _say("real pictures")
            scores += real.judged(given.data, zip(shown, seen, strict=True), settings, given.seed)
    finally:
        estimator.close()
    if given.sheet is not None:
        sheets.draw(
            given.sheet, [(case, one, own) for (case, own), one in zip(each, seen, strict=True)]
        )
    return tables(scores, given.seed)


def tables(scores: Sequence[Score], seed: int) -> list[Figure]:
    """The figures with what is asked of each, in the order of `ASKED`, then all others."""
    measured = []
    for name, title, statistic, wanted, baseline in ASKED:
        figure = figures.summed(
            name, scores, statistic, title=title, wanted=wanted, baseline=baseline, seed=seed
        )
        if figure is not None:
            measured.append(figure)
    baselines = {baseline for *_, baseline in ASKED}
    known = {name for name, *_ in ASKED} | baselines
    for name in dict.fromkeys(score.name for score in scores):
        if name in known or "middle half" in name or name.endswith("whole picture"):
            continue
        wanted = None
        if name.startswith("found:"):
            wanted = (">=", 0.97)
        if name.startswith("false alarm:"):
            wanted = ("<=", 0.01)
        if name.startswith("cost"):
            wanted = ("<=", 0.4)
        baseline = f"{name}, middle half"
        figure = figures.summed(name, scores, wanted=wanted, baseline=baseline, seed=seed)
        if figure is not None:
            measured.append(figure)
    return measured


def _mean(values: npt.NDArray[np.float64]) -> float:
    return float(values.mean())


def _low(values: npt.NDArray[np.float64]) -> float:
    return float(np.quantile(values, 0.1))


def _median(values: npt.NDArray[np.float64]) -> float:
    return float(np.median(values))


def _high(values: npt.NDArray[np.float64]) -> float:
    return float(np.quantile(values, 0.9))


_SEEN = "ΔE00 to the cloth as seen, {}"
ASKED = (
    ("person mask IoU", "", _mean, (">=", 0.93), "person mask IoU, whole frame"),
    ("person mask IoU", "person mask IoU, p10", _low, None, ""),
    ("person cut-out IoU", "", _mean, (">=", 0.93), "person mask IoU, whole frame"),
    ("product mask IoU", "", _mean, (">=", 0.94), "product mask IoU, whole frame"),
    ("product mask IoU", "product mask IoU, p10", _low, (">=", 0.85), ""),
    ("product cut-out IoU", "", _mean, (">=", 0.94), "product mask IoU, whole frame"),
    ("product cut-out IoU", "product cut-out IoU, p10", _low, (">=", 0.85), ""),
    ("crops: garment inside", "", _mean, (">=", 0.97), ""),
    ("crops that keep a face", "", _mean, ("<=", 0.05), ""),
    ("crop offered where one lies within", "", _mean, (">=", 0.9), ""),
    ("offered crops that are wrong", "", _mean, ("<=", 0.03), ""),
    *(
        (_SEEN.format(kind), f"{_SEEN.format(kind)}, {word}", statistic, ("<=", limit),
         f"{_SEEN.format(kind)}, whole picture")
        for kind in ("plain", "patterned")
        for word, statistic, limit in (("median", _median, 3.0), ("p90", _high, 8.0))
    ),
    *(
        (f"ΔE00 to the paint, {kind}", f"ΔE00 to the paint, {kind}, {word}", statistic,
         ("<=", limit), "")
        for kind in ("plain", "patterned")
        for word, statistic, limit in (("median", _median, 3.0), ("p90", _high, 8.0))
    ),
    ("image class", "", _mean, (">=", 0.97), "image class, the source's rule"),
    ("real: image class", "", _mean, (">=", 0.95), "real: image class, the source's rule"),
    ("real: flat-lays", "", _mean, (">=", 0.95), "real: flat-lays, the source's rule"),
)  # fmt: skip
"""Name of the scores, title, statistic, what is asked of it, name of the baseline's scores."""


def _say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
