"""Small products, worked out by hand. Poses: 1 front, 2 back, 3 side, 8 size chart, 9 legs."""

import datetime

import pyarrow as pa

from unposed_jobs.audit.expectations import Expectations
from unposed_jobs.audit.inference import AuditRun, audit_products
from unposed_jobs.audit.pictures import PICTURE
from unposed_jobs.config import AuditSettings

RUN = AuditRun(datetime.date(2026, 3, 1), "run-1", "model-1")
SETTINGS = AuditSettings(min_cohort_share=0.15)
VOCABULARY = pa.table(
    {
        "pose_id": [1, 2, 3, 8, 9],
        "kind": ["person", "person", "person", "no_person", "person"],
        "name": ["full body, front", "upper body, back", "side", "size chart", "legs"],
        "shot_code": ["FRNT", "BACK", None, None, None],
        "exemplars": [["v1"], ["v2"], ["v3"], ["v8"], ["v9"]],
    }
)
# Polo asks for 1, 2, 3 and 8; legs are too rare there. Back and side share the top score.
POLO = [
    ("Tops", "Polo", 1, 1.0, 3.0, ["p1"]),
    ("Tops", "Polo", 2, 0.8, 5.0, ["p2a", "p2b", "p2c", "p2d", "p2e"]),
    ("Tops", "Polo", 3, 0.5, 5.0, []),
    ("Tops", "Polo", 8, 0.15, 4.0, ["p8"]),
    ("Tops", "Polo", 9, 0.1, 1.0, ["p9"]),
]


def expected(rows):
    """Expectations of cohorts given as `POLO` is."""
    names = ("category", "subcategory", "pose_id", "share", "score", "example_images")
    table = pa.table({name: [row[index] for row in rows] for index, name in enumerate(names)})
    return Expectations.from_tables(VOCABULARY, table, ("category", "subcategory"))


EXPECTATIONS = expected(POLO)


def picture(uri, pose=None, confidence=0.9, **more):
    row = {
        "image_uri": uri,
        "position": 1,
        "image_status": "ok",
        "landmark_status": "no_person" if pose == 8 else "ok",
        "pose_id": pose,
        "confidence": confidence,
        "near_pose_ids": None,
        "kind": "no_person" if pose == 8 else "person",
        "perceptual_hash": None,
        "thumbnail": None,
        "content_sha256": f"sha of {uri}",
        "person_count": 1,
    }
    return row | more


def lost(uri, status="missing"):
    return picture(
        uri, image_status=status, landmark_status=None, confidence=0.0, content_sha256=None
    )


def batch(*products):
    """Each product: (id, category, subcategory, pictures)."""
    return pa.record_batch(
        {
            "product_id": pa.array([p[0] for p in products], pa.string()),
            "category": pa.array([p[1] for p in products], pa.string()),
            "subcategory": pa.array([p[2] for p in products], pa.string()),
            "product_type": pa.array(["shirt" for _ in products], pa.string()),
            "pictures": pa.array([p[3] for p in products], pa.list_(PICTURE)),
        }
    )


def audit(
    *pictures, category="Tops", subcategory="Polo", settings=SETTINGS, profile=None, rows=None
):
    """Audit one product; its flags by pose, and its product row."""
    products = batch(("A", category, subcategory, list(pictures)))
    expectations = expected(rows) if rows else EXPECTATIONS
    tables = audit_products(products, expectations, settings, RUN, profile)
    flags = {row["pose_id"]: row for row in tables.pose_flags.to_pylist()}
    (product,) = tables.product_audit.to_pylist()
    return flags, product


def states(flags):
    return [flags[pose]["state"] for pose in (1, 2, 3, 8, 9)]


EVERYTHING = [picture("f", 1), picture("b", 2), picture("s", 3), picture("c", 8)]
