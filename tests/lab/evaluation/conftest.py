"""A small audited sample catalogue: truth files, and a warehouse that says nearly the same."""

from __future__ import annotations

import csv
import datetime as dt
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pytest

from unposed_jobs.config import Settings, WarehouseSettings
from unposed_jobs.warehouse import RunRecord, Warehouse, tables
from unposed_jobs.warehouse.staging import bucket_of

DAY = dt.date(2024, 3, 1)
SHOTS = ("front/upper", "back/upper", "left/upper", "flat_lay", "fabric")
POSES = {shot: 10 + index for index, shot in enumerate(SHOTS)}
POPULAR, PRODUCTS = 8, 24


@dataclass(frozen=True)
class AuditedSample:
    folder: Path
    settings: Settings
    wrong: tuple[str, ...]
    """Addresses of the pictures that the audit got wrong: sides taken for backs."""


def _write(path: Path, rows: list[dict]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def _shots(number: int) -> list[str]:
    """Popular products show everything twice, the others three shots in turn."""
    if number < POPULAR:
        return [*SHOTS, *SHOTS]
    return [SHOTS[(number + step) % len(SHOTS)] for step in range(3)]


@pytest.fixture(scope="session")
def shared_sample(tmp_path_factory) -> AuditedSample:
    """To be read only."""
    return _make(tmp_path_factory.mktemp("audited"))


@pytest.fixture
def audited_sample(tmp_path) -> AuditedSample:
    """To be changed at will."""
    return _make(tmp_path)


def _make(tmp_path: Path) -> AuditedSample:
    settings = Settings(
        warehouse=WarehouseSettings(
            uri=f"sqlite:///{tmp_path}/state/catalog.db",
            location=f"{tmp_path}/warehouse",
            views=f"{tmp_path}/unposed.duckdb",
            buckets=4,
        )
    )
    folder = tmp_path / "sample"
    (folder / "truth").mkdir(parents=True)
    truth, products, seen, poses, flags, wrong = [], [], [], [], [], []
    for number in range(PRODUCTS):
        product = f"P{number:02d}"
        cohort = {"category": "Tops", "subcategory": ("Polo", "Shirts")[number % 2]}
        shown = set()
        for index, shot in enumerate(_shots(number)):
            view, _, framing = shot.partition("/")
            if not framing:
                view, kind = "", shot
            else:
                kind = "person"
            uri = f"pictures/{product}/{index}.jpg"
            truth.append(
                {"image_uri": uri, "product_id": product, "view": view, "framing": framing}
                | {"kind": kind, "person_count": 1, "duplicate_of": "", "defect": ""}
            )
            # The audit takes the sides of three products for backs, is unsure of one fabric, and
            # finds another too far from every class.
            spoilt = shot == "left/upper" and number in {3, 10, 12}
            pose = POSES["back/upper"] if spoilt else POSES[shot]
            confidence = 0.1 if shot == "fabric" and number == 19 else 0.9
            if shot == "fabric" and number == 22:
                pose, confidence = None, 0.0
            address = str(folder / uri)
            if spoilt or confidence < 0.3:
                wrong.append(address)
            if confidence > 0.3:
                shown.add(pose)
            content = f"{number:02d}{index:02d}"
            seen.append({"image_uri": address, "content_sha256": content})
            poses.append({"content_sha256": content, "pose_id": pose, "confidence": confidence})
        truth.append(
            {"image_uri": f"pictures/{product}/broken.jpg", "product_id": product, "view": "front"}
            | {"framing": "upper", "kind": "person", "person_count": 1, "duplicate_of": ""}
            | {"defect": "truncated"}
        )
        products.append({"product_id": product, **cohort, "full_set": ";".join(SHOTS)})
        for rank, (shot, pose) in enumerate(POSES.items()):
            flags.append(
                {"product_id": product, **cohort, "pose_id": pose, "pose_name": shot}
                | {"state": "present" if pose in shown else "missing", "score": 1.0 - rank / 10}
                | {"confidence": 0.9, "run_date": DAY, "model_version": "m1"}
            )
    _write(folder / "truth" / "images.csv", truth)
    _write(folder / "truth" / "products.csv", products)
    _publish(settings, seen, poses, flags)
    return AuditedSample(folder, settings, tuple(wrong))


def _publish(settings: Settings, seen: list, poses: list, flags: list) -> None:
    warehouse = Warehouse.open(settings.warehouse)
    common = {"status": "ok", "first_seen": DAY, "last_seen": DAY}
    rows = {
        "images": [row | common for row in seen],
        "image_poses": [row | {"model_version": "m1", "kind": "person"} for row in poses],
        "pose_flags": flags,
    }
    for name, values in rows.items():
        schema = tables.TABLES[name].schema
        filled = [{column.name: row.get(column.name) for column in schema} for row in values]
        table = pa.Table.from_pylist(filled, schema=schema).drop(["run_id"])
        if "bucket" in table.column_names:
            key = "image_uri" if name == "images" else "content_sha256"
            at = table.column_names.index("bucket")
            table = table.set_column(at, "bucket", bucket_of(table[key], 4))
        staged = warehouse.stage(name, "r1").write(table)
        if name == "pose_flags":
            warehouse.write_day(name, DAY, staged, "r1")
        else:
            warehouse.append(name, staged, "r1", 0)
    warehouse.record_run(
        RunRecord("r1", "audit", DAY, "published", dt.datetime.now(dt.UTC), model_version="m1")
    )
