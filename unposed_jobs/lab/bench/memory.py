"""Ratio 8: what the driver holds, at two sizes of the catalogue a hundred apart.

The executors are processes of a standalone cluster, so that the driver's JVM is its own. While a
night runs (change detection, then the audit, on made tables), its memory is looked at again and
again: the resident set of the driver's Python, and the heap that its JVM still uses after a
collection. Each size has a driver of its own, which works through some nights.
"""

from __future__ import annotations

import gc
import os
import tempfile
import threading
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Any

from unposed_jobs.config import PoseSettings
from unposed_jobs.distributed import session
from unposed_jobs.lab.bench import cluster, made, sessions, tables
from unposed_jobs.lab.bench.child import Child
from unposed_jobs.lab.bench.results import Measured, Result, Target, quotients

CARRIED = ("8 carried", "driver memory, carried columns over none", Target("at_most", 1.1))
MEMORY = ("8", "driver memory, large catalogue over small", Target("at_most", 1.1))
_EVERY = 2.0
_MEGABYTE = 2**20


class Driver:
    """A driver on a cluster, and how much it held while a night ran."""

    def __init__(self, root: str, pose: PoseSettings, master: str, workers: int) -> None:
        options = sessions.options(workers, "2g") | {"spark.executor.memory": "1g"}
        self._spark = session.session("bench", master, options)
        self._root = Path(root)
        self._pose = pose

    def night(self, products: int, turn: int, carried: bool = False) -> dict[str, Any]:
        """Peak MiB of Python and of the JVM's heap, and what the night found."""
        from unposed_jobs.jobs import audit, extract
        from unposed_jobs.jobs.entry import Run

        settings = tables.settings_of(self._root / str(products), self._pose, carried=carried)
        run = Run(made.DAY + timedelta(days=turn), progress=lambda line: None)
        with _Watch(self._spark) as watch:
            extracted = extract.run(self._spark, settings, run)
            audited = audit.run(self._spark, settings, run)
        return {
            "python_mib": watch.python / _MEGABYTE,
            "heap_mib": watch.heap / _MEGABYTE,
            "looks": watch.looks,
            "pictures": extracted["pictures"],
            "unchanged": extracted["unchanged"],
            "products": audited["products"],
        }

    def close(self) -> None:
        """Stop the session."""
        self._spark.stop()


class _Watch:
    """Looks at the driver's memory from a thread of its own, and once more at the end."""

    def __init__(self, spark: Any) -> None:
        self._jvm = spark.sparkContext._jvm
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.python = self.heap = self.looks = 0

    def __enter__(self) -> _Watch:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join()
        if error is None:
            self._look()

    def _watch(self) -> None:
        while not self._over.wait(_EVERY):
            self._look()

    def _look(self) -> None:
        gc.collect()
        self.python = max(self.python, _resident())
        self._jvm.java.lang.System.gc()
        runtime = self._jvm.java.lang.Runtime.getRuntime()
        self.heap = max(self.heap, int(runtime.totalMemory()) - int(runtime.freeMemory()))
        self.looks += 1


def _resident() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def measure(sizes: tuple[int, int], pose: PoseSettings, cores: int, count: int) -> list[Result]:
    """Ratio 8 for catalogues of so many images, in `count` rounds."""
    small, large = (max(1, size // made.PICTURES) for size in sizes)
    with tempfile.TemporaryDirectory() as root:
        with Child(tables.MadeCatalogues, root, pose, cores) as maker:
            for products in (small, large):
                maker.call("make", products)
        with cluster.standalone(cores) as master:
            taken = {}
            # One after the other: what memory is held does not hang on how busy the machine is.
            for name, products in (("small", small), ("large", large), ("carried", large)):
                # The catalogue's nights go on where those before ended.
                turns = range(count, 2 * count) if name == "carried" else range(count)
                with Child(Driver, root, pose, master, cores) as driver:
                    taken[name] = [
                        driver.call("night", products, turn, name == "carried") for turn in turns
                    ]
    held = {
        name: [turn["python_mib"] + turn["heap_mib"] for turn in found]
        for name, found in taken.items()
    }
    ours = Measured(f"{taken['large'][0]['pictures']:,} images", "MiB", held["large"])
    reference = Measured(f"{taken['small'][0]['pictures']:,} images", "MiB", held["small"])
    carried = Measured(f"{len(made.FURTHER)} carried columns", "MiB", held["carried"])
    return [
        Result(
            *MEMORY,
            ours,
            reference,
            quotients(ours, reference),
            figures={"sizes": sizes, "nights": taken},
            notes=[
                "peak of the driver's Python (resident) and of its JVM's heap after collection, "
                "during change detection and audit; executors are other processes"
            ],
        ),
        Result(*CARRIED, carried, ours, quotients(carried, ours)),
    ]
