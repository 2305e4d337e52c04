"""Ratios 5 and 7 (cores): what Spark costs over a bare pool, and what a second core brings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from unposed_jobs.config import PoseSettings
from unposed_jobs.lab.bench import rounds
from unposed_jobs.lab.bench.child import Child
from unposed_jobs.lab.bench.extraction import PoolSide, SparkSide
from unposed_jobs.lab.bench.results import Measured, Result, Target, number, quotients, spread

OVERHEAD = ("5", "extraction: Spark's wall time over a bare pool's", Target("at_most", 1.05))
CORES = ("7 cores", "extraction: efficiency from one core to two", Target("at_least", 0.95))

_FEW = 40


def overhead(
    folder: Path, pictures: int, pose: PoseSettings, processes: int, count: int
) -> list[Result]:
    """Ratio 5. Session start is left out, so is that of the pool; both are warm."""
    given = (str(folder), pictures, pose, processes)
    # Spark gives a task's Python as many threads as the task has cores: one.
    with Child(SparkSide, *given) as spark, Child(PoolSide, *given, threads=1) as pool:
        taken = rounds.turns(
            {"spark": lambda: _warm_run(spark), "pool": lambda: _warm_run(pool)}, count
        )
    seconds = {name: [turn["seconds"] for turn in found] for name, found in taken.items()}
    ours = Measured(f"Spark, {processes} tasks at once", "s", seconds["spark"])
    reference = Measured(f"pool of {processes} processes", "s", seconds["pool"])
    commits = [turn["commit_seconds"] for turn in taken["pool"]]
    more = [a - b for a, b in zip(ours.values, reference.values, strict=True)]
    return [
        Result(
            *OVERHEAD,
            ours,
            reference,
            quotients(ours, reference),
            figures={
                "pictures": pictures,
                "stored": {name: found[-1]["stored"] for name, found in taken.items()},
                "pool_write_and_commit_s": commits,
                "spark_seconds_above_the_pool": more,
                "job": taken["spark"][-1]["figures"],
            },
            notes=[
                f"{pictures} pictures; each side extracts with the job's own function, writes the "
                "rows as Parquet and commits them; the starts of session and pool are left out; "
                f"Spark took {number(spread(more)[1])} s more"
            ],
        )
    ]


def _warm_run(side: Child) -> dict[str, Any]:
    """A run, after one of a few pictures, some of nobody.

    Spark ends Python workers that have idled for a minute, which the other side's turns may take.
    """
    side.call("run", _FEW)
    result: dict[str, Any] = side.call("run")
    return result


def cores(folder: Path, pictures: int, pose: PoseSettings, count: int) -> list[Result]:
    """Ratio 7, first part: images/s of two cores over twice those of one.

    Each side has its own processes, JVM included, held to so many cores.
    """
    with (
        Child(SparkSide, str(folder), pictures, pose, 1, cores=1) as one,
        Child(SparkSide, str(folder), pictures, pose, 2, cores=2) as two,
    ):
        taken = rounds.turns({"one": lambda: _warm_run(one), "two": lambda: _warm_run(two)}, count)
    rates = {
        name: [turn["pictures"] / turn["seconds"] for turn in found]
        for name, found in taken.items()
    }
    ours = Measured("two cores", "images/s", rates["two"])
    reference = Measured("one core", "images/s", rates["one"])
    ratios = [value / 2 for value in quotients(ours, reference)]
    return [
        Result(
            *CORES,
            ours,
            reference,
            ratios,
            figures={"pictures": pictures},
            notes=["images/s of two cores ÷ 2 × images/s of one; each side is held to its cores"],
        )
    ]
