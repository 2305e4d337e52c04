"""The Spark session of a command or of a spark-submit entry point."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from unposed_jobs import errors, storage
from unposed_jobs.errors import UnposedError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_NO_JAVA = "Spark needs Java 17 or newer: install default-jre-headless, or set JAVA_HOME"
_SQL = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    # Spark's default, INT96, is refused by Iceberg.
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    # What is broadcast passes through the driver, which would hold the rows of 100,000 pictures.
    "spark.sql.autoBroadcastJoinThreshold": "1m",
    # More than 32 files are listed by tasks; by default each has one of its own.
    "spark.sql.sources.parallelPartitionDiscovery.parallelism": "32",
    # A kept product holds all its pictures: 10,000 in one buffer, as by default, do not fit a heap.
    "spark.sql.inMemoryColumnarStorage.batchSize": "512",
    # On the way to Python Spark weighs a batch at each of its rows, and for that passes all lists
    # in it that are null again: in batches of 10,000, as by default, each row takes far longer.
    "spark.sql.execution.arrow.maxRecordsPerBatch": "512",
}
"""What the jobs rely on, whoever started the session."""
_PLACES = ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_REGION", "AWS_DEFAULT_REGION")
_ROWS_A_PARTITION = 20_000
_LOGGING = """\
rootLogger.level = error
rootLogger.appenderRef.stderr.ref = stderr
logger.gateway.name = org.apache.spark.api.python.PythonGatewayServer
logger.gateway.level = error
appender.stderr.type = Console
appender.stderr.name = stderr
appender.stderr.target = SYSTEM_ERR
appender.stderr.layout.type = PatternLayout
appender.stderr.layout.pattern = %p %c{1}: %m%n
"""


def session(
    app_name: str, master: str = "local[*,2]", options: Mapping[str, str] | None = None
) -> SparkSession:
    """The active session, that of spark-submit, or a new one: on all cores of this machine, where a
    task has a second try, as a worker may die.

    A new one listens on the loopback alone, has no web page and logs errors only; its memory is
    Spark's own setting (``spark-defaults.conf``, ``SPARK_DRIVER_MEMORY``). Executors run this
    Python. `master` and `options` are for a new one, too.

    Raises UnposedError where Java is absent or does not start.
    """
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    os.environ.setdefault("PYSPARK_DRIVER_PYTHON", sys.executable)
    from pyspark.errors import PySparkRuntimeError
    from pyspark.sql import SparkSession

    started = SparkSession.getActiveSession()
    submitted = "PYSPARK_GATEWAY_PORT" in os.environ
    if started is None:
        builder = SparkSession.builder.appName(app_name)
        try:
            if submitted:
                _make_event_folder()
            started = builder.getOrCreate() if submitted else _new(builder, master, options or {})
        except PySparkRuntimeError as error:
            if "JAVA_GATEWAY" not in str(error.getCondition()):
                raise
            raise UnposedError(f"Java did not start; {_NO_JAVA}") from None
    for key, value in _SQL.items():
        started.conf.set(key, value)
    # Where S3 is, but no secret: those are the executors' own, by spark.executorEnv or a role.
    places = {name: os.environ[name] for name in _PLACES if name in os.environ}
    started.sparkContext.environment.update(places)
    return started


def fit_shuffle(spark: SparkSession, rows: int) -> int:
    """Let what follows be shuffled into as many partitions as so many rows fill, each core having
    one, but no more than are configured; returns the number.
    """
    most = int(spark.sparkContext.getConf().get("spark.sql.shuffle.partitions", "200"))
    wanted = max(spark.sparkContext.defaultParallelism, -(-rows // _ROWS_A_PARTITION))
    number = min(most, wanted)
    spark.conf.set("spark.sql.shuffle.partitions", number)
    return number


def _new(builder: SparkSession.Builder, master: str, further: Mapping[str, str]) -> SparkSession:
    _require_java()
    cores = os.cpu_count() or 1
    with tempfile.NamedTemporaryFile("w", suffix=".properties") as logging:
        logging.write(_LOGGING)
        logging.flush()
        options = {
            "spark.driver.host": "127.0.0.1",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.ui.enabled": "false",
            "spark.ui.showConsoleProgress": "false",
            "spark.log.level": "ERROR",
            # See spark/conf/local.
            "spark.python.sql.dataFrameDebugging.enabled": "false",
            "spark.sql.shuffle.partitions": str(max(2, cores)),
            # The extra ones are for whoever runs this, in spark-defaults.conf.
            "spark.driver.defaultJavaOptions": f"-Dlog4j2.configurationFile={logging.name}",
        }
        for key, value in (options | dict(further)).items():
            builder = builder.config(key, value)
        return builder.master(master).getOrCreate()


def _make_event_folder() -> None:
    """Spark does not start where the folder of its event log is not there: the one that the
    defaults name is made, where it is one of this machine.
    """
    file = Path(os.environ.get("SPARK_CONF_DIR", ""), "spark-defaults.conf")
    with contextlib.suppress(OSError, UnposedError):  # Then Spark reports what is wrong.
        pairs = [line.split(None, 1) for line in file.read_text(encoding="utf-8").splitlines()]
        options = {pair[0]: pair[1].strip() for pair in pairs if len(pair) == 2}
        folder = options.get("spark.eventLog.dir", "")
        if options.get("spark.eventLog.enabled") == "true" and storage.scheme(folder) == "file":
            storage.local_path(folder).mkdir(parents=True, exist_ok=True)


def _require_java() -> None:
    home = os.environ.get("JAVA_HOME")
    if home and not Path(home, "bin", "java").is_file():
        raise UnposedError(f"JAVA_HOME is {home}, where there is no bin/java; {_NO_JAVA}")
    if not home and shutil.which("java") is None:
        raise UnposedError(f"no Java found; {_NO_JAVA}")


@contextlib.contextmanager
def user_errors() -> Iterator[None]:
    """Let an UnposedError that was raised on an executor end as itself, in its one line.

    Spark wraps it in its own exception, whose text ends with the worker's stack trace. Where
    adaptive execution is off, an error within a broadcast comes as Py4J's exception instead.
    """
    from py4j.protocol import Py4JJavaError
    from pyspark.errors import PySparkException

    try:
        yield
    except (PySparkException, Py4JJavaError) as error:
        found = re.search(
            r"^(?:unposed_jobs[\w.]*\.)(\w*Error): (.+)$", str(error), flags=re.MULTILINE
        )
        if found is None:
            raise
        kind = getattr(errors, found[1], UnposedError)
        raise kind(found[2]) from error
