"""One Spark for all tests of a process: started when first asked for, anew where its JVM ended."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from unposed_jobs.distributed import session

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

LINES = 60
"""Of the JVM's output, in the report of a test that it failed."""


class Jvm:
    """Two cores, no web page, the loopback alone. What it writes is kept in files of its own: its
    parent's error output is pytest's, which is thrown away."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._log = folder / "none"
        self._started = 0

    @property
    def ended(self) -> bool:
        return self._process is not None and self._process.poll() is not None

    def session(self) -> SparkSession:
        from pyspark.sql import SparkSession

        if self.ended:
            self._forget()
        if self._process is None:
            self._launch()
        # Two tries for each task, as the commands have.
        builder = SparkSession.builder.master("local[2,2]").appName("tests")
        for key, value in self._options().items():
            builder = builder.config(key, value)
        jvm = builder.getOrCreate().sparkContext._jvm
        # Every expression looks these names up anew, in all of the JVM's archives.
        for name in ("functions", "PythonUtils"):
            setattr(jvm, name, getattr(jvm, name))
        return session.session("tests")

    def last_words(self) -> str:
        """How it ended and the last lines that it wrote."""
        lines = self._log.read_text(encoding="utf-8", errors="replace").splitlines()
        code = self._process.poll() if self._process else None
        return "\n".join([f"{self._log}: exit status {code}", *lines[-LINES:]])

    def stop(self) -> None:
        from pyspark import SparkContext

        # At the process's end py4j says that it closes, into streams that are closed by then.
        logging.getLogger("py4j").setLevel(logging.WARNING)
        context = SparkContext._active_spark_context
        if context is not None and not self.ended:
            context.stop()

    def _options(self) -> Mapping[str, str]:
        return {
            "spark.driver.host": "127.0.0.1",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.ui.enabled": "false",
            "spark.ui.showConsoleProgress": "false",
            "spark.sql.shuffle.partitions": "2",
            # For a few rows it takes longer to compile code or to plan anew than to work them off.
            # The DAGs' tests leave all three as Spark has them.
            "spark.sql.codegen.wholeStage": "false",
            "spark.sql.codegen.factoryMode": "NO_CODEGEN",
            "spark.sql.adaptive.enabled": "false",
            "spark.local.dir": str(self._folder / "local"),
            "spark.sql.warehouse.dir": str(self._folder / "warehouse"),
            "spark.log.level": "ERROR",
            "spark.python.daemon.module": "preloaded_daemon",
        }

    def _launch(self) -> None:
        from pyspark import SparkConf, SparkContext
        from pyspark.java_gateway import launch_gateway

        session._require_java()
        self._started += 1
        self._log = self._folder / f"jvm-{self._started}.log"
        conf = SparkConf(loadDefaults=False).setAll(list(self._options().items()))
        for name in ("PYSPARK_PYTHON", "PYSPARK_DRIVER_PYTHON"):
            os.environ.setdefault(name, sys.executable)
        found = [str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")]
        with self._log.open("wb") as log, pytest.MonkeyPatch.context() as patch:
            patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, found)))
            gateway = launch_gateway(conf, {"stdout": log, "stderr": subprocess.STDOUT})
        self._process = gateway.proc
        SparkContext._ensure_initialized(gateway=gateway)

    def _forget(self) -> None:
        """Let pyspark start another JVM: it keeps its first as long as the process lives."""
        from pyspark import SparkContext
        from pyspark.sql import SparkSession

        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
        self._process = None
        SparkContext._active_spark_context = None
        SparkContext._gateway = SparkContext._jvm = None
        SparkSession._instantiatedSession = None
        SparkSession._activeSession = None
