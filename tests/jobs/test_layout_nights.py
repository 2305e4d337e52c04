"""A shop's export: checked, trained on and audited with the settings that the check has written.

``make test`` checks the exports; ``make test-layouts`` trains and audits as well.
"""

from __future__ import annotations

import os
import re
from datetime import date

import pyarrow as pa
import pytest
from shop_exports import EXPORTS, products_of

from unposed_jobs import cli, config
from unposed_jobs.jobs import audit, extract, promote, train
from unposed_jobs.jobs.entry import Run
from unposed_jobs.lab.sample.writer import SampleSettings, write_sample
from unposed_jobs.warehouse import Warehouse

DAY = date(2026, 1, 5)
ALL = os.environ.get("UNPOSED_LAYOUTS") == "all"
SINGLE = ("kaggle-styles", "h-and-m")
"""Layouts with a picture for each product."""


@pytest.fixture(scope="module")
def products(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sample") / "catalogue"
    write_sample(folder, SampleSettings(12 if ALL else 4, 5, 240, DAY), 2, progress=False)
    return products_of(folder)


@pytest.fixture(scope="module")
def landmarks():
    """What the first layout extracted, for all: the pictures are the same."""
    return []


def run(spark, settings, known: list[pa.Table]) -> Warehouse:
    """``unposed train`` and ``unposed audit``, in one session."""
    warehouse = Warehouse.open(settings.warehouse)
    if known:
        rows = known[0].drop_columns(["bucket", "run_id"])
        staged = warehouse.stage("landmarks", "before").write(rows)
        warehouse.append("landmarks", staged, "before", 0)
    for job, scope in (
        (extract, "reference"),
        (train, "all"),
        (promote, "all"),
        (extract, "all"),
        (audit, "all"),
    ):
        if hasattr(job, "check"):
            job.check(settings)
        job.run(spark, settings, Run(DAY, scope=scope, progress=lambda line: None))
    known[:] = known or [warehouse.read("landmarks")]
    return warehouse


@pytest.fixture(params=EXPORTS)
def export(request, products, tmp_path, monkeypatch, capsys):
    """The layout's name, and what the check said; its settings are in the working folder."""
    name = request.param
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("UNPOSED_HOME", str(tmp_path / "home"))
    file = EXPORTS[name](products, tmp_path)
    assert cli.main(["catalogue", "check", file.name]) == 0
    return name, capsys.readouterr().out


def expected(name, products):
    """How many products and pictures the export of a layout has."""
    pictures = sum(len(product.pictures) for product in products)
    return (pictures if name in SINGLE else len(products)), pictures


def test_the_check_knows_the_layout_and_finds_every_picture(export, products):
    name, said = export
    listed, _ = expected(name, products)
    assert f"layout: {name.split()[0]}\n" in said
    assert f"products {listed}\n" in said
    assert "products without a picture: 0\n" in said
    assert "(set aside)" not in said
    assert re.search(r"first picture: .*\.jpg: \d+ bytes", said)
    least = config.load("unposed.toml").training.min_pictures
    counts = sorted((1 if name in SINGLE else len(one.pictures) for one in products), reverse=True)
    assert least == (10 if counts[2] >= 10 else counts[2])


@pytest.mark.skipif(not ALL, reason="a matter of minutes: make test-layouts")
def test_an_export_is_audited_by_what_the_check_writes(
    export, products, landmarks, spark, pose_weights, capsys
):
    name, _ = export
    warehouse = run(spark, config.load("unposed.toml"), landmarks)
    listed, pictures = expected(name, products)
    images = warehouse.read("images").to_pylist()
    assert len(images) == pictures
    assert {row["status"] for row in images} == {"ok"}
    audited = warehouse.read("product_audit", row_filter={"run_date": DAY}).to_pylist()
    assert len(audited) == listed
    assert sum(row["pictures"] for row in audited) == pictures
    flags = warehouse.read("pose_flags", row_filter={"run_date": DAY}).to_pylist()
    assert {row["product_id"] for row in flags} <= {row["product_id"] for row in audited}
    assert any(row["state"] == "present" for row in flags)
    with capsys.disabled():
        print(f"\n{name}: {listed} products, {pictures} pictures, {len(flags)} flags")
