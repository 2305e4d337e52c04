"""The clusters' settings: they say the same of what our rows rely on, and hold no secret."""

from __future__ import annotations

from pathlib import Path

import pytest

CONF = Path(__file__).parents[2] / "spark/conf"
KINDS = sorted(path.parent.name for path in CONF.glob("*/spark-defaults.conf"))


def settings(kind: str) -> dict[str, str]:
    lines = (CONF / kind / "spark-defaults.conf").read_text().splitlines()
    pairs = [line.split(None, 1) for line in lines if line.strip() and not line.startswith("#")]
    assert all(len(pair) == 2 for pair in pairs)
    found = {name: value.strip() for name, value in pairs}
    assert len(found) == len(pairs)
    return found


def test_all_kinds_are_there():
    assert KINDS == ["cpu", "gpu", "kubernetes", "local", "yarn"]


@pytest.mark.parametrize("kind", KINDS)
def test_what_rows_rely_on_is_the_same_everywhere(kind):
    found = settings(kind)
    for name in (
        "spark.sql.session.timeZone",
        "spark.sql.parquet.outputTimestampType",
        "spark.sql.execution.arrow.pyspark.enabled",
        "spark.python.sql.dataFrameDebugging.enabled",
        "spark.ui.enabled",
    ):
        assert found[name] == settings("local")[name]
    assert all(name.startswith("spark.") for name in found)
    assert not any("SECRET" in name or "PASSWORD" in name.upper() for name in found)


@pytest.mark.parametrize("kind", ["cpu", "yarn", "kubernetes"])
def test_clusters_log_their_events_and_tell_their_executors_where_things_are(kind):
    found = settings(kind)
    assert found["spark.eventLog.enabled"] == "true"
    assert found["spark.executorEnv.UNPOSED_HOME"]
    assert int(found["spark.task.maxFailures"]) > 1


@pytest.mark.parametrize(
    ("rows", "number"), [(24, 2), (40_000, 2), (100_000, 5), (10_000_000, 400)]
)
def test_a_shuffle_has_as_many_partitions_as_its_rows_fill(rows, number):
    from types import SimpleNamespace

    from unposed_jobs.distributed.session import fit_shuffle

    kept: dict[str, int] = {}
    configured = {"spark.sql.shuffle.partitions": "400"}
    context = SimpleNamespace(getConf=lambda: configured, defaultParallelism=2)
    spark = SimpleNamespace(
        sparkContext=context,
        conf=SimpleNamespace(set=lambda name, value: kept.update({name: value})),
    )
    assert fit_shuffle(spark, rows) == number
    assert kept == {"spark.sql.shuffle.partitions": number}


def test_the_folder_of_the_event_log_is_made(tmp_path, monkeypatch):
    from unposed_jobs.distributed import session

    text = (CONF / "cpu/spark-defaults.conf").read_text()
    folder = tmp_path / "a" / "spark-events"
    told = text.replace("file:///var/lib/unposed/spark-events", folder.as_uri())
    (tmp_path / "spark-defaults.conf").write_text(told)
    monkeypatch.setenv("SPARK_CONF_DIR", str(tmp_path))
    session._make_event_folder()
    assert folder.is_dir()
    monkeypatch.setenv("SPARK_CONF_DIR", str(tmp_path / "nowhere"))
    session._make_event_folder()
