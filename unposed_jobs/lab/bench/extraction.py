"""The extraction step as sides: the job's own fan-out, and a bare pool with the same chunks.

Both take references, extract with `jobs.chunks.extract_chunks`, write the rows as Parquet and
commit them to a fresh warehouse. What differs is who carries the chunks.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import tempfile
import time
from collections.abc import Callable
from datetime import date
from itertools import chain
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from unposed_jobs.config import PoseSettings, Settings, StorageSettings, WarehouseSettings
from unposed_jobs.lab.bench import sessions
from unposed_jobs.pose import estimators
from unposed_jobs.warehouse import tables

DAY = date(2026, 1, 5)
_RUN = "bench"
_WARMING = (*[2] * 8, 150)
"""Pictures of each core in the runs before anything is timed."""
_REFERENCES = pa.schema(
    [("image_uri", pa.string()), ("content_sha256", pa.string()), ("status", pa.string())]
)


def references(folder: str | Path, count: int | None = None) -> pa.Table:
    """The first `count` pictures of a folder as the job knows them once they are fingerprinted."""
    paths = sorted(path for path in Path(folder).iterdir() if path.is_file())[:count]
    rows = [(str(path), hashlib.sha256(path.read_bytes()).hexdigest(), "ok") for path in paths]
    columns = [pa.array(list(column), pa.string()) for column in zip(*rows, strict=True)]
    return pa.table(columns, schema=_REFERENCES)


def warehouse_settings(folder: str | Path) -> WarehouseSettings:
    """A warehouse of its own below `folder`."""
    return WarehouseSettings(
        uri=f"sqlite:///{folder}/catalog.db",
        location=f"{folder}/warehouse",
        views=f"{folder}/unposed.duckdb",
    )


class SparkSide:
    """The job's own step in a session on `cores` cores; session and workers are warm."""

    def __init__(self, folder: str, count: int, pose: PoseSettings, cores: int) -> None:
        self._spark = sessions.local(cores)
        self._pose = pose
        self._all = references(folder, count)
        _warm(self.run, cores, count)

    def run(self, count: int | None = None) -> dict[str, Any]:
        """Extract `count` pictures (else all) and commit; seconds, pictures and figures."""
        from unposed_jobs.jobs.context import Context
        from unposed_jobs.jobs.entry import Run
        from unposed_jobs.jobs.extract import extract_contents
        from unposed_jobs.warehouse import Warehouse

        with tempfile.TemporaryDirectory() as folder:
            listed = f"{folder}/references.parquet"
            pq.write_table(self._all.slice(0, count), listed)
            settings = Settings(
                warehouse=warehouse_settings(folder),
                pose=self._pose,
                storage=StorageSettings(roots=("/",)),
            )
            warehouse = Warehouse.open(settings.warehouse)
            job = Context(self._spark, settings, Run(DAY, progress=_quiet), warehouse)
            estimator_id = estimators.identify(self._pose)
            tonight = self._spark.read.parquet(listed)
            start = time.perf_counter()
            *_, done = extract_contents(job, _RUN, estimator_id, tonight)
            seconds = time.perf_counter() - start
            stored = warehouse.table("landmarks").scan().count()
        return {"seconds": seconds, "pictures": done.extracted, "stored": stored} | {
            "figures": done.figures()
        }

    def close(self) -> None:
        """Stop the session."""
        self._spark.stop()


class PoolSide:
    """The same chunks in a bare pool of `processes`, each with its estimator ready."""

    def __init__(self, folder: str, count: int, pose: PoseSettings, processes: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._processes = processes
        self._pose = pose
        self._all = references(folder, count)
        self._pool = context.Pool(processes, _prepare, (pose,))
        _warm(self.run, processes, count)

    def run(self, count: int | None = None) -> dict[str, Any]:
        """As `SparkSide.run`."""
        from unposed_jobs.warehouse import Warehouse, bucket_of

        with tempfile.TemporaryDirectory() as folder:
            settings = warehouse_settings(folder)
            warehouse = Warehouse.open(settings)
            listed = self._all.slice(0, count)
            start = time.perf_counter()
            chunks = self._chunks(listed)
            rows = pa.concat_tables(self._pool.imap_unordered(_extract, chunks))
            committing = time.perf_counter()
            bucket = bucket_of(rows["content_sha256"], settings.buckets)
            columns = [
                name for name in tables.LANDMARKS.schema.names if name not in ("bucket", "run_id")
            ]
            rows = rows.select(columns).append_column("bucket", bucket).sort_by("bucket")
            staged = warehouse.stage("landmarks", _RUN).write(rows)
            warehouse.append("landmarks", staged, _RUN, part=0)
            seconds = time.perf_counter() - start
            stored = warehouse.table("landmarks").scan().count()
        return {
            "seconds": seconds,
            "pictures": rows.num_rows,
            "stored": stored,
            "commit_seconds": start + seconds - committing,
        }

    def _chunks(self, listed: pa.Table) -> list[tuple[pa.RecordBatch, PoseSettings]]:
        """As the job cuts so many pictures, the small ones last."""
        from unposed_jobs.distributed import chunks

        rows = listed.num_rows
        cut = chunks.cut(rows, self._pose.chunk_size, self._processes)
        batch = listed.combine_chunks().to_batches()[0]
        if not cut.parts:
            chosen = [list(range(start, rows, cut.number)) for start in range(cut.number)]
        else:
            shares = [list(range(start, rows, cut.quarters)) for start in range(cut.quarters)]
            split = chunks.PARTS * cut.whole
            chosen = [
                list(chain(*shares[start : start + chunks.PARTS]))
                for start in range(0, split, chunks.PARTS)
            ] + shares[split:]
        return [(batch.take(pa.array(places)), self._pose) for places in chosen]

    def close(self) -> None:
        """End the pool."""
        self._pool.close()
        self._pool.join()


def _warm(run: Callable[[int], Any], cores: int, count: int) -> None:
    """Runs that are not timed, of hardly more pictures than those that are.

    By then the JVM has compiled what a run asks of it: that, too, is of a session's start.
    """
    done = 0
    for each in _WARMING:
        if done < count:
            run(each * cores)
            done += each * cores


def _prepare(pose: PoseSettings) -> None:
    """A worker of the pool loads what a worker of Spark keeps between tasks."""
    from unposed_jobs.distributed import chunks

    chunks.ready(pose)


def _extract(chunk: tuple[pa.RecordBatch, PoseSettings]) -> pa.Table:
    from unposed_jobs.distributed import chunks

    batch, pose = chunk
    return pa.Table.from_batches(
        chunks.extract_chunks(iter([batch]), pose, estimators.identify(pose))
    )


def _quiet(_: str) -> None:
    """Progress that nobody reads."""
