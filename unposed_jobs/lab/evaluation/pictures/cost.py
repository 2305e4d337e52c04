"""What facts cost on top of landmarks: a ratio of two sides in one run, in CPU seconds."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from unposed_jobs.config import PoseSettings
from unposed_jobs.lab.evaluation.pictures.cases import BATCH, Case
from unposed_jobs.lab.evaluation.pictures.figures import Score
from unposed_jobs.pictures import facts
from unposed_jobs.pictures.facts import FactsReader
from unposed_jobs.pose import estimators
from unposed_jobs.pose.estimator import PoseEstimate, PoseEstimator

PICTURES, ROUNDS = 64, 3


def measured(cases: Sequence[Case], settings: PoseSettings) -> Iterator[Score]:
    """CPU seconds of facts with outlines over those of landmarks alone, a score for each round.

    With writing looked for nowhere, and where nobody is. Decoding is not counted on either side.
    """
    chosen = list(cases[:: max(1, len(cases) // PICTURES)][:PICTURES])
    plain = estimators.create(settings)
    outlining = estimators.create(settings, outlines=True)
    try:
        for text_in in (facts.OFF, facts.NOBODY):
            reader = FactsReader(settings, text_in)
            for number in range(ROUNDS + 1):
                alone, _ = _landmarks(chosen, plain)
                with_outlines, estimates = _landmarks(chosen, outlining)
                more = with_outlines - alone + _facts(chosen, estimates, reader)
                if number:  # The first round compiles networks.
                    name = f"cost of facts over landmarks, writing {text_in}"
                    yield Score(name, str(number), more / alone)
    finally:
        plain.close()
        outlining.close()


def _landmarks(cases: Sequence[Case], estimator: PoseEstimator) -> tuple[float, list[PoseEstimate]]:
    start = time.process_time()
    found: list[PoseEstimate] = []
    for first in range(0, len(cases), BATCH):
        found += estimator.estimate([one.picture for one in cases[first : first + BATCH]])
    return time.process_time() - start, found


def _facts(cases: Sequence[Case], estimates: Sequence[PoseEstimate], reader: FactsReader) -> float:
    start = time.process_time()
    for first in range(0, len(cases), BATCH):
        rows = slice(first, first + BATCH)
        pictures = [one.picture for one in cases[rows]]
        reader(pictures, estimates[rows], [""] * len(pictures), [one.part for one in cases[rows]])
    return time.process_time() - start
