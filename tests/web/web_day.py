"""A small published warehouse, made by the audit without Spark, for the tests of the pages.

A folder of its own beside the tests of the gallery has what makes and stores it.
"""

from __future__ import annotations

import datetime
import io
import sys
from pathlib import Path

import pyarrow as pa
from PIL import Image

from unposed_jobs import config
from unposed_jobs.audit.expectations import Expectations
from unposed_jobs.decisions import effective
from unposed_jobs.reference import comparison, registry
from unposed_jobs.reference.registry import ModelRow
from unposed_jobs.sql import views
from unposed_jobs.warehouse import RunRecord, Warehouse, tables

sys.path.insert(0, str(Path(__file__).parents[1] / "report"))

from report_tables import DAY, MODEL, RUN, Shot, draw, publish

NEXT = DAY + datetime.timedelta(days=1)
TITLE = "<script>alert(1)</script> & shirt"
LANDMARKS = [value for point in range(33) for value in (point / 40, point / 35, 0.0, 0.9, 0.9)]


def products(folder: Path) -> dict:
    """Sixteen tops and bottoms: complete, with gaps, unclear, without pictures, strangely named."""
    front, back, side, chart = (
        draw(folder, f"{name}.jpg", (40 * place, 90, 60))
        for place, name in enumerate(("front", "back", "side", "chart"))
    )
    whole = [Shot(1, uri=front), Shot(2, uri=back), Shot(3, uri=side), Shot(8, uri=chart)]
    found = {
        "A-1": ("Tops", "Polo", whole),
        "A-2": ("Tops", "Polo", whole[:2]),
        "A-3": ("Tops", "Tee", [Shot(1, uri=front), Shot(2, 0.1, uri=side)]),
        "A-4": ("Tops", "Tee", []),
        "=1+2": ("Tops", "Tee", whole[:1]),
        "a/../b?c": ("Legs", "Jeans", whole[:1]),
    }
    return found | {f"B-{n}": ("Legs", "Jeans", whole[: n % 3]) for n in range(10)}


def titles(ids) -> list[str]:
    return [TITLE if key == "A-2" else f"Shirt {key}" for key in ids]


def settings(home: Path, **more) -> config.Settings:
    """Settings of a folder; pictures are read from below it."""
    return config.load(
        warehouse__uri=f"sqlite:///{home}/catalog.db",
        warehouse__location=str(home / "warehouse"),
        warehouse__views=str(home / "views.duckdb"),
        decisions__store=f"sqlite:///{home}/decisions.db",
        serve__folder=str(home / "serve"),
        catalogue__products=str(home / "products.csv"),
        catalogue__images=str(home / "images.csv"),
        storage__roots=[str(home)],
        **{"catalogue__carry": ["title", "brand"]} | more,
    )


def audit(
    made: config.Settings,
    home: Path,
    day: datetime.date = DAY,
    wanted=None,
    run_id: str | None = None,
) -> None:
    """Publish a day as the audit decides it, with what people had decided by then."""
    pictures = home / "pictures"
    pictures.mkdir(exist_ok=True)
    wanted = wanted or products(pictures)
    decided = effective.load(made)
    values = {
        "title": titles(wanted),
        "brand": ["Ö" if n % 2 else "=B" for n in range(len(wanted))],
    }
    memory, _ = publish(
        wanted,
        day=day,
        examples=[draw(pictures, "example.jpg")],
        carried={name: values[name] for name in made.catalogue.carry},
        profile=decided,
        models=[MODEL],
    )
    for row in (rows := memory.rows["landmarks"].to_pylist()):
        row["landmarks"] = LANDMARKS
    memory.rows["landmarks"] = pa.Table.from_pylist(rows, tables.LANDMARKS.schema)
    memory.rows |= facts(memory, day)
    if "B-7" in wanted:
        memory.rows |= remedies(memory)
    store(made, memory, day, decided, run_id or f"run-of-{day}")


def facts(memory, day: datetime.date) -> dict[str, pa.Table]:
    """What A-1's and A-2's pictures are like, and what a marketplace says of A-1 and A-2."""
    listed = [row for row in memory.rows["product_images"].to_pylist() if row["content_sha256"]]
    contents = sorted({row["content_sha256"] for row in listed if row["product_id"] == "A-1"})
    mask = io.BytesIO()
    drawn = Image.new("L", (96, 128))
    drawn.paste(255, (20, 10, 76, 120))
    drawn.save(mask, "PNG")
    own = [{"facts_version": "facts-1", "content_sha256": content} for content in contents]
    boxes = {"upper_garment": [0.2, 0.1, 0.6, 0.4], "shoes": [0.3, 0.8, 0.4, 0.15]}
    crops = [
        one | {"crop": name, "box": box, "width": 60, "height": 40, "coverage": 1.0}
        for one in own
        for name, box in boxes.items()
    ]
    second = next(row["image_uri"] for row in listed if row["product_id"] == "A-1")
    rules = {
        "rules": ["white_ground", "views"],
        "levels": ["must", "advice"],
        "images": [second, ""],
        "found": ["82% of the background is white", "2 views"],
        "wanted": ["at least 98%", "at least 4"],
        "remedies": ["cut_out", "shoot"],
    }
    empty: dict = {name: [] for name in rules}
    judged = [
        {"product_id": product, "marketplace": market, "ready": ready, "judged": 2, "unjudged": 0}
        | (empty if ready else rules)
        for product, market, ready in (
            ("A-1", "amazon", False),
            ("A-1", "zalando", True),
            ("A-2", "amazon", False),
        )
    ]
    rows = {
        "picture_facts": [one | {"mask": mask.getvalue()} for one in own],
        "picture_crops": crops,
        "ready_for": [one | {"run_date": day} for one in judged],
    }
    return {
        name: pa.Table.from_pylist(made, tables.TABLES[name].schema) for name, made in rows.items()
    }


def remedies(memory) -> dict[str, pa.Table]:
    """A part of B-7's first picture shows its side, and a frame of B-4's video does so of B-4."""
    preview = io.BytesIO()
    Image.new("RGB", (60, 80), (10, 120, 200)).save(preview, "JPEG")
    listed = memory.rows["product_images"].to_pylist()
    picture = next(row["image_uri"] for row in listed if row["product_id"] == "B-7")
    of = {
        ("B-7", 3): {"remedy": "crop", "remedy_uri": picture, "remedy_box": [0.1, 0.2, 0.5, 0.4]},
        ("B-4", 3): {"remedy": "frame", "remedy_uri": "turn.mp4", "remedy_seconds": 1.5},
    }
    for found in of.values():
        found["advice"] = f"{found['remedy'].title()} it"
    flags = [
        row | of.get((row["product_id"], row["ask_id"]), {})
        for row in memory.rows["pose_flags"].to_pylist()
    ]
    image = {"image_uri": "turn.mp4", "content_sha256": "f" * 64, "status": "ok"}
    image |= {"first_seen": DAY, "last_seen": DAY}
    frame = {"reader_id": "reader", "content_sha256": "f" * 64, "reason": "angle"}
    frame |= {"value": "left", "second": 1.5, "certainty": 0.9, "preview": preview.getvalue()}
    images = [*memory.rows["images"].to_pylist(), image]
    return {
        name: pa.Table.from_pylist(rows, tables.TABLES[name].schema)
        for name, rows in (("pose_flags", flags), ("images", images), ("video_frames", [frame]))
    }


def candidate(made: config.Settings) -> str:
    """A candidate of the day that a person is to decide about; returns its version."""
    warehouse = Warehouse.open(made.warehouse)
    version = "model-2"
    confusion = [[1, 1, 40], [2, 2, 21], [2, 3, 9], [8, 8, 6], [-1, 3, 2]]
    compared = {
        "champion": RUN.model_version,
        "flip_share": 0.31,
        "turned": 2,
        "confusion": confusion,
        "stability": [0.91, 0.90],
        "silhouette_same_space": [0.42, 0.44],
        "named": [0.95, None],
        "waits": True,
        "refused_because": "31.0% of the flags would change with no picture changed",
    }
    row = ModelRow(
        model_version=version,
        status="candidate",
        estimator_id=MODEL["estimator_id"],
        artefact_uri="/m2",
        checksums={},
        parameters={},
        metrics={"promotion": compared},
        run_date=DAY,
        promoted_on=None,
        reason=f"waits for a person: {compared['refused_because']}",
        run_id="promote",
    )
    listed = {row["product_id"]: row for row in warehouse.read("product_images").to_pylist()}
    turned = [
        {
            "product_id": product,
            "category": "Tops",
            "subcategory": "Polo",
            "ask_id": ask,
            "ask_name": name,
            "state_before": before,
            "state_after": after,
            "image_uri": listed["A-1"]["image_uri"] if after == "missing" else None,
            "pose_before": 2,
            "pose_after": 3,
        }
        for product, ask, name, before, after in (
            ("A-1", 2, "upper body, back", "present", "missing"),
            ("A-2", 3, "side", "missing", "not asked"),
        )
    ]
    registry.record_turned(
        warehouse, version, pa.Table.from_pylist(turned, comparison.TURNED), "promote"
    )
    registry.record(warehouse, [row], "promote")
    views.publish(warehouse)
    return version


def store(made: config.Settings, memory, day: datetime.date, decided, run_id: str) -> None:
    """Put the rows in the warehouse and show them."""
    warehouse = Warehouse.open(made.warehouse)
    for name, rows in memory.rows.items():
        if name == "runs" or not len(rows):
            continue
        known = tables.TABLES[name]
        if not known.partition:
            warehouse.rewrite(name, lambda _, rows=rows: rows, "train")
            continue
        own = [column for column in rows.column_names if column not in ("run_id", "bucket")]
        if known in tables.DAY_TABLES:
            staged = warehouse.stage(name, run_id).write(rows.select(own))
            warehouse.write_day(name, day, staged, run_id)
        elif day == DAY:
            staged = warehouse.stage(name, "extract").write(rows.select(own))
            warehouse.append(name, staged, "extract", 1)
    standing = effective.rows(decided.decisions).append_column(
        "run_date", pa.array([day] * len(decided.decisions), pa.date32())
    )
    staged = warehouse.stage("decisions", run_id).write(standing)
    warehouse.write_day("decisions", day, staged, run_id)
    moment = datetime.datetime(day.year, day.month, day.day, 3, tzinfo=datetime.UTC)
    warehouse.record_run(
        RunRecord(
            run_id=run_id,
            job="audit",
            run_date=day,
            state="published",
            started_at=moment,
            finished_at=moment,
            model_version=RUN.model_version,
        )
    )
    views.publish(warehouse)


__all__ = ["DAY", "NEXT", "TITLE", "Expectations", "Shot", "audit", "settings"]
