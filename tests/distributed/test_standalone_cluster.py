"""The fan-out on a standalone cluster: two workers, each with a GPU that is made up.

The executors are processes of their own with an address each, as on GPU nodes; nothing is computed
on a GPU. The driver runs in a process of its own, too: the other tests' session is a local one.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from unposed_jobs.distributed import session
from unposed_jobs.jobs.context import GPU_CHUNK
from unposed_jobs.lab.bench import cluster

ROOT = Path(__file__).parents[2]
GPU = "spark.worker.resource.gpu."
DRIVER = Path(__file__).parent / "standalone_driver.py"
SHORT = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
"""For a JVM that lives for a minute, of which there are five: compile fast rather than well."""


@pytest.fixture(scope="module")
def told(tmp_path_factory, pose_weights):
    """What the driver's process wrote: tasks and their GPUs, tables of two runs."""
    from unposed_jobs.lab.bench import pictures
    from unposed_jobs.lab.sample.writer import SampleSettings, write_sample

    session._require_java()
    folder = tmp_path_factory.mktemp("cluster")
    write_sample(folder / "sample", SampleSettings(products=1, size=200), 1, progress=False)
    source = next((folder / "sample").rglob("*.jpg")).read_bytes()
    (folder / "pictures").mkdir()
    for turn in range(6):
        (folder / "pictures" / f"{turn}.jpg").write_bytes(pictures.varied(source, turn))
    workers = []
    for address in ("3", "7"):
        script = folder / f"gpu{address}.sh"
        script.write_text(f"""#!/bin/sh\necho '{{"name": "gpu", "addresses": ["{address}"]}}'\n""")
        script.chmod(0o755)
        workers.append({f"{GPU}amount": "1", f"{GPU}discoveryScript": str(script)})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPARK_DAEMON_JAVA_OPTS", SHORT)
        with cluster.standalone(2, properties=workers) as master:
            subprocess.run(
                [sys.executable, str(DRIVER), master, str(folder), pose_weights.weights, options()],
                check=True,
                env=os.environ | {"PYTHONPATH": str(ROOT)},
                timeout=600,
            )
    return json.loads((folder / "told.json").read_text())


def options() -> str:
    """The settings of GPU clusters, for workers of one core; the scripts are theirs."""
    lines = (ROOT / "spark/conf/gpu/spark-defaults.conf").read_text().splitlines()
    given = dict(line.split(None, 1) for line in lines if line and not line.startswith("#"))
    given = {name: value.strip() for name, value in given.items() if "discovery" not in name}
    few = {"spark.executor.cores": "1", "spark.task.cpus": "1", "spark.executor.memory": "512m"}
    few["spark.executor.extraJavaOptions"] = SHORT
    speculation = {
        "spark.speculation": "true",
        "spark.speculation.quantile": "0.5",
        "spark.speculation.multiplier": "1.1",
        "spark.speculation.minTaskRuntime": "500ms",
    }
    return json.dumps(given | few | speculation | {"spark.log.level": "ERROR"})


def test_every_task_sees_the_gpu_of_its_executor_alone(told):
    assert told["tasks"] == 4
    assert {address for address, _, _ in told["attempts"]} == {"3", "7"}
    assert all(address == visible for address, visible, _ in told["attempts"])
    # A daemon is one executor's, and nothing hinders an executor from starting another.
    seen = {(parent, address) for address, _, parent in told["attempts"]}
    assert len(seen) == len({parent for parent, _ in seen})


def test_the_extraction_runs_on_both_and_says_so(told):
    figures = told["plain"]["figures"]
    assert (len(told["plain"]["rows"]), figures["extracted"]) == (6, 6)
    assert figures["gpus"] == ["3", "7"]
    assert set(figures["stage_seconds"]) == {
        *("read", "decode", "infer", "facts", "describe", "write")
    }
    assert figures["images_per_second"] > 0
    # Two executors of a core and a GPU each; the chunks of two pictures are a GPU's.
    assert told["shape"] == [2, 2 * GPU_CHUNK]


@pytest.mark.parametrize(
    ("run", "events"), [("dying", ("died", "staged")), ("hanging", ("speculated",))]
)
def test_tasks_that_run_twice_change_nothing(told, run, events):
    assert all(told["events"][name] for name in events)
    assert told[run]["rows"] == told["plain"]["rows"]
    counts = ("extracted", "ok", "no_person", "unreadable", "errors")
    assert [told[run]["figures"][name] for name in counts] == [
        told["plain"]["figures"][name] for name in counts
    ]
