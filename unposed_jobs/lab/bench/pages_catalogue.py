"""A large catalogue for the pages: made products, audited as a night does it, many times over.

Some thousand products are audited and each stands many times under other ids, unrendered. What is
known of pictures is made for one bucket of the tables, as full as all pictures would fill it.
"""

from __future__ import annotations

import datetime
import hashlib
import io
import zlib
from collections.abc import Iterator
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
from PIL import Image

from unposed_jobs import config
from unposed_jobs.audit.expectations import Expectations
from unposed_jobs.audit.inference import AuditRun, audit_products
from unposed_jobs.audit.pictures import PICTURE
from unposed_jobs.catalogue import packing
from unposed_jobs.config import AuditSettings, Settings
from unposed_jobs.sql import views
from unposed_jobs.warehouse import RunRecord, Warehouse
from unposed_jobs.warehouse.tables import TABLES, VOCABULARY

DAY = datetime.date(2026, 1, 5)
RUN_ID, MODEL, ESTIMATOR, FACTS = "bench", "made", "made", "made"
AUDITED = 5_000
POSES = 12
PICTURES = 4
LOOKED_AT = 77
"""The number of the product whose page is opened; its pictures' contents are of bucket 0."""
BUCKETS = config.WarehouseSettings().buckets
_BATCH = 500
_SEEN_BATCH = 20_000
_MASK_BYTES = 600
_CATEGORIES = ("Tops", "Trousers", "Dresses", "Outerwear")


def earliest(days: int) -> datetime.date:
    """The first of so many published days."""
    return DAY - datetime.timedelta(days=days - 1)


def publish(settings: Settings, products: int, days: int) -> None:
    """Audit made products, write each so often that there are `products`, publish them as so many
    days."""
    copies = max(1, products // AUDITED)
    warehouse = Warehouse.open(settings.warehouse)
    expectations = _expectations()
    tables = [
        audit_products(
            _batch(start, expectations),
            expectations,
            AuditSettings(),
            AuditRun(DAY, RUN_ID, MODEL, ("title", "brand")),
        )
        for start in range(0, min(products, AUDITED), _BATCH)
    ]
    rows = {
        name: pa.concat_tables([getattr(one, name) for one in tables])
        for name in ("pose_flags", "product_audit", "product_images")
    }
    rows["ready_for"] = _judged(rows["product_audit"])
    for ago in reversed(range(days)):
        _publish(warehouse, DAY - datetime.timedelta(days=ago), rows, copies)
    warehouse.rewrite("vocabulary", lambda _: _vocabulary(), "train")
    warehouse.rewrite("models", lambda _: _models(), "train")
    _see(warehouse, max(1, products * PICTURES // settings.warehouse.buckets))
    views.publish(warehouse)
    header = "product_id,category,average_rating,rating_count\n"
    ids = (f"{c:03}-P{n:07}" for c in range(copies) for n in range(min(products, AUDITED)))
    with open(settings.catalogue.products, "w", encoding="utf-8") as file:
        file.write(header)
        file.writelines(
            f"{one},Tops,4.{place % 10},{place * 7919 % 5000}\n" for place, one in enumerate(ids)
        )


def _publish(
    warehouse: Warehouse, day: datetime.date, rows: dict[str, pa.Table], copies: int
) -> None:
    """Each day's rows but for its date; on the days before the last every twentieth gap was none,
    a different one on each."""
    run_id = f"{RUN_ID}-{day}"
    for name, found in rows.items():
        dated = found.set_column(
            found.schema.get_field_index("run_date"), "run_date", pa.array([day] * len(found))
        )
        if name == "pose_flags" and day != DAY:
            dated = _some_present(dated, (DAY - day).days)
        staged = warehouse.stage(name, run_id).write(_repeated(dated, copies))
        warehouse.write_day(name, day, staged, run_id)
    moment = datetime.datetime(day.year, day.month, day.day, 3, tzinfo=datetime.UTC)
    warehouse.record_run(
        RunRecord(
            run_id=run_id,
            job="audit",
            run_date=day,
            state="published",
            started_at=moment,
            finished_at=moment,
            model_version=MODEL,
        )
    )


def _some_present(flags: pa.Table, first: int) -> pa.Table:
    states = [
        "present" if state == "missing" and place % 20 == first else state
        for place, state in enumerate(flags["state"].to_pylist())
    ]
    return flags.set_column(flags.schema.get_field_index("state"), "state", pa.array(states))


def _judged(products: pa.Table) -> pa.Table:
    """By two marketplaces; one fails a third of the products."""
    rows = []
    for place, row in enumerate(products.select(["run_date", "product_id"]).to_pylist()):
        for market in ("amazon", "zalando"):
            fails = market == "amazon" and place % 3 == 0
            rule = {"rules": "white_ground", "levels": "must", "images": "", "found": "82%"}
            rule |= {"wanted": "98%", "remedies": "cut_out"}
            judged = {name: [value] if fails else [] for name, value in rule.items()}
            whole = {"marketplace": market, "ready": not fails, "judged": 4, "unjudged": 0}
            rows.append(row | whole | judged)
    return pa.Table.from_pylist(rows, TABLES["ready_for"].schema)


def _repeated(rows: pa.Table, copies: int) -> Iterator[pa.RecordBatch]:
    own = [name for name in rows.column_names if name != "run_id"]
    with duckdb.connect() as connection:
        connection.register("made", rows.select(own))
        for copy in range(copies):
            found = connection.sql(
                "SELECT * REPLACE (? || product_id AS product_id) FROM made",
                params=[f"{copy:03}-"],
            )
            yield from found.to_arrow_table().cast(rows.select(own).schema).to_batches()


def _vocabulary() -> pa.Table:
    rows: list[dict[str, Any]] = [
        {
            "model_version": MODEL,
            "pose_id": pose,
            "kind": "person",
            "name": f"pose {pose}",
            "shot_code": None,
            "size": 100 - pose,
            "spread": 0.2,
            "exemplars": [],
            "lineage": "new",
            "ask_id": pose,
            "ask_name": f"pose {pose}",
            "asked": True,
            "run_id": "train",
        }
        for pose in range(POSES)
    ]
    return pa.Table.from_pylist(rows, VOCABULARY.schema)


def _models() -> pa.Table:
    row = {
        "model_version": MODEL,
        "status": "champion",
        "estimator_id": ESTIMATOR,
        "artefact_uri": "made",
        "checksums": "{}",
        "parameters": "{}",
        "metrics": "{}",
        "run_date": DAY,
        "promoted_on": DAY,
        "run_id": "train",
    }
    return pa.Table.from_pylist([row], TABLES["models"].schema)


def content(number: int, place: int) -> str:
    """A picture's content, of bucket 0 where it is of the product that is looked at."""
    for attempt in range(10_000):
        found = hashlib.sha256(f"{number} {place} {attempt}".encode()).hexdigest()
        if number != LOOKED_AT or not zlib.crc32(found.encode()) % BUCKETS:
            return found
    raise AssertionError("no content is of bucket 0")


def _see(warehouse: Warehouse, pictures: int) -> None:
    """Landmarks, masks and crops of so many pictures of bucket 0, those of the product that is
    looked at among them."""
    own = [content(LOOKED_AT, place) for place in range(2 * PICTURES)]
    for name, of_pictures in (
        ("landmarks", _landmarks),
        ("image_poses", _poses),
        ("picture_facts", _facts),
        ("picture_crops", _crops),
    ):
        schema = TABLES[name].schema
        names = [column for column in schema.names if column not in ("bucket", "run_id")]

        def batches(
            of_pictures: Any = of_pictures, schema: pa.Schema = schema, names: Any = names
        ) -> Iterator[pa.RecordBatch]:
            for contents in _contents(own, pictures):
                made = of_pictures(contents)
                whole = {
                    column: made.get(column, pa.nulls(len(made["content_sha256"])))
                    for column in names
                }
                fields = pa.schema([schema.field(column) for column in names])
                table = pa.table(whole).cast(fields)
                yield from table.to_batches()

        staged = warehouse.stage(name, "extract").write(batches())
        warehouse.append(name, staged, "extract", 1)


def _contents(own: list[str], pictures: int) -> Iterator[list[str]]:
    batch, found, number = list(own), len(own), 0
    while found < pictures:
        content = hashlib.sha256(f"filler {number}".encode()).hexdigest()
        number += 1
        if zlib.crc32(content.encode()) % BUCKETS:
            continue
        batch.append(content)
        found += 1
        if len(batch) == _SEEN_BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _landmarks(contents: list[str]) -> dict[str, pa.Array]:
    rng = np.random.default_rng(len(contents))
    count = len(contents)
    points = pa.array(rng.random(count * 165, dtype=np.float32))
    return {
        "estimator_id": pa.array([ESTIMATOR] * count),
        "content_sha256": pa.array(contents),
        "status": pa.array(["ok"] * count),
        "landmarks": pa.ListArray.from_arrays(pa.array(range(0, 165 * count + 1, 165)), points),
    }


def _poses(contents: list[str]) -> dict[str, pa.Array]:
    count = len(contents)
    return {
        "model_version": pa.array([MODEL] * count),
        "content_sha256": pa.array(contents),
        "pose_id": pa.array([place % POSES for place in range(count)]),
        "confidence": pa.array([0.9] * count),
        "kind": pa.array(["person"] * count),
    }


def _facts(contents: list[str]) -> dict[str, pa.Array]:
    rng = np.random.default_rng(len(contents))
    drawn = io.BytesIO()
    Image.new("L", (96, 128), 255).save(drawn, "PNG")
    return {
        "facts_version": pa.array([FACTS] * len(contents)),
        "content_sha256": pa.array(contents),
        # A PNG's end is its own; what follows makes each as large as masks are.
        "mask": pa.array([drawn.getvalue() + rng.bytes(_MASK_BYTES) for _ in contents]),
    }


def _crops(contents: list[str]) -> dict[str, pa.Array]:
    crops = ("head", "upper_garment", "lower_garment", "shoes")
    rows = [
        {
            "facts_version": FACTS,
            "content_sha256": content,
            "crop": crop,
            "box": [0.1 * place, 0.2, 0.3, 0.4],
            "width": 60,
            "height": 40,
            "coverage": 1.0,
        }
        for content in contents
        for place, crop in enumerate(crops)
    ]
    table = pa.Table.from_pylist(rows)
    return {name: table[name] for name in table.column_names}


def _expectations() -> Expectations:
    cohorts = {
        "category": [category for category in _CATEGORIES for _ in range(POSES)],
        "pose_id": list(range(POSES)) * len(_CATEGORIES),
        "ask_id": list(range(POSES)) * len(_CATEGORIES),
        "share": [1.0 - 0.05 * pose for pose in range(POSES)] * len(_CATEGORIES),
        "score": [float(POSES - pose) for pose in range(POSES)] * len(_CATEGORIES),
        "example_images": [[f"/made/{pose}.jpg"] for pose in range(POSES)] * len(_CATEGORIES),
    }
    return Expectations.from_tables(_vocabulary(), pa.table(cohorts), ("category",))


def _batch(start: int, expectations: Expectations) -> pa.RecordBatch:
    rng = np.random.default_rng(start)
    rows: list[dict[str, Any]] = []
    for number in range(start, start + _BATCH):
        shown = rng.choice(POSES, rng.integers(0, 2 * PICTURES), replace=True)
        rows.append(
            {
                "product_id": f"P{number:07}",
                "category": _CATEGORIES[number % len(_CATEGORIES)],
                "subcategory": f"kind {number % 9}",
                "product_type": None,
                "pictures": [
                    {
                        "image_uri": f"/made/{number}-{place}.jpg",
                        "position": place,
                        "image_status": "ok",
                        "landmark_status": "ok",
                        "pose_id": int(pose),
                        "confidence": 0.9 if rng.random() < 0.85 else 0.3,
                        "kind": "person",
                        "content_sha256": content(number, place),
                        "person_count": 1,
                    }
                    for place, pose in enumerate(shown)
                ],
            }
        )
    texts = ("product_id", "category", "subcategory", "product_type")
    schema = pa.schema([*((name, pa.string()) for name in texts), ("pictures", pa.list_(PICTURE))])
    numbers = range(start, start + _BATCH)
    titles = pa.array([f"Linen shirt {number % 997}" for number in numbers])
    brands = pa.array([f"Brand {number % 40}" for number in numbers])
    batch = pa.RecordBatch.from_pylist(rows, schema=schema)
    return batch.append_column("carried", packing.pack([titles, brands]))
