"""What an extraction tells of itself: speed, errors, and where the time went."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from pyspark.sql import functions as F

from unposed_jobs.jobs import frames
from unposed_jobs.pose import pipeline

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


class Told:
    """What the rows of a run tell of it, beside their number."""

    def __init__(self) -> None:
        self._start = time.monotonic()
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self._errors: Counter[str] = Counter()
        self._notes: Counter[str] = Counter()
        self._gpus: set[str] = set()

    def add(self, rows: DataFrame) -> tuple[dict[str, int], str]:
        """Add rows, in one pass; returns how many there are of each status, and the digest of
        their contents. Those that are ``lost`` are counted alone.

        Errors count by the word before the colon. Of tasks that ran twice only the rows that
        are kept are counted.
        """
        timed = [stage for stage in pipeline.STAGES if f"{stage}_seconds" in rows.columns]
        gpus = [F.collect_set("gpu").alias("gpus")] if "gpu" in rows.columns else []
        found = (
            rows.groupBy("status", F.substring_index("error", ":", 1).alias("error"))
            .agg(
                F.count(F.lit(1)).alias("rows"),
                frames.digest_sum("content_sha256").alias("digest"),
                *(F.sum(f"{stage}_seconds").alias(stage) for stage in timed),
                *gpus,
            )
            .collect()
        )
        counts: Counter[str] = Counter()
        for row in found:
            counts[row["status"]] += row["rows"]
            if row["error"] is not None and row["status"] != "lost":
                broken = row["status"] == "unreadable"
                (self._errors if broken else self._notes)[row["error"]] += row["rows"]
            for stage in timed:
                self.seconds[stage] += row[stage] or 0.0
            self._gpus |= set(row["gpus"]) if gpus else set()
        kept = [row for row in found if row["status"] != "lost"]
        total = sum((row["digest"] for row in kept), Decimal(0)) if kept else None
        return dict(counts), frames.digest_of(total, sum(row["rows"] for row in kept))

    def figures(self, counted: dict[str, Any]) -> dict[str, Any]:
        """For the table `runs`. The stages' seconds are summed over all workers and threads;
        writing is the driver's, by the clock.
        """
        extracted, readable = counted["extracted"], counted["ok"] + counted["no_person"]
        wall = time.monotonic() - self._start
        return {
            "images_per_second": round(extracted / wall, 2),
            "no_person_share": round(counted["no_person"] / readable, 4) if readable else None,
            "errors": dict(sorted(self._errors.items())),
            "incomplete": self._notes["incomplete"],
            "stage_seconds": {name: round(spent, 3) for name, spent in self.seconds.items()},
            "gpus": sorted(self._gpus),
        }


def speed(figures: dict[str, Any]) -> str:
    """How fast, and where the time went; nothing where nothing was extracted."""
    if not figures["extracted"]:
        return ""
    split = ", ".join(f"{name} {spent:g} s" for name, spent in figures["stage_seconds"].items())
    return f", {figures['images_per_second']:g} images/s" + (f" ({split})" if split else "")
