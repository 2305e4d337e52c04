"""The figures of an extraction: what became of the pictures, how fast, and where the time went."""

from __future__ import annotations

import dataclasses
import time
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from pyspark.sql import functions as F

from unposed_jobs import storage
from unposed_jobs.distributed import frames
from unposed_jobs.pose import pipeline

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_EXTRACTED = ("ok", "no_person", "unreadable")
"""Statuses of `landmarks`."""


@dataclass(frozen=True)
class Compared:
    """Numbers of listed pictures, by how they differ from what the table `images` knew."""

    pictures: int = 0
    new: int = 0
    changed: int = 0
    """Other bytes under a known address."""
    touched: int = 0
    """Another date or tag, the same bytes."""
    unchanged: int = 0
    failed: int = 0
    """Those whose bytes cannot be had; by `statuses`, why."""
    statuses: Mapping[str, int] = field(default_factory=dict)
    """By status of the table `images`, for each of `storage.STATUSES`."""

    @classmethod
    def of(cls, changes: Mapping[str, int], statuses: Mapping[str, int]) -> Compared:
        """From numbers of pictures by change and by status."""
        names = ("new", "changed", "touched", "unchanged", "failed")
        return cls(
            sum(changes.values()),
            **{name: changes.get(name, 0) for name in names},
            statuses={name: statuses.get(name, 0) for name in storage.STATUSES},
        )

    def figures(self) -> dict[str, Any]:
        """For the table `runs`."""
        values = {item.name: getattr(self, item.name) for item in dataclasses.fields(self)}
        return values | values.pop("statuses")


@dataclass(frozen=True)
class Measured:
    """How an extraction went, for the table `runs`."""

    seconds: float
    """By the driver's clock, from the first group of chunks to the last commit."""
    images_per_second: float
    """Contents extracted over `seconds`."""
    no_person_share: float | None
    """Of the readable ones; None where there is none."""
    errors: Mapping[str, int]
    """Unreadable contents by their error's first word."""
    incomplete: int
    """JPEGs that are short of their end, and were read."""
    stage_seconds: Mapping[str, float]
    """Read, decode, infer and describe, summed over all workers and threads; write, by the
    driver's clock."""
    gpus: tuple[str, ...]
    """Their names, where any was used."""


@dataclass(frozen=True)
class Extracted:
    """Numbers of contents that were to be extracted, by what became of them so far."""

    to_extract: int = 0
    extracted: int = 0
    """Committed: the sum of the next three."""
    ok: int = 0
    no_person: int = 0
    unreadable: int = 0
    lost: int = 0
    """There when the pictures were compared, and not when they were to be extracted."""
    unreadable_pictures: int = 0
    """Pictures that are listed tonight and could not be decoded, on this night or before."""
    snapshot: int | None = None
    """Of the table `landmarks`, after the last commit."""
    measured: Measured | None = None
    """None in a dry run, which extracts nothing."""

    def losing(self, lost: int) -> Extracted:
        """With so many more lost."""
        return dataclasses.replace(self, lost=self.lost + lost)

    def committing(self, counts: Mapping[str, int], snapshot: int) -> Extracted:
        """After one more commit, of so many contents by status of `landmarks`."""
        values = {name: getattr(self, name) + counts.get(name, 0) for name in _EXTRACTED}
        return dataclasses.replace(
            self, extracted=sum(values.values()), snapshot=snapshot, **values
        )

    def figures(self) -> dict[str, Any]:
        """For the table `runs`."""
        values = {item.name: getattr(self, item.name) for item in dataclasses.fields(self)}
        del values["snapshot"], values["measured"]
        if self.measured is not None:
            values |= dataclasses.asdict(self.measured)
            values["gpus"] = list(self.measured.gpus)
            values["extract_seconds"] = values.pop("seconds")
        return values

    def speed(self) -> str:
        """How fast, and where the time went, for a line; empty where nothing was extracted."""
        if not self.extracted or self.measured is None:
            return ""
        spent = self.measured.stage_seconds.items()
        split = ", ".join(f"{name} {seconds:g} s" for name, seconds in spent)
        return (
            f" in {self.measured.seconds:g} s, {self.measured.images_per_second:g} images/s"
            f"{f' ({split})' if split else ''}"
        )


class Tally:
    """Counts errors, stages' seconds and GPUs over the groups of rows of a run."""

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

    def measure(self, extracted: Extracted) -> Measured:
        """What was measured up to now."""
        readable = extracted.ok + extracted.no_person
        seconds = round(time.monotonic() - self._start, 2)
        return Measured(
            seconds=seconds,
            images_per_second=round(extracted.extracted / max(seconds, 0.01), 2),
            no_person_share=round(extracted.no_person / readable, 4) if readable else None,
            errors=dict(sorted(self._errors.items())),
            incomplete=self._notes["incomplete"],
            stage_seconds={name: round(spent, 3) for name, spent in self.seconds.items()},
            gpus=tuple(sorted(self._gpus)),
        )
