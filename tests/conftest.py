from __future__ import annotations

import functools
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import counted_lines
import pytest
import spark_in_tests

from unposed_jobs import config
from unposed_jobs.errors import UnposedError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession
    from xdist.scheduler import Scheduling

    from unposed_jobs.warehouse import Warehouse

JVM = pytest.StashKey[spark_in_tests.Jvm]()
WITH_SPARK = re.compile(r"^def \w+\([^)]*\bspark\b", re.MULTILINE)
"""A test or fixture that asks for `spark`."""


@functools.cache
def with_spark(path: Path) -> bool:
    """Whether a file of tests needs Spark's JVM."""
    return WITH_SPARK.search(path.read_text(encoding="utf-8")) is not None


def pytest_configure() -> None:
    if "SLIPCOVER_ENABLED" in os.environ:
        counted_lines.pickle_probes()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest begins first, lest one process is left with it at the end."""
    items.sort(key=lambda item: (not with_spark(item.path), "e2e" not in item.keywords))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(
    config: pytest.Config, log: Callable[..., None]
) -> Scheduling | None:
    """Files side by side, but those with Spark one after the other: a JVM takes many times as long
    for what it does for the first time."""
    if config.getoption("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling

    class OneJvm(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = super()._split_scope(nodeid)
            return "spark" if with_spark(config.rootpath / file) else file

    return OneJvm(config, log)


@pytest.fixture(scope="module", autouse=True)
def own_storage() -> Iterator[None]:
    """Where a command that ran in this process may read binds no other file's tests."""
    from unposed_jobs.storage import web
    from unposed_jobs.storage.process import Process

    before = Process.settings
    yield
    web.configure(before)


@pytest.fixture(scope="session", autouse=True)
def views_without_comments() -> None:
    """The tests write views hundreds of times, and comments take longer than the views; those are
    tested in sql/test_views.py."""
    from unposed_jobs.sql import views

    assert views.create.__kwdefaults__ is not None
    views.create.__kwdefaults__["comments"] = False


@pytest.fixture(scope="session")
def pose_weights() -> config.PoseSettings:
    """The default pose settings, their weights fetched once into the default cache."""
    from unposed_jobs.networks import weights

    settings = config.PoseSettings(weights=str(config.cache() / "weights"))
    try:
        weights.fetch_all(settings, weights.defaults())
    except UnposedError as error:
        pytest.skip(f"the weights cannot be fetched: {error}")
    return settings


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """The address of an AWS stand-in (S3, Glue) on the loopback."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def aws(s3_server: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The environment that reaches `s3_server`, here and in new worker processes; its address."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_server)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing-secret")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    return s3_server


@pytest.fixture
def s3_bucket(aws: str) -> str:
    """A bucket that Spark's workers reach too; its name."""
    import boto3

    boto3.session.Session().client("s3").create_bucket(Bucket="catalogue")
    return "catalogue"


@pytest.fixture(scope="session")
def made_warehouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a warehouse without rows, to be copied: to make the tables takes a second."""
    import warehouse_samples

    from unposed_jobs.warehouse import Warehouse

    folder = tmp_path_factory.mktemp("warehouse")
    Warehouse.open(warehouse_samples.settings(folder))
    return folder


@pytest.fixture
def warehouse(tmp_path: Path, made_warehouse: Path) -> Warehouse:
    """A warehouse of the test's own."""
    import warehouse_samples

    from unposed_jobs.warehouse import Warehouse

    warehouse_samples.copy(made_warehouse, tmp_path)
    return Warehouse.open(warehouse_samples.settings(tmp_path))


@pytest.fixture(scope="session")
def jvm(
    pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[spark_in_tests.Jvm]:
    made = pytestconfig.stash[JVM] = spark_in_tests.Jvm(tmp_path_factory.mktemp("spark"))
    yield made
    made.stop()


@pytest.fixture(scope="module")
def spark(jvm: spark_in_tests.Jvm) -> SparkSession:
    """The Spark that all tests of this process share; a file whose JVM has ended takes no other
    along."""
    return jvm.session()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    report = yield
    jvm = item.config.stash.get(JVM, None)
    if report.failed and jvm is not None and jvm.ended:
        report.sections.append(("Spark's JVM has ended", jvm.last_words()))
    return report
