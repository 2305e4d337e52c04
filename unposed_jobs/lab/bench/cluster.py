"""A standalone Spark cluster on the loopback: a master and workers, each a process of its own."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from unposed_jobs.errors import UnposedError

_HOST = "127.0.0.1"
_WAIT = 180.0
"""Seconds: a JVM starts slowly on a machine that is busy."""


@contextlib.contextmanager
def standalone(
    workers: int, memory: str = "1g", properties: Sequence[Mapping[str, str]] = ()
) -> Iterator[str]:
    """The address of a cluster of `workers` of one core each; it ends with the context.

    Each worker has a loopback address of its own, and so is a host of its own: a speculative copy
    of a task is never started on the host of the first.

    `properties` are the Spark settings of each worker: what GPUs it has. Raises UnposedError
    where the master does not start.
    """
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        master = f"spark://{_HOST}:{_free_port()}"
        port = master.rpartition(":")[2]
        started: list[subprocess.Popen[bytes]] = []
        try:
            started.append(_start(folder, "master.Master", "--port", port))
            _await(port, started[0])
            for number in range(workers):
                own = Path(folder) / f"worker{number}.properties"
                extra = properties[number] if properties else {}
                own.write_text("".join(f"{key} {value}\n" for key, value in extra.items()))
                flags = ["--cores", "1", "--memory", memory, "--work-dir", f"{folder}/work{number}"]
                flags += ["--properties-file", str(own), master]
                started.append(
                    _start(folder, "worker.Worker", *flags, host=f"127.0.0.{number + 2}")
                )
            yield master
        finally:
            for process in reversed(started):
                process.terminate()
            for process in started:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(30)
                process.kill()


def _start(folder: str, name: str, *flags: str, host: str = _HOST) -> subprocess.Popen[bytes]:
    found = importlib.util.find_spec("pyspark")
    if found is None or not found.submodule_search_locations:
        raise UnposedError("Spark is not installed; run: make setup")
    home = found.submodule_search_locations[0]
    command = [f"{home}/bin/spark-class", f"org.apache.spark.deploy.{name}"]
    with (Path(folder) / f"{name}.log").open("ab") as log:
        return subprocess.Popen(
            [*command, "--host", host, "--webui-port", "0", *flags],
            stdout=log,
            stderr=log,
            env=os.environ
            | {
                "SPARK_HOME": home,
                "SPARK_LOCAL_IP": host,
                "SPARK_DAEMON_MEMORY": "256m",
                "PYSPARK_PYTHON": sys.executable,
            },
            start_new_session=True,
        )


def _await(port: str, master: subprocess.Popen[bytes]) -> None:
    """A worker gives up on a master that does not listen yet."""
    end = time.monotonic() + _WAIT
    while time.monotonic() < end and master.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection((_HOST, int(port)), 1):
            return
        time.sleep(0.2)
    raise UnposedError("Spark's master did not start; is Java 17 or newer installed?")


def _free_port() -> int:
    with socket.socket() as found:
        found.bind((_HOST, 0))
        return int(found.getsockname()[1])
