"""What the evaluation judges of the In-shop products is what the jobs would have published."""

from __future__ import annotations

from datetime import date

import landmark_figures
import numpy as np
import pyarrow as pa
import pyarrow.csv as csv
import pyarrow.parquet as pq
import pytest

from unposed_jobs import config
from unposed_jobs.jobs import audit, extract, promote, train
from unposed_jobs.jobs.entry import Run
from unposed_jobs.lab.evaluation import inshop_audit
from unposed_jobs.pose.topology import COCO17
from unposed_jobs.warehouse import Warehouse

DAY = date(2026, 1, 5)
VIEWS = ("front", "back", "left", "right")
PRODUCTS = 24


def key_points() -> pa.Table:
    """Every third product lacks one of the four views."""
    rows = [
        (f"p{number:02}", view)
        for number in range(PRODUCTS)
        for index, view in enumerate(VIEWS)
        if number % 3 or index != number % 4
    ]
    poses = [landmark_figures.Pose(view) for _, view in rows]
    places = landmark_figures.coco(landmark_figures.figures(poses, seed=5)).astype(np.float64)
    columns = {
        f"{name}_{axis}": places[:, index, place]
        for index, name in enumerate(COCO17)
        for place, axis in enumerate("xy")
    }
    products = [product for product, _ in rows]
    return pa.table(
        {
            "image": [f"{product}-{view}.jpg" for product, view in rows],
            "product_id": products,
            "category": [("Tees", "Skirts")[int(product[1:]) % 2] for product in products],
            "pose_label": ["side" if view in ("left", "right") else view for _, view in rows],
            **columns,
        }
    )


def settings_for(home, **rest) -> config.Settings:
    given = {
        "warehouse__buckets": 1,
        "catalogue__landmarks": str(home / "points.parquet"),
        "catalogue__landmarks_columns": {"image_uri": "image"},
        "catalogue__cohort_attributes": ["category"],
        "catalogue__product_columns": {"average_rating": "", "rating_count": ""},
        "training__min_pictures": 2,
        "training__clusters": 4,
        "training__embedding": "features",
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UNPOSED_HOME", str(home))
        patch.delenv("UNPOSED_CONFIG", raising=False)
        return config.load(**given | rest)


def lists(home, table: pa.Table, name: str) -> dict[str, str]:
    products = table.select(["product_id", "category"]).group_by(["product_id", "category"])
    paths = {kind: str(home / f"{name}_{kind}.csv") for kind in ("products", "images")}
    csv.write_csv(products.aggregate([]), paths["products"])
    images = table.select(["product_id", "image"]).rename_columns(["product_id", "image_uri"])
    csv.write_csv(images, paths["images"])
    return {f"catalogue__{kind}": path for kind, path in paths.items()}


def rows_of(table: pa.Table, *columns: str) -> list[tuple]:
    return sorted(zip(*(table[name].to_pylist() for name in columns), strict=True))


def test_the_jobs_publish_what_is_judged(spark, tmp_path):
    table = key_points()
    (tmp_path / "inshop").mkdir()
    pq.write_table(table, tmp_path / "inshop" / inshop_audit.FILES[17])
    pq.write_table(table.drop_columns(["pose_label"]), tmp_path / "points.parquet")
    owner = table["product_id"].to_numpy(zero_copy_only=False)
    judged = np.array([int(product[1:]) >= PRODUCTS // 2 for product in owner])
    learning = settings_for(tmp_path, **lists(tmp_path, table.filter(pa.array(~judged)), "learned"))
    auditing = settings_for(tmp_path, **lists(tmp_path, table.filter(pa.array(judged)), "judged"))
    run = Run(DAY, progress=lambda line: None)
    for job, settings in (
        (extract, learning),
        (train, learning),
        (promote, learning),
        (extract, auditing),
        (audit, auditing),
    ):
        job.run(spark, settings, run)
    warehouse = Warehouse.open(auditing.warehouse)

    pictures = inshop_audit.read(tmp_path / "inshop", 17)
    own = inshop_audit.audit_split(
        pictures, judged, ("category",), learning.training, auditing.audit
    )
    for name, found, columns in (
        ("pose_flags", own.flags, ("product_id", "pose_id", "pose_name", "state")),
        ("product_audit", own.products, ("product_id", "status", "missing_count")),
    ):
        published = warehouse.read(name, row_filter={"run_date": DAY})
        assert rows_of(found, *columns) == rows_of(published, *columns)
    assert "missing" in own.flags["state"].to_pylist()
