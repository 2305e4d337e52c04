"""The driver of test_standalone_cluster: three extractions of one list, two of them disturbed.

Run as a script: what is defined here travels to the executors by value.
"""

from __future__ import annotations

import dataclasses
import json
import os
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
from pyspark import TaskContext

from unposed_jobs.config import CatalogueSettings, PoseSettings, Settings
from unposed_jobs.distributed import chunks, devices, session
from unposed_jobs.jobs import extract
from unposed_jobs.jobs.context import Context
from unposed_jobs.jobs.entry import Run
from unposed_jobs.lab.bench.extraction import DAY, references, warehouse_settings
from unposed_jobs.pose import estimators
from unposed_jobs.warehouse import Stager, Warehouse

FOLDER = sys.argv[2]


def looked(batches):
    """What a task is given: address, what CUDA would see, the executor's daemon."""
    numbers = [number for batch in batches for number in batch.column(0).to_pylist()]
    found = [devices.take_gpu(), os.environ["CUDA_VISIBLE_DEVICES"], str(os.getppid())]
    note(f"looked-{found[0]}", json.dumps(found))
    until("looked-3-*", "looked-7-*")  # So that both executors have taken one.
    yield pa.RecordBatch.from_pydict({"number": numbers})


def note(what, text=""):
    """Leave a file for each attempt: a speculative one may finish first, and its result counts."""
    name = f"{what}-{TaskContext.get().taskAttemptId()}"
    Path(FOLDER, f".{name}").write_text(text)
    Path(FOLDER, f".{name}").rename(Path(FOLDER, name))


def until(*patterns):
    """Wait for what other tasks note; not for ever, so that a test fails instead of hanging."""
    end = time.monotonic() + 120
    while not all(any(Path(FOLDER).glob(pattern)) for pattern in patterns):
        if time.monotonic() > end:
            raise TimeoutError(f"nobody noted {patterns}")
        time.sleep(0.05)


def extracted(batches, pose, estimator_id):
    devices.no_cuda = lambda: None  # The GPUs are made up.
    yield from chunks.extract_chunks(batches, pose, estimator_id)


def together(batches, pose, estimator_id):
    """Hands no rows over before both executors have some: one may be ready much sooner."""
    for rows in extracted(batches, pose, estimator_id):
        note(f"extracted-{rows.column('gpu')[0]}")
        until("extracted-3-*", "extracted-7-*")
        yield rows


def dies_once(batches, pose, estimator_id):
    yield from extracted(batches, pose, estimator_id)
    if TaskContext.get().attemptNumber() == 0:
        note("died")
        raise RuntimeError("the executor is lost after its rows were handed over")


def hangs_once(batches, pose, estimator_id):
    yield from extracted(batches, pose, estimator_id)
    if TaskContext.get().attemptNumber() > 0:
        note("speculated")
    elif TaskContext.get().partitionId() == 0:
        until("speculated-*")


class Dies(Stager):
    def write(self, data):
        staged = Stager.write(self, data)
        if TaskContext.get().attemptNumber() == 0:
            note("staged")
            raise RuntimeError("the executor is lost after its files were written")
        return staged


class Losing(Warehouse):
    def stage(self, name, run_id):
        stager = Warehouse.stage(self, name, run_id)
        fields = dataclasses.fields(stager)
        return Dies(**{item.name: getattr(stager, item.name) for item in fields})


def main(master, weights, options):
    spark = session.session("cluster", master, json.loads(options))
    # A worker that died loads the estimator again: one look loads faster than two.
    pose = PoseSettings(weights=weights, second_look=False, chunk_size=2, read_threads=2)
    listed = references(f"{FOLDER}/pictures").to_pandas()
    done = spark.range(0, 4, 1, 4).mapInArrow(looked, "number long").count()
    attempts = [json.loads(path.read_text()) for path in Path(FOLDER).glob("looked-*")]
    told = {"tasks": done, "attempts": attempts}
    for name, how, kind in (
        ("plain", together, Warehouse),
        ("dying", dies_once, Losing),
        ("hanging", hangs_once, Warehouse),
    ):
        Path(FOLDER, name).mkdir()
        settings = Settings(
            warehouse=warehouse_settings(f"{FOLDER}/{name}"),
            pose=pose,
            catalogue=CatalogueSettings(image_root=f"{FOLDER}/pictures"),
        )
        warehouse = kind.open(settings.warehouse)
        job = Context(spark, settings, Run(DAY, progress=lambda line: None), warehouse)
        # No module: what stands in for it travels to the executors.
        extract.chunks = SimpleNamespace(
            **{name: getattr(chunks, name) for name in ("EXTRACTED", "PARTS", "commits", "cut")},
            extract_chunks=how,
        )
        tonight = spark.createDataFrame(listed)
        *_, done = extract.extract_contents(job, "run", estimators.identify(pose), tonight)
        rows = warehouse.read("landmarks").sort_by("content_sha256").to_pylist()
        told[name] = {"figures": done.figures(), "rows": rows}
        told["shape"] = [job.tasks, job.chunk_size]
    told["events"] = {
        what: len(list(Path(FOLDER).glob(f"{what}-*"))) for what in ("died", "staged", "speculated")
    }
    Path(FOLDER, "told.json").write_text(json.dumps(told, default=bytes.hex))
    spark.stop()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[3], sys.argv[4])
