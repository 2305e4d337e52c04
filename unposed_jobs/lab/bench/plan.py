"""The plan to a hundred million pictures, on paper: measured figures, multiplied."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from unposed_jobs.config import PoseSettings, Settings
from unposed_jobs.distributed import chunks as fan_out
from unposed_jobs.lab.bench.results import Result

SIZES = (1_000_000, 10_000_000, 100_000_000)
NIGHT_HOURS = 8
CHANGED_SHARE = 0.01
GETS_A_SECOND = 5_500
"""That object storage answers for one prefix (AWS's figure)."""
_GIB = 2**30


@dataclass(frozen=True)
class Basis:
    """Measured figures that the plan multiplies; None where its ratio was not measured."""

    images_a_core_second: float | None = None
    gpu_images_a_second: float | None = None
    unchanged_core_seconds: float | None = None
    """Of one unchanged picture."""
    audit_core_seconds: float | None = None
    """Of one product, in all table stages."""
    pictures_a_product: int | None = None
    landmark_bytes: float | None = None
    image_bytes: float | None = None
    driver_mib: float | None = None
    driver_mib_a_million: float | None = None

    @classmethod
    def of(cls, results: dict[str, Result], cores: int) -> Basis:
        """Gather it from the results, by their numbers, of a machine with so many cores."""
        return cls(**_extraction(results, cores), **_stages(results, cores), **_driver(results))


def _extraction(results: dict[str, Result], cores: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    one, gpu = results.get("7 cores"), results.get("2")
    night = results.get("6 unchanged, a picture")
    if one and one.reference:
        found["images_a_core_second"] = _median(one.reference.values)
    if gpu and gpu.ours and not gpu.invalid:
        found["gpu_images_a_second"] = _median(gpu.ours.values)
    if night and night.ours:
        found["unchanged_core_seconds"] = _median(night.ours.values) / 1000 * cores
    return found


def _stages(results: dict[str, Result], cores: int) -> dict[str, Any]:
    stages = results.get("7 exponent")
    if not stages or not stages.ours:
        return {}
    figures = stages.figures
    largest = max(figures["seconds"], key=int)
    weights = figures["tables"][largest]
    above = _median(figures["seconds"][largest]) - figures["fixed_seconds"]
    return {
        "audit_core_seconds": max(0.0, above) * cores / int(largest),
        "pictures_a_product": figures["pictures_a_product"],
        "landmark_bytes": weights["landmarks"]["bytes"] / weights["landmarks"]["rows"],
        "image_bytes": weights["images"]["bytes"] / weights["images"]["rows"],
    }


def _driver(results: dict[str, Result]) -> dict[str, Any]:
    held = results.get("8")
    if not held or not held.ours or not held.reference:
        return {}
    small, large = held.figures["sizes"]
    low, high = _median(held.reference.values), _median(held.ours.values)
    return {"driver_mib": high, "driver_mib_a_million": (high - low) / (large - small) * 1e6}


def rows(basis: Basis, settings: Settings, price: float) -> list[tuple[str, list[str]]]:
    """What each of `SIZES` takes: the row's name and a cell for each size.

    `price` is that of a core for an hour, in dollars.
    """
    pose, buckets = settings.pose, settings.warehouse.buckets
    table: list[tuple[str, list[str]]] = []

    def add(name: str, *values: float | None, unit: str = "") -> None:
        if all(value is not None for value in values):
            table.append((name, [f"{_round(v)}{unit}" for v in values if v is not None]))

    def each(factor: float | None) -> list[float | None]:
        return [None if factor is None else size * factor for size in SIZES]

    chunks = [math.ceil(size / pose.chunk_size) for size in SIZES]
    commits = [_commits(size, pose) for size in SIZES]
    add(f"chunks (tasks) of {pose.chunk_size} pictures", *chunks)
    add(f"commits of {pose.commit_chunks} chunks at least", *commits)
    add(
        f"files of `landmarks` before compaction (at most {buckets} a commit)",
        *(n * buckets for n in commits),
    )
    add("`landmarks`", *each(_over(basis.landmark_bytes, _GIB)), unit=" GiB")
    add("`images`", *each(_over(basis.image_bytes, _GIB)), unit=" GiB")
    rate = basis.images_a_core_second
    core_hours = _over(1.0, rate and rate * 3600)
    add("first night, CPU", *each(core_hours), unit=" core-hours")
    add(f"cores for it in {NIGHT_HOURS} hours", *each(_over(core_hours, NIGHT_HOURS)))
    add(
        f"its cost at ${price:g} a core-hour",
        *each(None if core_hours is None else core_hours * price),
        unit=" $",
    )
    gpu = basis.gpu_images_a_second
    add("first night, GPU", *each(_over(1.0, gpu and gpu * 3600)), unit=" GPU-hours")
    add(
        f"GET requests a second over {NIGHT_HOURS} hours (two reads a new picture)",
        *each(2 / NIGHT_HOURS / 3600),
    )
    later = basis.unchanged_core_seconds
    if later is not None and core_hours is not None:
        add(
            f"later night, {100 * CHANGED_SHARE:g} % changed",
            *each(later / 3600 + CHANGED_SHARE * core_hours),
            unit=" core-hours",
        )
    audit, pictures = basis.audit_core_seconds, basis.pictures_a_product
    if audit is not None and pictures:
        add(
            f"audit ({pictures} pictures a product)",
            *each(audit / pictures / 3600),
            unit=" core-hours",
        )
    if basis.driver_mib is not None and basis.driver_mib_a_million is not None:
        growth = max(0.0, basis.driver_mib_a_million)
        add(
            "driver, without its list of files",
            *(basis.driver_mib + growth * size / 1e6 for size in SIZES),
            unit=" MiB",
        )
    return table


def breaks(basis: Basis, settings: Settings) -> list[str]:
    """What gives way, the steepest growth first, each with the figure that says so."""
    pose, largest = settings.pose, SIZES[-1]
    files = _commits(largest, pose) * settings.warehouse.buckets
    found = []
    if basis.image_bytes is not None:
        found.append(
            "**`images` is written by whole buckets**: all of them wherever one picture in a "
            f"thousand changed, {_round(basis.image_bytes * largest / _GIB)} GiB at {largest:,} "
            "pictures. Remedy: more buckets before the first night."
        )
    gets = 2 * largest / NIGHT_HOURS / 3600
    found.append(
        f"**Storage.** {_round(gets)} GET requests a second fill {_round(gets / GETS_A_SECOND)} "
        f"prefixes of {GETS_A_SECOND:,} each (AWS's figure); pictures must be spread over as many."
    )
    found.append(
        f"**Small files.** Up to {_round(files)} files of `landmarks` after the first night, and "
        f"{settings.warehouse.buckets} for each commit of a later one, are planned by the driver "
        "at every read. Remedy: `unposed warehouse maintain`, more buckets only before the first "
        "night."
    )
    return found


def _commits(pictures: int, pose: PoseSettings) -> int:
    return fan_out.commits(pictures, pose.chunk_size, pose.commit_chunks)


def _over(value: float | None, divisor: float | None) -> float | None:
    return value / divisor if value is not None and divisor else None


def _median(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]


def _round(value: float) -> str:
    """Two digits are all that a projection has."""
    if value == 0:
        return "0"
    digits = 1 - math.floor(math.log10(abs(value)))
    rounded = round(value, digits)
    return f"{rounded:,.0f}" if digits <= 0 else f"{rounded:g}"
