from __future__ import annotations

import boto3
import pytest
from moto.server import ThreadedMotoServer

from unposed_jobs.jobs import session


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
        builder = SparkSession.builder.master("local[2]").appName("tests")
        for key, value in options.items():
            builder = builder.config(key, value)
        started = builder.getOrCreate()
        session.session("tests")
        yield started
        started.stop()


@pytest.fixture(scope="session")
def s3_address():
    """The address of an S3 server on the loopback."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def s3_bucket(s3_address, monkeypatch):
    """A bucket and the environment that reaches it, here and in new worker processes."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_address)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    boto3.session.Session().client("s3").create_bucket(Bucket="catalogue")
    return "catalogue"
