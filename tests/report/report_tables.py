"""A small published day in memory, made by the audit itself, for the tests of the gallery."""

import dataclasses
import datetime
import hashlib
from pathlib import Path

import duckdb
import pyarrow as pa
from PIL import Image

from unposed_jobs.audit import corrections
from unposed_jobs.audit.expectations import Expectations
from unposed_jobs.audit.inference import AuditRun, audit_products
from unposed_jobs.audit.pictures import PICTURE
from unposed_jobs.catalogue import packing
from unposed_jobs.config import AuditSettings
from unposed_jobs.report.listing import POPULARITY
from unposed_jobs.warehouse import tables

DAY = datetime.date(2026, 3, 2)
RUN = AuditRun(DAY, "0123456789abcdef", "model-1")
MODEL = {
    "model_version": RUN.model_version,
    "status": "champion",
    "estimator_id": "estimator",
    "artefact_uri": "/m",
    "checksums": "{}",
    "parameters": "{}",
    "metrics": "{}",
    "run_date": DAY,
    "run_id": "train",
}
"""Its row of `models`."""
POSES = [
    (1, "person", "full body, front", "FRNT"),
    (2, "person", "upper body, back", "BACK"),
    (3, "person", "side", None),
    (8, "no_person", "size chart", "SIZE"),
]
SETTINGS = AuditSettings(min_cohort_share=0.15)
SHARES = {1: 1.0, 2: 0.8, 3: 0.5, 8: 0.3}


class MemoryTables:
    """The tables by name, asked with DuckDB as the warehouse is."""

    def __init__(self, rows):
        self.rows = {
            name: pa.Table.from_pylist(rows.get(name, []), schema=table.schema)
            if isinstance(rows.get(name, []), list)
            else rows[name]
            for name, table in tables.TABLES.items()
        }
        self._connection = duckdb.connect()
        self._connection.execute("SET threads = 1")

    def query(self, sql, parameters=None):
        with self._connection.cursor() as connection:
            for name, table in self.rows.items():
                connection.register(name, table)
            connection.execute(
                "CREATE OR REPLACE TEMP VIEW published_days AS SELECT run_date, run_id, "
                "model_version, finished_at FROM runs WHERE state = 'published'"
            )
            return connection.sql(sql, params=parameters).to_arrow_table()


@dataclasses.dataclass
class MemoryListing:
    """The catalogue: how popular its products are."""

    ratings: dict

    def popularity(self):
        return pa.Table.from_pylist(
            [
                {"product_id": key, "score": score, "average_rating": 4.5, "rating_count": 10}
                for key, score in self.ratings.items()
            ],
            schema=POPULARITY,
        )


@dataclasses.dataclass
class Shot:
    """A picture to be listed: its pose, or what is wrong with it."""

    pose: int | None = None
    confidence: float = 0.9
    status: str = "ok"
    error: str | None = None
    uri: str = ""
    people: int = 1
    copy_of: str = ""


def draw(folder: Path, name: str, colour=(120, 90, 60), size=(400, 600)) -> str:
    """Write a JPEG; returns its path."""
    path = folder / name
    image = Image.new("RGB", size, colour)
    image.paste((255, 255, 255), (size[0] // 4, size[1] // 4, size[0] // 2, size[1] // 2))
    image.save(path)
    return str(path)


def publish(
    products,
    *,
    poses=POSES,
    asks=(),
    rejects=(),
    day=DAY,
    ratings=None,
    examples=(),
    settings=SETTINGS,
    carried=None,
    profile=None,
    **more,
):
    """A day of products {id: (category, subcategory, [Shot])}: its tables and its catalogue.

    `asks` are dicts of the vocabulary's columns with `members`; every other pose is one by itself.
    `carried` are the values of further columns by name, a list for the products in their order;
    `profile` is what the audit goes by, as `decisions.effective` has it.
    """
    grouped = {
        pose_id: {name: ask[name] for name in ask if name != "members"}
        for ask in asks
        for pose_id in ask["members"]
    }
    vocabulary = [
        {
            "model_version": RUN.model_version,
            "pose_id": pose_id,
            "kind": kind,
            "name": name,
            "shot_code": code,
            "size": 100 - pose_id,
            "spread": 0.2,
            "exemplars": list(examples),
            "lineage": "new",
            "run_id": "train",
            "ask_id": pose_id,
            "ask_name": name,
            "asked": True,
        }
        | grouped.get(pose_id, {})
        for pose_id, kind, name, code in poses
    ]
    usual = {row["ask_id"]: row["pose_id"] for row in reversed(vocabulary)}
    if settings.flags == "classes":
        usual = {row["pose_id"]: row["pose_id"] for row in vocabulary}
    order = sorted(usual)
    cohorts = {
        "category": pa.array([None] * len(order), pa.string()),
        "ask_id": order,
        "pose_id": [usual[ask_id] for ask_id in order],
        "share": [SHARES.get(usual[ask_id], 0.5) for ask_id in order],
        "score": [float(10 - index) for index in range(len(order))],
        "example_images": [list(examples)] * len(order),
    }
    if settings.flags == "classes":
        del cohorts["ask_id"]
    expectations = Expectations.from_tables(
        pa.Table.from_pylist(vocabulary, tables.VOCABULARY.schema), pa.table(cohorts), ("category",)
    )
    rows, images, landmarks, named = [], {}, {}, {}
    for product_id, (category, subcategory, shots) in products.items():
        pictures = []
        for position, shot in enumerate(shots, start=1):
            content = hashlib.sha256((shot.copy_of or shot.uri).encode()).hexdigest()
            read = shot.status in ("ok", "unreadable")
            found = None if not read else "unreadable" if shot.status == "unreadable" else "ok"
            picture = {
                "image_uri": shot.uri,
                "position": position,
                "image_status": "ok" if read else shot.status,
                "landmark_status": found,
                "pose_id": shot.pose,
                "confidence": shot.confidence if shot.pose is not None else 0.0,
                "kind": "person",
                "perceptual_hash": None,
                "content_sha256": content if read else None,
                "person_count": shot.people,
                "error": shot.error,
            }
            pictures.append(picture)
            images[shot.uri] = {
                "bucket": 0,
                "image_uri": shot.uri,
                "content_sha256": picture["content_sha256"],
                "status": picture["image_status"],
                "error": shot.error if not read else None,
                "first_seen": day,
                "last_seen": day,
                "run_id": "extract",
            }
            if read:
                landmarks[content] = {
                    "estimator_id": "estimator",
                    "bucket": 0,
                    "content_sha256": content,
                    "status": found,
                    "error": shot.error,
                    "person_count": shot.people,
                    "run_id": "extract",
                }
                named[content] = {
                    "model_version": RUN.model_version,
                    "bucket": 0,
                    "content_sha256": content,
                    "pose_id": shot.pose,
                    "confidence": picture["confidence"],
                    "kind": "person",
                    "run_id": "assign",
                }
        rows.append(
            {
                "product_id": product_id,
                "category": category,
                "subcategory": subcategory,
                "product_type": None,
                "pictures": pictures,
            }
        )
    schema = pa.schema(
        [(n, pa.string()) for n in ("product_id", "category", "subcategory", "product_type")]
        + [("pictures", pa.list_(PICTURE))]
    )
    carried = carried or {}
    run = dataclasses.replace(RUN, run_date=day, carry=tuple(carried))
    batch = pa.RecordBatch.from_pylist(rows, schema=schema)
    columns = [pa.array(column, pa.string()) for column in carried.values()]
    packed = packing.pack(columns) if columns else pa.nulls(len(rows), pa.string())
    batch = batch.append_column("carried", packed)
    said = None
    if profile is not None:
        said = profile.profile
        expectations, _ = corrections.apply(expectations, said.corrections)
        names = dict(zip(expectations.pose_ids.tolist(), expectations.pose_names, strict=True))
        for row in vocabulary:
            row["name"] = names[row["pose_id"]]
    audited = audit_products(batch, expectations, settings, run, said)
    moment = datetime.datetime(day.year, day.month, day.day, 3, tzinfo=datetime.UTC)
    contents = {
        "vocabulary": vocabulary,
        "images": list(images.values()),
        "landmarks": list(landmarks.values()),
        "image_poses": list(named.values()),
        "pose_flags": audited.pose_flags,
        "product_audit": audited.product_audit,
        "product_images": audited.product_images,
        "catalogue_rejects": [{"run_date": day, "run_id": run.run_id} | row for row in rejects],
        "models": [{"model_version": RUN.model_version, "estimator_id": "estimator"}],
        "runs": [
            {
                "run_id": run.run_id,
                "job": "audit",
                "run_date": day,
                "state": "published",
                "model_version": RUN.model_version,
                "attempts": 1,
                "started_at": moment,
                "finished_at": moment,
            }
        ],
    }
    ratings = ratings if ratings is not None else dict.fromkeys(products, 1.0)
    return MemoryTables(contents | more), MemoryListing(ratings)
