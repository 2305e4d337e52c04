"""Ratios 2 and 3: a GPU fed by this machine's cores.

Ratio 2 holds the pipeline, bytes to landmarks, against what its two halves do alone: decoding in
as many threads, and the networks on pictures that are decoded already. Ratio 3 holds it against
MediaPipe in 16 processes on the same machine. The same code runs on the CPU (``--device cpu``),
where it shows that it runs, and no more.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from torch.autograd import DeviceType

from unposed_jobs.config import PoseSettings
from unposed_jobs.lab.bench import rounds, throughput
from unposed_jobs.lab.bench.results import Measured, Result, Target, spread
from unposed_jobs.pose import estimators
from unposed_jobs.pose.decoding import decode
from unposed_jobs.pose.estimator import PoseEstimator
from unposed_jobs.pose.pipeline import estimate_stream

FED = ("2", "GPU: end to end ÷ the slower of its halves", Target("at_least", 0.90))
NODE = ("3", "GPU node ÷ MediaPipe in 16 processes", Target("at_least", 25.0))
RATIOS = [FED, NODE]
MEDIAPIPE_PROCESSES = 16
BATCH = 64

_PROFILED_BATCHES = 4
_OPERATORS = 12


@dataclass(frozen=True)
class Feeding:
    """How a device is fed: decoding threads, pictures a batch, processes of the reference."""

    device: str
    decoders: int
    batch: int = BATCH
    processes: int = MEDIAPIPE_PROCESSES


class Pipeline:
    """The three things that are timed, on the same pictures, as rates in pictures a second."""

    def __init__(
        self, contents: list[bytes], estimator: PoseEstimator, settings: PoseSettings, how: Feeding
    ) -> None:
        self._contents = contents
        self._estimator = estimator
        self._settings = settings
        self._how = how
        with ThreadPoolExecutor(how.decoders) as pool:
            # No more than fit a few batches: the memory of a machine holds no catalogue.
            few = contents[: 4 * how.batch]
            self._decoded = list(pool.map(lambda data: decode(data, settings), few))

    def end_to_end(self) -> float:
        """Bytes to landmarks."""

        def work() -> int:
            stream = estimate_stream(
                self._contents,
                bytes,
                self._estimator,
                self._settings,
                decoders=self._how.decoders,
                batch_pictures=self._how.batch,
            )
            return sum(len(batch) for batch in stream)

        return _rate(work)

    def decode_only(self) -> float:
        """Bytes to pixels in the same threads; each picture is let go at once."""

        def one(data: bytes) -> int:
            return decode(data, self._settings).size > 0

        def work() -> int:
            with ThreadPoolExecutor(self._how.decoders) as pool:
                return sum(pool.map(one, self._contents))

        return _rate(work)

    def inference_only(self) -> float:
        """Pixels in this machine's memory to landmarks, upload included."""

        def work() -> int:
            done = 0
            while done < len(self._contents):
                done += sum(len(self._estimator.estimate(batch)) for batch in self._batches())
            return done

        return _rate(work)

    def _batches(self) -> list[list[npt.NDArray[np.uint8]]]:
        size = self._how.batch
        return [self._decoded[at : at + size] for at in range(0, len(self._decoded), size)]

    def profile(self) -> dict[str, Any]:
        """Where the time of the networks' side goes: shares of the operators, and of idling."""
        from torch.profiler import ProfilerActivity, profile

        cuda = self._how.device == "cuda"
        activities = [ProfilerActivity.CPU] + [ProfilerActivity.CUDA] * cuda
        batches = (self._batches() * _PROFILED_BATCHES)[:_PROFILED_BATCHES]
        with profile(activities=activities) as profiler:
            start = time.perf_counter()
            for batch in batches:
                self._estimator.estimate(batch)
            wall = time.perf_counter() - start
        spent = _spent(profiler.key_averages(), cuda)
        total = sum(spent.values())
        most = sorted(spent.items(), key=lambda item: -item[1])[:_OPERATORS]
        return {
            "device": self._how.device,
            "pictures": sum(map(len, batches)),
            "wall_s": wall,
            "busy_s": total,
            "busy_share": total / wall,
            "operators": {name: seconds / total for name, seconds in most} if total else {},
        }


def measure(
    contents: list[bytes], settings: PoseSettings, how: Feeding, count: int
) -> list[Result]:
    """Both ratios and the profile; the device must be there."""
    estimator = estimators.create(throughput.first_look(settings))
    loop = throughput.Setup(how.processes, 1)
    try:
        pipeline = Pipeline(contents, estimator, settings, how)
        pipeline.inference_only()  # Compiles, on a GPU.
        pipeline.end_to_end()
        with throughput.processes(contents, settings, loop, (throughput.REFERENCE,)) as run:
            taken = rounds.turns(
                {
                    "end_to_end": pipeline.end_to_end,
                    "decode_only": pipeline.decode_only,
                    "inference_only": pipeline.inference_only,
                    "mediapipe": lambda: run(throughput.REFERENCE)[0],
                },
                count,
            )
        profile = pipeline.profile()
    finally:
        estimator.close()
    return _results(taken, profile, how, len(contents))


def _spent(events: Iterable[Any], cuda: bool) -> dict[str, float]:
    """Seconds by name: of the kernels on a GPU, of the operators on a CPU."""
    if not cuda:
        return {event.key: event.self_cpu_time_total / 1e6 for event in events}
    # An operator's event tells the time of the kernels that it has started once more.
    return {
        event.key: event.self_device_time_total / 1e6
        for event in events
        if event.device_type == DeviceType.CUDA and not event.is_user_annotation
    }


def _results(
    taken: dict[str, list[float]], profile: dict[str, Any], how: Feeding, pictures: int
) -> list[Result]:
    unit = "images/s"
    halves = list(zip(taken["decode_only"], taken["inference_only"], strict=True))
    ours = Measured("end to end", unit, taken["end_to_end"])
    slower = Measured("slower of decoding and networks", unit, [min(pair) for pair in halves])
    loop = Measured(f"MediaPipe, {how.processes} processes", unit, taken["mediapipe"])
    invalid = None if how.device == "cuda" else "measured on the CPU: says nothing of a GPU"
    figures = {"rates": taken, "pictures": pictures, "decoders": how.decoders, "profile": profile}
    busiest = ", ".join(
        f"{name} {100 * share:.0f} %" for name, share in list(profile["operators"].items())[:5]
    )
    decoding, networks = (spread(taken[name])[1] for name in ("decode_only", "inference_only"))
    notes = [
        f"decoding alone {decoding:.0f}, networks alone {networks:.0f} images/s; device busy "
        f"{100 * profile['busy_share']:.0f} % of the networks' time: {busiest}"
    ]
    return [
        Result(
            *FED,
            ours,
            slower,
            [a / b for a, b in zip(ours.values, slower.values, strict=True)],
            figures=figures,
            notes=notes,
            invalid=invalid,
        ),
        Result(
            *NODE,
            ours,
            loop,
            [a / b for a, b in zip(ours.values, loop.values, strict=True)],
            invalid=invalid,
        ),
    ]


def _rate(work: Callable[[], int]) -> float:
    start = time.perf_counter()
    done = work()
    return done / (time.perf_counter() - start)
