"""Ratio F: bytes to rows of landmarks with facts in the same pass, against landmarks alone.

Both sides are `pose.pipeline.extract_stream` on one core, as an executor runs it: decoding, the
networks, hashes and statistics; ours with a `distributed.facts.Recorder` beside. Facts are to cost
at most .40 of what landmarks do: then .71 of the pictures a second are left.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from typing import Any

import cv2
import torch

from unposed_jobs.config import PoseSettings
from unposed_jobs.distributed.facts import Asked, Recorder
from unposed_jobs.lab.bench import rounds
from unposed_jobs.lab.bench.results import Result, Target
from unposed_jobs.pictures import facts
from unposed_jobs.pose import estimators, pipeline

FACTS = ("F", "pictures with facts in the pass ÷ without, one core", Target("at_least", 0.71))


def result(contents: list[bytes], settings: PoseSettings, count: int) -> list[Result]:
    """Ratio F over pictures that are sound, with the default settings of facts."""
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    items = [(hashlib.sha256(data).hexdigest(), data) for data in dict.fromkeys(contents)]
    plain = estimators.create(settings)
    outlining = estimators.create(settings, outlines=True)
    recorder = Recorder(settings, Asked("bench", facts.NOBODY))

    def load(item: dict[str, Any]) -> bytes:
        data: bytes = item["data"]
        return data

    def side(estimator: Any, after: Any) -> Callable[[], tuple[float, float]]:
        def work() -> tuple[float, float]:
            listed: list[dict[str, Any]] = [
                {"content_sha256": digest, "data": data} for digest, data in items
            ]
            start, cpu = time.perf_counter(), time.process_time()
            stream = pipeline.extract_stream(listed, load, estimator, settings, after=after)
            for item, _ in stream:
                if after is not None:
                    recorder.take(item["content_sha256"])
            wall = time.perf_counter() - start
            return len(items) / wall, len(items) / (time.process_time() - cpu)

        return work

    ours, reference = side(outlining, recorder), side(plain, None)
    try:
        for warm in (ours, reference):
            warm()
        taken = rounds.measure(ours, reference, count)
    finally:
        plain.close()
        outlining.close()
    sides = ("with facts", "landmarks alone")
    notes = [f"{len(items)} pictures; writing looked for where nobody is"]
    return [rounds.outcome(FACTS, sides, taken, notes)]
