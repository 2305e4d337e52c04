from __future__ import annotations

import boto3
import pytest

from unposed_jobs.distributed import session


@pytest.fixture(scope="session")
def spark(tmp_path_factory):
    """One small Spark for all tests: two cores, no web page, the loopback alone."""
    from pyspark.sql import SparkSession

    session._require_java()
    folder = tmp_path_factory.mktemp("spark")
    options = {
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.shuffle.partitions": "2",
        "spark.local.dir": str(folder / "local"),
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
        "spark.log.level": "ERROR",
    }
    with pytest.MonkeyPatch.context() as patch:
        import sys

        patch.setenv("PYSPARK_PYTHON", sys.executable)
        patch.setenv("PYSPARK_DRIVER_PYTHON", sys.executable)
        # Two tries for each task, as the commands have.
        builder = SparkSession.builder.master("local[2,2]").appName("tests")
        for key, value in options.items():
            builder = builder.config(key, value)
        started = builder.getOrCreate()
        session.session("tests")
        yield started
        started.stop()


@pytest.fixture
def s3_bucket(aws):
    """A bucket that workers reach too; its name."""
    boto3.session.Session().client("s3").create_bucket(Bucket="catalogue")
    return "catalogue"
