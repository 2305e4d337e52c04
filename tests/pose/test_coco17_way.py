"""The 17-point way, from pixels to what is missing: rows, 61 features, training, audit."""

from pathlib import Path

import dotted_figures as dots
import numpy as np
import pyarrow as pa
import pytest
import reference_tables
from landmark_figures import FRAMES

from unposed_jobs.audit.expectations import Expectations
from unposed_jobs.audit.inference import AuditRun, audit_products
from unposed_jobs.audit.pictures import PICTURE
from unposed_jobs.config import AuditSettings, PoseSettings
from unposed_jobs.pose import estimators
from unposed_jobs.pose.extraction import extract_batch
from unposed_jobs.reference.bundle import Bundle
from unposed_jobs.reference.training import get_embedding

SIZE = (120, 160)
ROWS = ("content_sha256", "status", "landmarks", "pose_score", "person_count", "perceptual_hash")


def figures_of(products: int, seed: int = 0) -> pa.Table:
    """A training table without side views: from there one dot covers another."""
    table = reference_tables.reference(products, seed, points=17)
    aside = [truth.split()[0] in ("left", "right") for truth in table["truth"].to_pylist()]
    return table.filter(pa.array(~np.array(aside)))


def seen_by(settings: PoseSettings, table: pa.Table, encode) -> pa.Table:
    """The table with what the estimator finds in pictures drawn from its landmarks."""
    contents = []
    for number, landmarks in enumerate(table["landmarks"].to_pylist()):
        if landmarks is None:
            picture = np.full((SIZE[1], SIZE[0], 3), 128, np.uint8)
        else:
            picture = dots.draw(np.reshape(landmarks, (17, 3)), SIZE, radius=2.5)
        picture[-1, -1] = number % 256, number // 256, 0  # Every picture its own bytes.
        contents.append(encode(picture))
    estimator = estimators.create(settings)
    rows = extract_batch(contents, estimator, settings)
    estimator.close()
    assert {row.estimator_id for row in rows} == {estimators.identify(settings)}
    for name in (*ROWS, "statistics"):
        column = pa.array([getattr(row, name) for row in rows], table.schema.field(name).type)
        table = table.set_column(table.schema.get_field_index(name), name, column)
    return table


@pytest.fixture(scope="module")
def settings(tmp_path_factory) -> PoseSettings:
    folder: Path = tmp_path_factory.mktemp("model")
    return PoseSettings(
        picture_kinds=False,
        estimator=dots.saved(folder, size=(144, 192)),
        onnx_person_box="frame",
        onnx_heat_maps="dark",
    )


def test_dots_are_learned_and_audited(settings, encode) -> None:
    drawn = figures_of(16)
    pictures = seen_by(settings, drawn, encode)
    assert pictures["status"].to_pylist() == drawn["status"].to_pylist()
    found, features = get_embedding(pictures)
    assert features.shape == (len(found.person), 61)
    assert np.isfinite(features).all()

    bundle = reference_tables.train(
        pictures, reference_tables.BARE, estimator_id=estimators.identify(settings)
    )
    assert bundle.person is not None
    assert bundle.person.topology.name == "coco17"
    names = bundle.vocabulary["name"].to_pylist()
    assert any("back" in name for name in names)

    others = seen_by(settings, figures_of(8, seed=1), encode)
    assigned = bundle.assign(others.select([*ROWS, "statistics"]))
    _poses_follow_the_truth(assigned, others)
    _a_back_that_was_taken_away_is_missing(bundle, assigned, others)


def _poses_follow_the_truth(assigned: pa.Table, others: pa.Table) -> None:
    pose, truth = assigned["pose_id"].to_pylist(), others["truth"].to_pylist()
    people = [
        (p, t)
        for p, t in zip(pose, truth, strict=True)
        if any(t.endswith(frame) for frame in FRAMES)
    ]
    by_truth = {t: [p for p, other in people if other == t] for _, t in people}
    # Several classes may show one truth; a class shows one only.
    by_pose = {p: [t for other, t in people if other == p] for p, _ in people if p is not None}
    agreeing = sum(max(map(shown.count, set(shown))) for shown in by_pose.values())
    assert agreeing >= 0.9 * len(people)
    fronts = set(by_truth["front upper"]) - {None}
    assert not fronts & set(by_truth["back upper"])


def _a_back_that_was_taken_away_is_missing(
    bundle: Bundle, assigned: pa.Table, others: pa.Table
) -> None:
    rows = [
        row | found for row, found in zip(others.to_pylist(), assigned.to_pylist(), strict=True)
    ]
    product = next(row["product_id"] for row in rows if row["category"] == "Tops")
    own = [row for row in rows if row["product_id"] == product]
    backs = {row["pose_id"] for row in own if row["truth"] == "back upper"}
    assert None not in backs
    flags = {
        name: _flags(bundle, own[0], kept)
        for name, kept in (
            ("whole", own),
            ("without", [row for row in own if row["pose_id"] not in backs]),
        )
    }
    for pose in backs:
        assert flags["whole"][pose] == "present"
        assert flags["without"][pose] == "missing"


def _flags(bundle: Bundle, product: dict, rows: list[dict]) -> dict[int, str]:
    pictures = [
        {
            "image_uri": row["image_uri"],
            "position": position,
            "image_status": "ok",
            "landmark_status": row["status"],
            "perceptual_hash": None,
            **{
                name: row[name]
                for name in ("pose_id", "confidence", "kind", "content_sha256", "person_count")
            },
        }
        for position, row in enumerate(rows)
    ]
    batch = pa.record_batch(
        {
            name: pa.array([product[name]], pa.string())
            for name in ("product_id", "category", "subcategory", "product_type")
        }
        | {"pictures": pa.array([pictures], pa.list_(PICTURE))}
    )
    expectations = Expectations.from_tables(bundle.vocabulary, bundle.cohorts, bundle.attributes)
    run = AuditRun(reference_tables.DAY, "run", "model")
    made = audit_products(batch, expectations, AuditSettings(), run)
    return {row["pose_id"]: row["state"] for row in made.pose_flags.to_pylist()}
