"""A hundred nights of a catalogue that changes: faults, retrainings and upkeep among them.

The long form of `make test-faults` alone. What an extraction, a training and an audit leave in the
warehouse is written from made landmarks, without Spark and networks: this is about the tables.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import hashlib
import os
import random
import statistics
import time

import pytest
from fault_points import Died, Steps, audit, watched
from warehouse_samples import DAY, fact_rows, landmark_rows, record, settings

from unposed_jobs.reference import registry
from unposed_jobs.reference.registry import ModelRow
from unposed_jobs.sql import views
from unposed_jobs.warehouse import ConflictError, Warehouse, maintenance

NIGHTS = int(os.environ.get("UNPOSED_NIGHTS", "100"))
pytestmark = pytest.mark.skipif(
    os.environ.get("UNPOSED_FAULTS") != "long", reason="the long form: make test-faults"
)


def catalogue(night: int) -> list[str]:
    """The products of a night: about forty, some of which come and go."""
    chosen = random.Random(night)
    return [f"p{n}" for n in range(44 + night // 10) if chosen.random() > 0.08]


def contents(products: list[str]) -> list[str]:
    """Four pictures for each product, always the same."""
    return [
        hashlib.sha256(f"{name} {picture}".encode()).hexdigest()
        for name in products
        for picture in range(4)
    ]


def night(folder, number: int) -> float:
    """Extract what is new, learn each week, audit; returns the processor's seconds of all that."""
    begun = time.process_time()
    day, products = DAY + dt.timedelta(days=number), catalogue(number)
    warehouse = Warehouse.open(settings(folder))
    read_at = warehouse.snapshot_id("landmarks")
    known = set(warehouse.read("landmarks", ["content_sha256"])["content_sha256"].to_pylist())
    new = [content for content in contents(products) if content not in known]
    if new:
        run_id = f"extract-{day}"
        staged = warehouse.stage("landmarks", run_id).write(landmark_rows(new))
        warehouse.append("landmarks", staged, run_id, part=f"{len(new)} {new[0]}", read_at=read_at)
    # Whatever lacks facts, as the night's second task has it.
    have = set(warehouse.read("picture_facts", ["content_sha256"])["content_sha256"].to_pylist())
    lacking = [content for content in contents(products) if content not in have]
    for name, rows in fact_rows(lacking).items() if lacking else ():
        staged = warehouse.stage(name, f"facts-{day}").write(rows)
        part = f"{len(lacking)} {lacking[0]}"
        warehouse.append(name, staged, f"facts-{day}", part=part, leave_out_repeats=True)
    warehouse.record_run(dataclasses.replace(record(f"extract-{day}", day), job="extract"))
    if number % 7 == 0:
        row = ModelRow(f"m{number}", "candidate", "e", "", {}, {}, {}, day, None, None, "r")
        registry.record(warehouse, [row], f"train-{day}")
    audit(folder, f"audit-{day}", products, day)
    return time.process_time() - begun


def broken_night(folder, number: int) -> str:
    """The process ends somewhere; then the night is done again."""
    place = random.Random(number).randint(1, 40)
    with watched(Steps(place)) as steps, contextlib.suppress(Died):
        night(folder, number)
    try:
        night(folder, number)
    except ConflictError:  # Its own rows of before are there: it goes on with what is left.
        night(folder, number)
    return steps.done[-1]


def test_a_hundred_nights(tmp_path, record_property):
    folder = tmp_path / "home"
    cost, faults = [], []
    for number in range(NIGHTS):
        if number % 5 == 4:
            faults.append(broken_night(folder, number))
            cost.append(None)
        else:
            cost.append(night(folder, number))
        if number % 7 == 6:
            later = dt.datetime.now(dt.UTC) + dt.timedelta(days=30)
            maintenance.maintain(
                Warehouse.open(settings(folder)), apply=True, now=later, renew_views=views.publish
            )
    warehouse = Warehouse.open(settings(folder))
    shown = warehouse.read("product_audit").to_pylist()
    found: dict[dt.date, list[str]] = {}
    for row in shown:
        found.setdefault(row["run_date"], []).append(row["product_id"])
    expected = {DAY + dt.timedelta(days=n): sorted(catalogue(n)) for n in range(NIGHTS)}
    assert {day: sorted(products) for day, products in found.items()} == expected
    assert {row["run_id"] for row in shown} == {f"audit-{day}" for day in expected}
    flags = warehouse.read("pose_flags", ["run_date"])
    assert flags.num_rows == 2 * sum(map(len, expected.values()))
    landmarks = warehouse.read("landmarks", ["content_sha256"])["content_sha256"].to_pylist()
    every = {content for n in range(NIGHTS) for content in contents(catalogue(n))}
    assert len(landmarks) == len(set(landmarks))
    assert set(landmarks) == every
    for name in ("picture_facts", "picture_crops"):
        kept = warehouse.read(name, ["content_sha256"])["content_sha256"].to_pylist()
        assert (len(kept), set(kept)) == (len(every), every), name
    assert len(registry.models(warehouse)) == -(-NIGHTS // 7)
    # The first opens a new warehouse; of the last ones the runs before are as many.
    first = statistics.median(spent for spent in cost[1:6] if spent is not None)
    last = statistics.median(spent for spent in cost[-6:] if spent is not None)
    record_property(
        "tried",
        f"{NIGHTS} nights, {len(faults)} ended early, upkeep and a model each week: rows lost or "
        f"doubled: 0; a night {first:.2f} -> {last:.2f} CPU s ({last / first:.2f} x)",
    )
    assert last <= 1.5 * first
