"""Rows to put into a warehouse, and what is often done with them."""

from __future__ import annotations

import contextlib
import datetime as dt
import shutil
import sqlite3
from pathlib import Path

import pyarrow as pa

from unposed_jobs.config import WarehouseSettings
from unposed_jobs.warehouse import RunRecord, Warehouse
from unposed_jobs.warehouse.picture_tables import PICTURE_FACTS
from unposed_jobs.warehouse.tables import POSE_FLAGS, PRODUCT_AUDIT, PRODUCT_IMAGES, Table

DAY = dt.date(2024, 3, 1)
WAIVED = dict.fromkeys(("shown_by", "waived_by", "waived_reason", "waived_until"))
"""Nobody waives it."""
NO_REMEDY = dict.fromkeys(("remedy_uri", "remedy_box", "remedy_seconds", "remedy_certainty"))
"""A new picture, or no gap."""
NEXT = dt.date(2024, 3, 2)


def settings(folder, **changes) -> WarehouseSettings:
    values = {
        "uri": f"sqlite:///{folder}/state/catalog.db",
        "location": f"{folder}/warehouse",
        "views": f"{folder}/views/unposed.duckdb",
        "buckets": 4,
    }
    return WarehouseSettings(**{**values, **changes})


def copy(made: Path, folder: Path) -> None:
    """Copy a warehouse without rows, with the folder's path rewritten in its metadata."""
    shutil.copytree(made, folder, dirs_exist_ok=True)
    for path in folder.glob("warehouse/**/*.metadata.json"):
        path.write_text(path.read_text().replace(str(made), str(folder)))
    with contextlib.closing(sqlite3.connect(folder / "state/catalog.db")) as catalog, catalog:
        catalog.execute(
            "UPDATE iceberg_tables SET metadata_location = replace(metadata_location, ?, ?)",
            (str(made), str(folder)),
        )


def _filled(rows: pa.Table, table: Table) -> pa.Table:
    """With nulls in the table's optional columns that `rows` does not name, so that a new one needs
    no change here."""
    given = {*rows.column_names, *table.required, "run_id"}
    for column in (one for one in table.schema if one.name not in given):
        rows = rows.append_column(column, pa.nulls(len(rows), column.type))
    return rows


def audit_rows(day: dt.date, products: list[str], **changes) -> pa.Table:
    """Rows of `product_audit` without run_id."""
    count = len(products)
    columns = {
        "run_date": [day] * count,
        "product_id": products,
        "category": ["tops"] * count,
        "subcategory": ["polo"] * count,
        "product_type": [None] * count,
        "carried": [None] * count,
        "average_rating": [4.5] * count,
        "rating_count": [100] * count,
        "pictures": [4] * count,
        "usable": [3] * count,
        "unreadable": [1] * count,
        "duplicates": [0] * count,
        "altered_duplicates": [0] * count,
        "with_person": [3] * count,
        "is_target": [True] * count,
        "poses_present": [[1, 2]] * count,
        "missing_count": [1] * count,
        "top_missing": [["back view"]] * count,
        "completeness": [0.5] * count,
        "status": ["gaps"] * count,
        "reason": [None] * count,
        "model_version": ["m1"] * count,
        **changes,
    }
    columns["carried"] = pa.array(columns["carried"], PRODUCT_AUDIT.schema.field("carried").type)
    return _filled(pa.table(columns), PRODUCT_AUDIT)


def picture_rows(day: dt.date, products: list[str], **changes) -> pa.Table:
    """Rows of `product_images` without run_id: a front of each product, which fills ask 1."""
    count = len(products)
    columns = {
        "run_date": [day] * count,
        "product_id": products,
        "image_uri": [f"/pictures/{product}.jpg" for product in products],
        "position": [1] * count,
        "content_sha256": [f"sha of {product}" for product in products],
        "status": ["shown"] * count,
        "reason": pa.nulls(count, pa.string()),
        "kind": ["person"] * count,
        "pose_id": [1] * count,
        "pose_name": ["front view"] * count,
        "confidence": [0.9] * count,
        "ask_id": [1] * count,
        "ask_name": ["front"] * count,
        "person_count": [1] * count,
        "repeat_of": pa.nulls(count, pa.string()),
        "repeat_kind": pa.nulls(count, pa.string()),
        "model_version": ["m1"] * count,
        **changes,
    }
    return _filled(pa.table(columns), PRODUCT_IMAGES)


def flag_rows(day: dt.date, products: list[str], **changes) -> pa.Table:
    """Rows of `pose_flags` without run_id: ask 1 present, ask 2 missing for each product."""
    rows = []
    for product in products:
        common = {
            "run_date": day,
            "product_id": product,
            "category": "tops",
            "subcategory": "polo",
            "product_type": None,
            "shot_code": None,
            "confidence": 0.9,
            "model_version": "m1",
        }
        rows.append(
            common
            | {
                "pose_id": 1,
                "pose_name": "front view",
                "ask_id": 1,
                "ask_name": "front",
                "members": [1],
                "state": "present",
                "rank": None,
                "score": None,
                "evidence_image": f"/pictures/{product}.jpg",
                "example_images": None,
                "remedy": None,
                "advice": None,
                **NO_REMEDY,
                **WAIVED,
            }
        )
        rows.append(
            common
            | {
                "pose_id": 2,
                "pose_name": "back view",
                "ask_id": 2,
                "ask_name": "back",
                "members": [2, 3],
                "state": "missing",
                "rank": 1,
                "score": 0.7,
                "evidence_image": None,
                "example_images": ["/pictures/popular.jpg"],
                "remedy": "shoot",
                "advice": "take a back view",
                **NO_REMEDY,
                **WAIVED,
            }
        )
    return _filled(pa.Table.from_pylist([row | changes for row in rows]), POSE_FLAGS)


def colour_rows(day: dt.date, products: list[str]) -> pa.Table:
    """Rows of `product_colours` without run_id: all red, and of one picture."""
    count = len(products)
    return pa.table(
        {
            "run_date": [day] * count,
            "product_id": products,
            **{name: ["tops"] * count for name in ("category", "subcategory", "product_type")},
            "pictures": [1] * count,
            "colours": [["#ff0000"]] * count,
            "colour_names": [["red"]] * count,
            "colour_shares": [[1.0]] * count,
            "image_uri": [f"/pictures/{product}.jpg" for product in products],
            "apart": pa.nulls(count, pa.float64()),
            "apart_image_uri": pa.nulls(count, pa.string()),
            "disagree": [False] * count,
        }
    )


def ready_rows(day: dt.date, products: list[str]) -> pa.Table:
    """Rows of `ready_for` without run_id: two rules fail, one of which must hold."""
    count = len(products)
    return pa.table(
        {
            "run_date": [day] * count,
            "product_id": products,
            **{name: ["tops"] * count for name in ("category", "subcategory", "product_type")},
            "marketplace": ["zalando"] * count,
            "ready": [False] * count,
            "judged": [1] * count,
            "unjudged": [0] * count,
            "rules": [["width", "best_size"]] * count,
            "levels": [["must", "advice"]] * count,
            "images": [[f"/pictures/{product}.jpg"] * 2 for product in products],
            "found": [["500", "900"]] * count,
            "wanted": [["width at least 762", "height at least 2600"]] * count,
            "remedies": [["re-export", "re-export"]] * count,
        }
    )


def fact_rows(contents: list[str]) -> dict[str, pa.Table]:
    """Rows of `picture_crops` and `picture_facts` without run_id, in the order of their commits."""
    count, version = len(contents), "facts-1"
    keys = {"facts_version": [version] * count, "content_sha256": contents}
    facts = {
        item.name: pa.nulls(count, item.type)
        for item in PICTURE_FACTS.schema
        if item.name not in ("run_id", "bucket")
    }
    crops = {
        "crop": ["chest"] * count,
        "box": [[0.1, 0.2, 0.5, 0.5]] * count,
        "width": [500] * count,
        "height": [600] * count,
        "coverage": [1.0] * count,
        "framing": ["full"] * count,
        "view": ["front"] * count,
    }
    return {
        "picture_crops": pa.table(keys | crops),
        "picture_facts": pa.table(facts | keys),
    }


def landmark_rows(contents: list[str], estimator: str = "mediapipe-full@1") -> pa.Table:
    count = len(contents)
    return pa.table(
        {
            "estimator_id": [estimator] * count,
            "content_sha256": contents,
            "status": ["ok"] * count,
            "error": pa.nulls(count),
            "width": [512] * count,
            "height": [640] * count,
            "person_count": [1] * count,
            "pose_score": [0.9] * count,
            "person_confidence": [0.97] * count,
            "found_by": ["detector"] * count,
            "person_probability": [0.98] * count,
            "landmarks": [[0.5] * 165] * count,
            "perceptual_hash": ["00ff00ff00ff00ff"] * count,
            "thumbnail": pa.nulls(count, pa.binary()),
            "statistics": [[0.1, 0.2]] * count,
        }
    )


def record(run_id: str, day: dt.date, state: str = "published", **changes) -> RunRecord:
    at = dt.datetime(2024, 3, 5, 1, tzinfo=dt.UTC)
    return RunRecord(
        **{
            "run_id": run_id,
            "job": "audit",
            "run_date": day,
            "state": state,
            "started_at": at,
            "finished_at": at + dt.timedelta(minutes=1),
            **changes,
        }
    )


def publish_day(
    warehouse: Warehouse,
    day: dt.date,
    products: list[str],
    run_id: str,
    flags: dict | None = None,
    **changes,
) -> None:
    """A whole audit of the day: its tables, then the run."""
    for name, rows in (
        ("pose_flags", flag_rows(day, products, **(flags or {}))),
        ("product_audit", audit_rows(day, products)),
        ("product_images", picture_rows(day, products)),
        ("catalogue_rejects", None),
    ):
        staged = warehouse.stage(name, run_id).write(rows) if rows is not None else []
        warehouse.write_day(name, day, staged, run_id)
    warehouse.record_run(record(run_id, day, **changes))


def snapshots(warehouse: Warehouse, name: str) -> int:
    return len(warehouse.table(name).snapshots())
