"""Nights whose pictures are in a store that fails, or does not answer at all.

`make test-faults` runs the long form: a week and a night through Spark with faults in every tenth
answer, and a night of 10,000 pictures at a silent store with the settings that users have.
"""

from __future__ import annotations

import dataclasses
import os
import time
from datetime import UTC, date, datetime
from pathlib import Path

import boto3
import pyarrow as pa
import pytest
from faulty_store import FAULTS, FaultyStore

from unposed_jobs import config, machine, storage
from unposed_jobs.catalogue import fingerprints
from unposed_jobs.config import PoseSettings, StorageSettings
from unposed_jobs.distributed.session import user_errors
from unposed_jobs.errors import ErrorBudgetExceededError, MachineError
from unposed_jobs.jobs import audit, budgets, extract, promote, train
from unposed_jobs.jobs.entry import Run
from unposed_jobs.jobs.extraction_figures import Compared
from unposed_jobs.storage import objects, pacing, retrying
from unposed_jobs.warehouse import RunRecord, Warehouse

LONG = os.environ.get("UNPOSED_FAULTS") == "long"
long = pytest.mark.skipif(not LONG, reason="the long form: make test-faults")
DAY = date(2026, 1, 5)
NOW = datetime(2026, 1, 5, tzinfo=UTC)


def quiet(day: date, **rest) -> Run:
    return Run(day, progress=lambda line: None, **rest)


@pytest.fixture
def store(aws, monkeypatch):
    """A faulty way to an empty bucket, in force also for new workers."""
    made = FaultyStore(aws)
    s3 = boto3.session.Session().client("s3")
    name = f"shop{os.getpid()}"
    s3.create_bucket(Bucket=name)
    monkeypatch.setenv("AWS_ENDPOINT_URL", made.base)
    made.bucket = name
    yield made
    made.stop()
    storage.configure(storage.ANYWHERE)
    objects._patience.cache_clear()


@pytest.fixture
def reached(spark, store):
    """The way to the store, for workers too."""
    told = {name: os.environ[name] for name in os.environ if name.startswith("AWS_")}
    spark.sparkContext.environment.update(told)
    yield
    for name in told:
        spark.sparkContext.environment.pop(name)


def listed(uris):
    rows = [dict.fromkeys(fingerprints.LISTED.names) | {"image_uri": uri} for uri in uris]
    return pa.RecordBatch.from_pylist(rows, schema=fingerprints.LISTED)


def test_a_silent_store_is_asked_for_few_of_many_pictures(store, monkeypatch):
    monkeypatch.setattr(retrying, "PAUSE", 0.001)
    storage.configure(dataclasses.replace(storage.ANYWHERE, request_seconds=0.2))
    store.silent = True
    uris = [f"s3://{store.bucket}/{number}.jpg" for number in range(2000)]
    rows = fingerprints.fingerprint(listed(uris), PoseSettings(), DAY).to_pylist()
    assert {row["status"] for row in rows} == {"unreachable"}
    assert store.asked.total() == 0  # Counted where it answers.
    assert any("has not answered for a while" in row["error"] for row in rows)
    figures = Compared(pictures=2000, statuses={"unreachable": 2000})
    with pytest.raises(ErrorBudgetExceededError, match=r"2000 of 2000 .*Is the storage up"):
        budgets.fingerprinted(figures, config.Settings(), lambda statuses: [])


def test_pictures_and_a_table_with_faults_in_every_tenth_answer(
    store, tmp_path, monkeypatch, record_property
):
    monkeypatch.setattr(retrying, "PAUSE", 0.01)
    data = {f"s3://{store.bucket}/{n}.jpg": os.urandom(2000) for n in range(80)}
    for uri, content in data.items():
        storage.write_bytes(uri, content)
    store.share, store.late_seconds = 0.1, 0.05
    rows = fingerprints.fingerprint(listed(list(data)), PoseSettings(), DAY).to_pylist()
    assert {row["status"] for row in rows} == {"ok"}
    assert all(storage.pictures.read_bytes(uri) == content for uri, content in data.items())
    where = config.WarehouseSettings(
        uri=f"sqlite:///{tmp_path}/catalog.db", location=f"s3://{store.bucket}/tables", views=""
    )
    assert set(store.met) == set(FAULTS)
    for number in range(2):
        warehouse = Warehouse.open(where)
        warehouse.record_run(RunRecord(f"run {number}", "train", DAY, "published", NOW))
    store.only = "/data/"
    for number in range(2, 5):
        warehouse.record_run(RunRecord(f"run {number}", "train", DAY, "published", NOW))
    known = {run.run_id for run in Warehouse.open(where).runs()}
    assert known == {f"run {number}" for number in range(5)}
    record_property(
        "tried",
        f"S3, every tenth answer a fault ({dict(store.met)}): 80 pictures and a table; lost: 0",
    )


def upload(folder: Path, bucket: str) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            key = f"{bucket}/catalogue/{path.relative_to(folder)}"
            storage.write_bytes(f"s3://{key}", path.read_bytes())


def settings_of(home: Path, bucket: str, **more) -> config.Settings:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UNPOSED_HOME", str(home))
        return config.load(
            catalogue__products=f"s3://{bucket}/catalogue/products.csv",
            catalogue__images=f"s3://{bucket}/catalogue/images.csv",
            catalogue__error_budget=0.2,
            warehouse__location=f"s3://{bucket}/{home.name}",
            warehouse__buckets=2,
            warehouse__views="",
            pose__second_look=False,
            pose__picture_kinds=False,
            facts__nightly=False,
            training__bundles=f"s3://{bucket}/{home.name}-models",
            training__clusters=4,
            training__min_pictures=3,
            training__embedding="features",
            **more,
        )


def week_and_night(spark, settings) -> tuple[dict, list]:
    figures = extract.run(spark, settings, quiet(DAY))
    train.run(spark, settings, quiet(DAY))
    promote.run(spark, settings, quiet(DAY))
    audit.run(spark, settings, quiet(DAY))
    found = Warehouse.open(settings.warehouse).read("product_audit").to_pylist()
    rows = sorted((row["product_id"], row["usable"], row["unreadable"]) for row in found)
    return figures, rows


@long
def test_a_week_and_a_night_with_faults_in_every_tenth_answer(
    reached, store, spark, tmp_path, pose_weights, record_property
):
    from unposed_jobs.lab.sample.writer import SampleSettings, write_sample

    write_sample(tmp_path / "catalogue", SampleSettings(12, 5, 320, DAY), 2, progress=False)
    upload(tmp_path / "catalogue", store.bucket)
    week_and_night(spark, settings_of(tmp_path / "warm", store.bucket))
    begun = time.monotonic()
    calm = week_and_night(spark, settings_of(tmp_path / "calm", store.bucket))
    calm_seconds = time.monotonic() - begun
    store.share = 0.1
    begun = time.monotonic()
    rough = week_and_night(spark, settings_of(tmp_path / "rough", store.bucket))
    rough_seconds = time.monotonic() - begun
    met = dict(store.met)
    assert set(met) == set(FAULTS)
    assert rough[1] == calm[1]
    for name in ("pictures", "extracted", "ok", "no_person", "unreachable", "lost"):
        assert rough[0][name] == calm[0][name], name
    record_property(
        "tried",
        f"S3 with {sum(met.values())} faults ({met}) in every tenth answer: extract, train, "
        "promote, audit; pictures lost: 0, rows that differ: 0; "
        f"{rough_seconds / calm_seconds:.2f} x quiet",
    )


@long
def test_a_silent_store_ends_a_night_of_10_000_pictures_in_one_line(
    reached, store, spark, tmp_path, record_property
):
    rows = "".join(f"p{n // 4},{n}.jpg\n" for n in range(10_000))
    storage.write_bytes(
        f"s3://{store.bucket}/catalogue/products.csv",
        (
            "product_id,category,average_rating,rating_count\n"
            + "".join(f"p{n},Tops,4,10\n" for n in range(2_500))
        ).encode(),
    )
    images = f"product_id,image_uri\n{rows}".encode()
    storage.write_bytes(f"s3://{store.bucket}/catalogue/images.csv", images)
    home = tmp_path / "home"
    settings = settings_of(home, store.bucket)
    local = dataclasses.replace(settings.warehouse, location=str(home / "warehouse"))
    settings = dataclasses.replace(settings, warehouse=local)
    store.silent_below = ".jpg"
    begun = time.monotonic()
    refused = pytest.raises(ErrorBudgetExceededError, match="10000 of 10000 pictures")
    with refused as caught, machine.errors(), user_errors():
        extract.run(spark, settings, quiet(DAY))
    seconds = time.monotonic() - begun
    assert "\n" not in str(caught.value)
    assert seconds < 300
    record_property("tried", f"a silent store, 10,000 pictures: one line after {seconds:.0f} s")


@long
def test_a_worker_that_dies_is_one_line(spark, record_property):
    def die(batches):
        for batch in batches:
            os._exit(9)
            yield batch

    dead = pytest.raises(MachineError, match="a worker died")
    with dead as caught, machine.errors(), user_errors():
        spark.range(10).mapInArrow(die, "id long").collect()
    assert "\n" not in str(caught.value)
    record_property("tried", f"a dead Python worker: {str(caught.value)[:90]}...")


def test_the_bounds_of_a_silent_night_are_those_that_were_measured():
    default = StorageSettings()
    # Two workers of eight threads: the last that is asked before the store is left alone.
    rounds = pacing.SILENT / 8 + retrying.SILENT_ATTEMPTS
    assert rounds * default.request_seconds < 300
