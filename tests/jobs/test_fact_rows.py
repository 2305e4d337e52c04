"""Facts on their way into their tables: a run that ends between both loses and doubles nothing."""

from datetime import date

import pyarrow as pa
import pytest

from unposed_jobs import config
from unposed_jobs.distributed import facts
from unposed_jobs.jobs import fact_rows
from unposed_jobs.jobs.context import Context
from unposed_jobs.jobs.entry import Run
from unposed_jobs.warehouse import Warehouse

CONTENTS = [f"{n:064x}" for n in range(5)]
WANTED = facts.Asked("facts-1", "off")


def crop(name):
    return {
        "crop": name, "box": [0.0, 0.25, 1.0, 0.5], "width": 100, "height": 120, "coverage": 1.0,
        "framing": "full", "view": "front",
    }  # fmt: skip


def made(contents):
    """Rows as executors make them: a person with two crops, a product, and one that vanished."""
    plain = {"width": 640, "height": 800, "image_class": "model", "colours": ["#ff0000"]}
    rows = [
        {"content_sha256": content, "facts": plain, "crops": [crop("chest"), crop("legs")][: n % 3]}
        for n, content in enumerate(contents)
    ]
    rows[-1] |= {"facts": None, "crops": None}
    return pa.Table.from_pylist(rows, schema=facts.MADE)


@pytest.fixture
def job(spark, tmp_path, monkeypatch):
    monkeypatch.setenv("UNPOSED_HOME", str(tmp_path))
    settings = config.load(warehouse__buckets=2)
    run = Run(date(2026, 1, 5), progress=lambda line: None)
    return Context(spark, settings, run, Warehouse.open(settings.warehouse))


def keep(job, contents, again=False):
    rows = job.spark.createDataFrame(made(contents)).persist()
    since = fact_rows.Since.now(job)
    if again:
        since = since.halves(job, WANTED, rows)
    return fact_rows.keep(job, "facts-run", WANTED, rows, since)


def test_a_run_that_ends_between_the_tables_is_made_good(job, monkeypatch):
    append = Warehouse.append

    def ends(self, name, *args, **rest):
        if name == "picture_facts":
            raise KeyboardInterrupt
        return append(self, name, *args, **rest)

    with monkeypatch.context() as patch:
        patch.setattr(Warehouse, "append", ends)
        with pytest.raises(KeyboardInterrupt):
            keep(job, CONTENTS)
    assert job.warehouse.read("picture_facts").num_rows == 0
    # The next run finds the same contents without facts, and one more that is back.
    assert keep(job, [*CONTENTS, "f" * 64], again=True) == 5
    stored = job.warehouse.read("picture_facts").to_pylist()
    assert sorted(row["content_sha256"] for row in stored) == CONTENTS
    assert {(row["facts_version"], row["image_class"], row["width"]) for row in stored} == {
        ("facts-1", "model", 640)
    }
    crops = job.warehouse.read("picture_crops").to_pylist()
    assert sorted((row["content_sha256"], row["crop"]) for row in crops) == [
        (CONTENTS[1], "chest"), (CONTENTS[2], "chest"), (CONTENTS[2], "legs"),
        (CONTENTS[4], "chest"),
    ]  # fmt: skip
    assert crops[0]["box"] == [0.0, 0.25, 1.0, 0.5]


def test_a_run_again_adds_nothing(job):
    assert keep(job, CONTENTS) == 4
    keep(job, CONTENTS)
    assert job.warehouse.read("picture_facts").num_rows == 4
    assert job.warehouse.read("picture_crops").num_rows == 3


def test_facts_are_asked_for_by_version_and_estimator_and_not_where_they_are_off(job):
    import dataclasses

    settings = job.settings
    one, other = (facts.asked(settings, name) for name in ("a", "b"))
    assert one != other
    assert one == facts.asked(settings, "a")
    off = dataclasses.replace(settings, facts=dataclasses.replace(settings.facts, nightly=False))
    assert facts.asked(off, "a") is None
    table = dataclasses.replace(
        settings, catalogue=dataclasses.replace(settings.catalogue, landmarks="l.parquet")
    )
    assert facts.asked(table, "a") is None
