"""Nights on tables of landmarks that come from elsewhere: there is no picture at any address."""

from __future__ import annotations

import csv
import dataclasses
from datetime import date
from pathlib import Path

import landmark_figures
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from unposed_jobs import config
from unposed_jobs.errors import ErrorBudgetExceededError, UnposedError
from unposed_jobs.jobs import audit, extract, promote, train
from unposed_jobs.jobs.entry import Run
from unposed_jobs.pose.topology import COCO17
from unposed_jobs.report import build
from unposed_jobs.sql import statements
from unposed_jobs.warehouse import Warehouse
from unposed_jobs.warehouse.tables import DAY_TABLES

FIRST, SECOND = date(2026, 1, 5), date(2026, 1, 6)
INSHOP = Path(__file__).parents[2] / "../shared/data/inshop"
VIEWS = ("front", "back", "left", "right")
PRODUCTS = 16
COLUMNS = {"image_uri": "picture", "x": "{point}_x", "y": "{point}_y", "score": "{point}_c"}


def quiet(day: date, **rest) -> Run:
    return Run(day, progress=lambda line: None, **rest)


def settings_for(home: Path, **rest) -> config.Settings:
    small = {
        "warehouse__buckets": 2,
        "training__clusters": 4,
        "training__min_pictures": 3,
        "training__embedding": "features",
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UNPOSED_HOME", str(home))
        patch.delenv("UNPOSED_CONFIG", raising=False)
        return config.load(**small | rest)


def write_lists(folder: Path) -> list[tuple[str, str]]:
    """products.csv and images.csv; every fourth product lacks its back. (address, view) of all."""
    listed = []
    with (folder / "products.csv").open("w") as products, (folder / "images.csv").open("w") as file:
        products.write("product_id,category,average_rating,rating_count\n")
        file.write("product_id,image_uri\n")
        for number in range(PRODUCTS):
            products.write(f"p{number},Shirts,{4 - number / 20},{100 - number}\n")
            for view in VIEWS:
                if view != "back" or number % 4:
                    listed.append((f"pictures/p{number}/{view}.jpg", view))
                    file.write(f"p{number},{listed[-1][0]}\n")
        file.write("p1,pictures/p1/chart.jpg\np1,pictures/p1/detail.jpg\np2,pictures/late.jpg\n")
    return listed


def landmark_table(points: int, listed: list[tuple[str, str]]) -> pa.Table:
    """Everything that the list names but late.jpg; p1 has two pictures without a person."""
    poses = [landmark_figures.Pose(view) for _, view in listed]
    figures = landmark_figures.figures(poses, seed=3).astype(np.float64)
    figures[..., 2] *= 2.4  # BlazePose tells more depth than there is: 42 degrees look like 65.
    addresses = [address for address, _ in listed] + [f"pictures/p1/{n}.jpg" for n in NOBODY]
    nobody = np.full((2, *figures.shape[1:]), np.nan)
    figures = np.concatenate([figures, nobody])
    if points == 33:
        return pa.table(
            {"image_uri": addresses, "landmarks": [f.ravel().tolist() for f in figures]}
        )
    figures = landmark_figures.coco(figures).astype(np.float64)
    columns = {
        f"{name}_{value}": figures[:, index, place]
        for index, name in enumerate(COCO17)
        for place, value in enumerate("xyc")
    }
    return pa.table({"picture": addresses} | columns)


NOBODY = ("chart", "detail")


def with_bad_rows(table: pa.Table, points: int) -> pa.Table:
    """Beside the good rows: a repeat, another row of a picture, an unlisted one, an infinity."""
    name = table.column_names[0]
    other = table.slice(1, 1).set_column(0, name, table[name].slice(0, 1))
    unlisted = table.slice(2, 1).set_column(0, name, pa.array(["pictures/unlisted.jpg"]))
    late = table.slice(3, 1).set_column(0, name, pa.array(["pictures/late.jpg"]))
    if points == 33:
        values = late["landmarks"].to_pylist()[0]
        broken = late.set_column(1, "landmarks", pa.array([[np.inf, *values[1:]]]))
        short = late.set_column(1, "landmarks", pa.array([values[:-1]]))
        return pa.concat_tables([table, table.slice(0, 1), other, unlisted, broken, short])
    broken = late.set_column(1, "nose_x", pa.array([np.inf]))
    return pa.concat_tables([table, table.slice(0, 1), other, unlisted, broken])


@pytest.fixture(scope="module")
def nights(request, spark, tmp_path_factory):
    """(points, settings, warehouse, figures of the first night's extraction)."""
    points, home = request.param, tmp_path_factory.mktemp("landmarks")
    table = landmark_table(points, write_lists(home))
    pq.write_table(with_bad_rows(table, points), home / "landmarks.parquet")
    settings = settings_for(
        home,
        catalogue__products=str(home / "products.csv"),
        catalogue__images=str(home / "images.csv"),
        catalogue__landmarks=str(home / "landmarks.parquet"),
        catalogue__landmarks_columns=COLUMNS if points == 17 else {},
        catalogue__error_budget=0.1,
    )
    figures = extract.run(spark, settings, quiet(FIRST))
    train.run(spark, settings, quiet(FIRST))
    promote.run(spark, settings, quiet(FIRST))
    audit.run(spark, settings, quiet(FIRST))
    return points, settings, Warehouse.open(settings.warehouse), figures


of_both = pytest.mark.parametrize("nights", [17, 33], indirect=True, scope="module")
of_17 = pytest.mark.parametrize("nights", [17], indirect=True, scope="module")
"""Where the number of points decides nothing."""


def day_rows(warehouse: Warehouse, day: date) -> dict[str, list[dict]]:
    return {
        table.name: sorted(
            warehouse.read(table.name, row_filter={"run_date": day}).to_pylist(), key=repr
        )
        for table in DAY_TABLES
    }


@of_both
def test_every_listed_picture_has_one_row_and_its_landmarks(nights):
    points, settings, warehouse, _ = nights
    with open(settings.catalogue.images) as source:
        listed = {
            str(Path(settings.catalogue.images).parent / row["image_uri"])
            for row in csv.DictReader(source)
        }
    images = warehouse.read("images").to_pylist()
    assert {row["image_uri"] for row in images} == listed
    assert len(images) == len(listed)
    status = {Path(row["image_uri"]).name: row["status"] for row in images}
    assert (status["late.jpg"], status["chart.jpg"]) == ("missing", "ok")
    landmarks = warehouse.read("landmarks").to_pylist()
    contents = [row["content_sha256"] for row in landmarks]
    assert len(contents) == len(set(contents)) == len(listed) - 1
    assert {row["content_sha256"] for row in images if row["status"] == "ok"} == set(contents)
    assert sorted(row["status"] for row in landmarks).count("no_person") == len(NOBODY)
    length = {17: 51, 33: 165}[points]
    assert {len(row["landmarks"]) for row in landmarks if row["status"] == "ok"} == {length}
    (estimator,) = {row["estimator_id"] for row in landmarks}
    assert estimator.startswith({17: "table-coco17-", 33: "table-blazepose33-"}[points])


@of_both
def test_bad_rows_are_set_aside_and_counted(nights):
    points, _, warehouse, _ = nights
    rejects = day_rows(warehouse, FIRST)["catalogue_rejects"]
    found = sorted((row["source"], row["reason"]) for row in rejects)
    expected = ["bad_number", "duplicate_key", "repeated_row", "unlisted_picture"]
    assert found == [("landmarks", name) for name in expected + ["wrong_points"] * (points == 33)]
    told = {row["reason"]: row["row_key"] for row in rejects}
    assert told["unlisted_picture"].endswith("pictures/unlisted.jpg")


@of_both
def test_a_back_that_is_not_there_is_missed(nights):
    _, _, warehouse, _ = nights
    audited = {row["product_id"]: row for row in warehouse.read("product_audit").to_pylist()}
    assert len(audited) == PRODUCTS
    assert {audited[f"p{n}"]["missing_count"] for n in range(0, PRODUCTS, 4)} == {1}
    assert audited["p3"]["missing_count"] == 0
    # Neither picture without a person is a repeat of the other.
    assert (audited["p1"]["pictures"], audited["p1"]["usable"]) == (6, 6)
    assert (audited["p2"]["unreadable"], audited["p2"]["duplicates"]) == (1, 0)
    flagged = statements.query(
        warehouse,
        "SELECT product_id FROM pose_flags WHERE state = 'missing' AND ask_name LIKE '%back%'",
    )
    assert set(flagged["product_id"].to_pylist()) == {f"p{n}" for n in range(0, PRODUCTS, 4)}


@of_17
def test_the_second_night_extracts_nothing_and_a_changed_row_alone_is_new(nights, spark, tmp_path):
    _, settings, warehouse, first = nights
    assert first["changed"] == 0
    before = warehouse.snapshot_id("landmarks")
    figures = extract.run(spark, settings, quiet(SECOND))
    assert figures["extracted"] == figures["new"] == figures["changed"] == 0
    assert figures["unchanged"] == figures["pictures"] - 1
    assert warehouse.snapshot_id("landmarks") == before

    # Another night's export: another order, one picture's points moved, and the late picture.
    table = pq.read_table(settings.catalogue.landmarks)
    name = table.column_names[0]
    table = table.filter(pc.invert(pc.match_substring(table[name], "late")))
    late = table.slice(3, 1).set_column(0, name, pa.array(["pictures/late.jpg"]))
    moved = table.slice(4, 1).set_column(0, name, table[name].slice(5, 1))
    table = pa.concat_tables([late, moved, table])
    pq.write_table(table, tmp_path / "next.parquet")
    catalogue = dataclasses.replace(settings.catalogue, landmarks=str(tmp_path / "next.parquet"))
    later = dataclasses.replace(settings, catalogue=catalogue)
    figures = extract.run(spark, later, quiet(SECOND, dry_run=True))
    # What was moved is now what another picture has: a changed picture, a known content.
    assert (figures["new"], figures["changed"], figures["failed"]) == (0, 2, 0)
    assert figures["to_extract"] == 0


@of_17
def test_the_gallery_shows_what_cannot_be_shown(nights, tmp_path):
    _, settings, warehouse, _ = nights
    page = build.build(statements.Pinned(warehouse), settings, FIRST, tmp_path / "gallery")
    written = "".join(path.read_text() for path in page.parent.glob("**/*.html"))
    assert "p3" in written
    assert "File is missing" in written
    assert not list(page.parent.glob("thumbs/**/*.webp"))


@of_17
def test_a_table_past_its_budget_is_refused_and_one_of_other_pictures(nights, spark, tmp_path):
    _, settings, warehouse, _ = nights
    before = warehouse.snapshot_id("images")
    strict = dataclasses.replace(
        settings, catalogue=dataclasses.replace(settings.catalogue, error_budget=0.01)
    )
    with pytest.raises(ErrorBudgetExceededError, match="rows of the landmarks source"):
        extract.run(spark, strict, quiet(SECOND))
    table = pq.read_table(settings.catalogue.landmarks)
    name = table.column_names[0]
    other = pc.binary_join_element_wise("other", table[name], "/")
    pq.write_table(table.set_column(0, name, other), tmp_path / "other.parquet")
    elsewhere = dataclasses.replace(
        settings,
        catalogue=dataclasses.replace(
            settings.catalogue, landmarks=str(tmp_path / "other.parquet")
        ),
    )
    with pytest.raises(ErrorBudgetExceededError, match="the same addresses"):
        extract.run(spark, elsewhere, quiet(SECOND))
    assert warehouse.snapshot_id("images") == before


@of_17
def test_a_model_of_other_landmarks_is_told(nights, spark):
    _, settings, _, _ = nights
    other = dataclasses.replace(
        settings, catalogue=dataclasses.replace(settings.catalogue, landmarks_model="another")
    )
    with pytest.raises(UnposedError, match="run: unposed train --landmarks"):
        audit.run(spark, other, quiet(SECOND))


@pytest.mark.skipif(not INSHOP.is_dir(), reason="the folder ../shared/data is not here")
@pytest.mark.parametrize(("name", "audited"), [("keypoints17", True), ("landmarks33", False)])
def test_real_tables_load_by_mapping_alone(spark, tmp_path, name, audited):
    whole = pq.read_table(INSHOP / f"{name}.parquet")
    ids = pc.unique(whole["product_id"]).slice(0, 60)
    table = whole.filter(pc.is_in(whole["product_id"], ids))
    pq.write_table(table, tmp_path / "part.parquet")
    settings = settings_for(
        tmp_path,
        catalogue__landmarks=str(tmp_path / "part.parquet"),
        catalogue__landmarks_columns={"image_uri": "image"},
        catalogue__product_columns={"average_rating": "", "rating_count": ""},
        catalogue__cohort_attributes=("gender", "category"),
        training__min_pictures=4,
    )
    if audited:
        extract.run(spark, settings, quiet(FIRST, scope="reference"))
        train.run(spark, settings, quiet(FIRST))
        promote.run(spark, settings, quiet(FIRST))
    figures = extract.run(spark, settings, quiet(FIRST))
    warehouse = Warehouse.open(settings.warehouse)
    assert figures["pictures"] == table.num_rows
    assert figures["failed"] == 0
    assert figures["rejected"]["landmarks"]["set_aside"] == 0
    assert warehouse.read("landmarks").num_rows == table.num_rows
    if audited:
        audit.run(spark, settings, quiet(FIRST))
        assert warehouse.read("product_audit").num_rows == len(ids)
        assert warehouse.read("catalogue_rejects").num_rows == 0
    assert extract.run(spark, settings, quiet(SECOND))["extracted"] == 0
