"""Small products, worked out by hand. Poses: 1 front, 2 back, 3 side, 8 size chart, 9 legs."""

import dataclasses
import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute
import pytest

from unposed_jobs.audit.expectations import Expectations
from unposed_jobs.audit.inference import AuditRun, audit_products, sort_centroids_by_rank
from unposed_jobs.audit.pictures import PICTURE
from unposed_jobs.audit.profile import Profile, Waiver
from unposed_jobs.config import AuditSettings
from unposed_jobs.errors import UnposedError
from unposed_jobs.warehouse.tables import POSE_FLAGS, PRODUCT_AUDIT

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
EXPECTATIONS = Expectations.from_tables(
    VOCABULARY,
    pa.table(
        {
            name: [row[index] for row in POLO]
            for index, name in enumerate(
                ("category", "subcategory", "pose_id", "share", "score", "example_images")
            )
        }
    ),
    ("category", "subcategory"),
)


def picture(uri, pose=None, confidence=0.9, **more):
    row = {
        "image_uri": uri,
        "position": 1,
        "image_status": "ok",
        "landmark_status": "no_person" if pose == 8 else "ok",
        "pose_id": pose,
        "confidence": confidence,
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


def audit(*pictures, category="Tops", subcategory="Polo", settings=SETTINGS, profile=None):
    """Audit one product; its flags by pose, and its product row."""
    tables = audit_products(
        batch(("A", category, subcategory, list(pictures))), EXPECTATIONS, settings, RUN, profile
    )
    flags = {row["pose_id"]: row for row in tables.pose_flags.to_pylist()}
    (product,) = tables.product_audit.to_pylist()
    return flags, product


def states(flags):
    return [flags[pose]["state"] for pose in (1, 2, 3, 8, 9)]


EVERYTHING = [picture("f", 1), picture("b", 2), picture("s", 3), picture("c", 8)]


def test_gaps():
    flags, product = audit(
        picture("f2", 1, 0.6, position=2),
        picture("f1", 1, 0.8),
        picture("chart", 8, 0.9, position=3),
    )
    assert states(flags) == ["present", "missing", "missing", "present", "not_applicable"]
    assert flags[1]["evidence_image"] == "f1"
    assert flags[1]["confidence"] == pytest.approx(0.8)
    assert flags[1]["rank"] is None
    assert flags[1]["example_images"] is None
    assert flags[1]["remedy"] is None
    # Equal scores: the lower pose id comes first.
    assert [flags[2]["rank"], flags[3]["rank"]] == [1, 2]
    assert flags[2]["score"] == 5.0
    assert flags[2]["example_images"] == ["p2a", "p2b", "p2c", "p2d"]
    assert flags[3]["example_images"] == ["v3"]
    assert flags[2]["remedy"] == "Photograph: upper body, back (shot BACK); see the examples"
    assert flags[3]["remedy"] == "Photograph: side; see the examples"
    assert flags[2]["evidence_image"] is None
    # Mean confidence of the three pictures: how well was looked.
    assert flags[2]["confidence"] == pytest.approx((0.6 + 0.8 + 0.9) / 3)
    assert flags[9]["confidence"] == pytest.approx(0.9)
    assert product == {
        "run_date": RUN.run_date,
        "product_id": "A",
        "category": "Tops",
        "subcategory": "Polo",
        "product_type": "shirt",
        "pictures": 3,
        "usable": 3,
        "unreadable": 0,
        "duplicates": 0,
        "altered_duplicates": 0,
        "with_person": 2,
        "is_target": True,
        "poses_present": [1, 8],
        "missing_count": 2,
        "top_missing": ["upper body, back", "side"],
        "completeness": 0.5,
        "status": "gaps",
        "reason": None,
        "model_version": "model-1",
        "run_id": "run-1",
    }


def test_complete():
    flags, product = audit(*EVERYTHING, picture("more", 1, 0.5))
    assert states(flags) == ["present"] * 4 + ["not_applicable"]
    assert product["status"] == "complete"
    assert product["completeness"] == 1.0
    assert product["top_missing"] == []
    assert not product["is_target"]
    assert product["reason"] is None


def test_a_rare_pose_that_is_there_is_present_but_does_not_count_as_complete():
    flags, product = audit(picture("l", 9))
    assert flags[9]["state"] == "present"
    assert product["poses_present"] == [9]
    assert product["completeness"] == 0.0
    assert product["missing_count"] == 4
    assert product["top_missing"] == ["upper body, back", "side", "size chart"]


def test_without_a_person_there_is_nothing_to_photograph():
    flags, _ = audit(picture("f", 1))
    assert flags[8]["remedy"] == "Add a picture: size chart; see the examples"


def test_no_picture_lacks_everything():
    for pictures in ([], None, [picture(None)]):
        tables = audit_products(batch(("A", "Tops", "Polo", pictures)), EXPECTATIONS, SETTINGS, RUN)
        (product,) = tables.product_audit.to_pylist()
        assert product["status"] == "gaps"
        assert (product["pictures"], product["missing_count"]) == (0, 4)
        assert product["completeness"] == 0.0
        flags = tables.pose_flags.to_pylist()
        assert [flag["confidence"] for flag in flags] == pytest.approx([1, 1, 1, 1, 0.9])


def test_none_usable_is_unassessable():
    broken = picture("x", landmark_status="unreadable", confidence=0.0, kind="unreadable")
    flags, product = audit(lost("a"), lost("b"), lost("c", "too_large"), broken)
    assert states(flags) == ["unknown"] * 4 + ["not_applicable"]
    assert flags[1]["confidence"] == 0.0
    assert flags[1]["rank"] is None
    assert product["status"] == "unassessable"
    assert product["reason"] == (
        "no picture could be read: 2 missing, 1 too large, 1 not decodable"
    )
    assert (product["pictures"], product["usable"], product["unreadable"]) == (4, 0, 4)
    assert product["completeness"] is None
    assert product["missing_count"] == 0


def test_mostly_unclear_is_unassessable_but_facts_stay():
    flags, product = audit(
        picture("f", 1), lost("a", "unreachable"), picture("x", None, 0.0), picture("y", 2, 0.1)
    )
    assert states(flags) == ["present"] + ["unknown"] * 3 + ["not_applicable"]
    assert product["status"] == "unassessable"
    assert product["reason"] == (
        "too few of its 4 distinct pictures are clear: 1 unreachable, 2 of no clear pose"
    )
    assert product["poses_present"] == [1]


def test_an_only_picture_that_is_unclear():
    _, product = audit(picture("x", None, 0.0))
    assert product["status"] == "unassessable"
    assert product["reason"] == "its only picture shows no clear pose"


def test_half_unclear_is_still_assessed():
    _, product = audit(picture("f", 1), picture("x", None, 0.0))
    assert product["status"] == "gaps"


def test_how_much_may_be_unclear_is_a_setting():
    pictures = [picture("f", 1), picture("s", 3), picture("x", None, 0.0), lost("a")]
    for share, status in ((0.4, "unassessable"), (0.5, "gaps")):
        settings = dataclasses.replace(SETTINGS, max_unknown_share=share)
        _, product = audit(*pictures, settings=settings)
        assert product["status"] == status


def test_a_doubtful_picture_makes_its_own_pose_unknown():
    flags, product = audit(picture("f", 1), picture("b", 2, 0.29), picture("s", 3))
    assert states(flags) == ["present", "unknown", "present", "missing", "not_applicable"]
    assert flags[2]["confidence"] == pytest.approx(0.29)
    assert flags[2]["evidence_image"] is None
    assert flags[8]["rank"] == 1
    assert product["status"] == "gaps"
    assert product["completeness"] == pytest.approx(2 / 4)


def test_confidence_at_the_bound_is_enough_in_single_precision():
    settings = dataclasses.replace(SETTINGS, min_confidence=0.7)
    flags, _ = audit(picture("f", 1, 0.7), settings=settings)
    assert flags[1]["state"] == "present"


def test_a_sure_picture_outweighs_a_doubtful_one():
    flags, _ = audit(picture("b", 2, 0.2), picture("b2", 2, 0.5))
    assert flags[2]["state"] == "present"
    assert flags[2]["evidence_image"] == "b2"


def test_only_doubt_left_is_undecided():
    _, product = audit(EVERYTHING[0], EVERYTHING[2], EVERYTHING[3], picture("b", 2, 0.1))
    assert product["status"] == "unassessable"
    assert product["reason"] == (
        "nothing is missing for certain, but 1 expected pose hangs on an unclear picture"
    )


def test_a_picture_of_no_known_pose_lowers_confidence_only():
    flags, _ = audit(picture("f", 1), picture("x", None, 0.0))
    assert flags[2]["state"] == "missing"
    assert flags[2]["confidence"] == pytest.approx(0.45)


def test_not_read_yet_counts_as_unreadable():
    _, product = audit(picture("f", 1), picture("x", landmark_status=None))
    assert (product["usable"], product["unreadable"]) == (1, 1)


def test_repeats_fill_no_slot():
    # The repeat would have been another pose; it shows nothing that the first does not.
    flags, product = audit(
        picture("f", 1, position=1, content_sha256="same"),
        picture("again", 2, position=2, content_sha256="same"),
    )
    assert flags[2]["state"] == "missing"
    assert (product["pictures"], product["usable"], product["duplicates"]) == (2, 1, 1)
    assert product["with_person"] == 1
    assert flags[2]["confidence"] == pytest.approx(0.9)


def test_a_mirrored_picture_of_the_same_pose_is_an_altered_repeat():
    scene = np.random.default_rng(3).integers(0, 255, (8, 8)).repeat(4, 0).repeat(4, 1)
    first, turned = (one.astype(np.uint8).tobytes() for one in (scene, scene[:, ::-1]))
    for pose, repeated in ((1, 1), (2, 0)):
        flags, product = audit(
            picture("f", 1, thumbnail=first), picture("m", pose, position=2, thumbnail=turned)
        )
        assert (product["duplicates"], product["altered_duplicates"]) == (repeated, repeated)
        assert product["usable"] == 2 - repeated
        assert flags[2]["state"] == ("missing" if repeated else "present")


def test_how_near_hashes_are_repeats_is_a_setting():
    pictures = [
        picture("f", 1, perceptual_hash="00000000ffffffff"),
        picture("again", 2, position=2, perceptual_hash="00000000fffffff8"),
    ]
    for distance, state in ((2, "present"), (3, "missing")):
        settings = dataclasses.replace(SETTINGS, duplicate_distance=distance)
        flags, product = audit(*pictures, settings=settings)
        assert flags[2]["state"] == state
        assert product["duplicates"] == (state == "missing")


def test_the_first_by_position_is_kept_then_by_address():
    flags, _ = audit(
        picture("z", 2, position=None, content_sha256="same"),
        picture("b", 1, position=2, content_sha256="same"),
        picture("a", 3, position=2, content_sha256="same"),
    )
    assert states(flags)[:3] == ["missing", "missing", "present"]


def test_evidence_is_the_first_among_equals():
    flags, _ = audit(picture("b", 1, position=2), picture("c", 1, position=1))
    assert flags[1]["evidence_image"] == "c"


@pytest.mark.parametrize(
    ("category", "subcategory", "factor"),
    [("Tops", "Polo", 1.0), ("Tops", "Vest", 0.75), ("Tops", None, 0.75), (None, None, 0.5625)],
)
def test_back_off_lowers_confidence(category, subcategory, factor):
    flags, product = audit(picture("f", 1, 1.0), category=category, subcategory=subcategory)
    assert flags[2]["confidence"] == pytest.approx(factor)
    assert flags[9]["confidence"] == pytest.approx(0.9 * factor)
    assert flags[1]["confidence"] == 1.0
    assert (product["category"], product["subcategory"]) == (category, subcategory)


def test_a_reference_without_cohorts_makes_all_unassessable():
    empty = Expectations.from_tables(
        VOCABULARY,
        pa.table(
            {
                name: pa.array([], kind)
                for name, kind in {
                    "category": pa.string(),
                    "pose_id": pa.int32(),
                    "share": pa.float64(),
                    "score": pa.float64(),
                    "example_images": pa.list_(pa.string()),
                }.items()
            }
        ),
        ("category",),
    )
    tables = audit_products(batch(("A", "Tops", "Polo", [picture("f", 1)])), empty, SETTINGS, RUN)
    assert tables.pose_flags["state"].to_pylist() == ["present"] + ["unknown"] * 4
    (product,) = tables.product_audit.to_pylist()
    assert product["status"] == "unassessable"
    assert "no reference product" in product["reason"]


def test_nothing_common_enough_is_unassessable():
    settings = dataclasses.replace(SETTINGS, min_cohort_share=1.1)
    flags, product = audit(picture("f", 1), settings=settings)
    assert states(flags) == ["present"] + ["not_applicable"] * 4
    assert product["status"] == "unassessable"
    assert "common enough" in product["reason"]


def test_the_profile_excludes_waives_and_names():
    profile = Profile(
        shot_codes=(("side", "SIDE"),),
        not_applicable=(("Tops", ("size*",)),),
        waivers=(Waiver("A", "*back"), Waiver("A", 1)),
    )
    flags, product = audit(picture("f", 1), profile=profile)
    # A waived pose that is there is present.
    assert states(flags) == ["present", "waived", "missing", "not_applicable", "not_applicable"]
    assert flags[8]["confidence"] == 1.0
    assert flags[2]["confidence"] == 1.0
    assert flags[3]["remedy"] == "Photograph: side (shot SIDE); see the examples"
    assert flags[3]["shot_code"] == "SIDE"
    assert flags[2]["shot_code"] == "BACK"
    assert product["completeness"] == 0.0
    assert product["missing_count"] == 1


def test_a_profile_that_excludes_all_leaves_nothing_missing():
    _, product = audit(profile=Profile(not_applicable=(("*", ("*",)),)))
    assert product["status"] == "complete"
    assert product["completeness"] is None


def test_schemas_are_the_tables():
    for products in ((), (("A", "Tops", "Polo", EVERYTHING),)):
        tables = audit_products(batch(*products), EXPECTATIONS, SETTINGS, RUN)
        assert tables.pose_flags.schema.equals(POSE_FLAGS.schema, check_metadata=True)
        assert tables.product_audit.schema.equals(PRODUCT_AUDIT.schema, check_metadata=True)
        assert tables.pose_flags.num_rows == 5 * len(products)
        for table, contract in (
            (tables.pose_flags, POSE_FLAGS),
            (tables.product_audit, PRODUCT_AUDIT),
        ):
            for name in contract.required:
                assert table[name].null_count == 0


def test_a_pose_of_another_model_is_refused():
    with pytest.raises(ValueError, match="pose 4 is not in the vocabulary"):
        audit(picture("x", 4))
    with pytest.raises(ValueError, match="pose 99 is not"):
        audit(picture("x", 99, 0.1))


def test_an_unknown_cohort_attribute_is_told():
    strange = dataclasses.replace(EXPECTATIONS, attributes=("category", "brand"))
    with pytest.raises(UnposedError, match="no column brand"):
        audit_products(batch(("A", "Tops", "Polo", [])), strange, SETTINGS, RUN)


def test_a_missing_column_is_told():
    with pytest.raises(ValueError, match="no column pictures"):
        audit_products(
            batch().select(["product_id", "category", "subcategory", "product_type"]),
            EXPECTATIONS,
            SETTINGS,
            RUN,
        )


def test_sort_centroids_by_rank():
    missing = np.array([[True, True, False, True, True], [False] * 5])
    score = np.array([[1.0, 2.0, 9.0, 2.0, np.nan], [1.0] * 5])
    assert sort_centroids_by_rank(missing, score).tolist() == [[3, 1, 0, 2, 4], [0] * 5]


def test_products_in_a_batch_do_not_touch_and_any_split_gives_the_same_rows():
    random = np.random.default_rng(11)
    products = []
    for index in range(400):
        pictures = [
            picture(
                f"{index}/{place}",
                [1, 2, 3, 8, 9, None][random.integers(6)],
                float(random.random()),
                position=int(random.integers(4)),
                content_sha256=str(random.integers(5)),
                image_status=["ok", "ok", "ok", "missing"][random.integers(4)],
            )
            for place in range(random.integers(0, 7))
        ]
        products.append((f"P{index}", "Tops", ["Polo", "Vest"][index % 2], pictures))
    whole = audit_products(batch(*products), EXPECTATIONS, SETTINGS, RUN)
    parts = [
        audit_products(batch(*products[start : start + 37]), EXPECTATIONS, SETTINGS, RUN)
        for start in range(0, 400, 37)
    ]
    assert pa.concat_tables([part.pose_flags for part in parts]).equals(whole.pose_flags)
    assert pa.concat_tables([part.product_audit for part in parts]).equals(whole.product_audit)
    audit_rows = whole.product_audit
    total = np.array(audit_rows["pictures"])
    parts_sum = sum(np.array(audit_rows[name]) for name in ("usable", "unreadable", "duplicates"))
    assert (total == parts_sum).all()
    assert set(audit_rows["status"].to_pylist()) == {"complete", "gaps", "unassessable"}
    assert set(whole.pose_flags["state"].to_pylist()) == {
        "present",
        "missing",
        "not_applicable",
        "unknown",
    }


def test_a_sliced_batch_is_read_from_its_slice():
    products = [(f"P{i}", "Tops", "Polo", [picture(f"{i}", 1 + i % 3)]) for i in range(6)]
    sliced = batch(*products).slice(2, 3)
    tables = audit_products(sliced, EXPECTATIONS, SETTINGS, RUN)
    assert tables.product_audit["product_id"].to_pylist() == ["P2", "P3", "P4"]
    assert tables.product_audit["poses_present"].to_pylist() == [[3], [1], [2]]


def test_a_cohort_attribute_may_stand_in_the_map_of_attributes():
    by_brand = dataclasses.replace(
        EXPECTATIONS,
        attributes=("category", "brand"),
        rows={("Tops", "Acme"): 0, ("Tops",): 1, (): 2},
    )
    products = batch(("A", "Tops", "x", []), ("B", "Tops", "x", []), ("C", "Tops", "x", []))
    brands = pa.array(
        [[("brand", "Acme")], [("brand", None)], None], pa.map_(pa.string(), pa.string())
    )
    products = products.append_column("attributes", brands)
    tables = audit_products(products, by_brand, SETTINGS, RUN)
    missing = tables.pose_flags.filter(pa.compute.equal(tables.pose_flags["pose_id"], 1))
    assert missing["confidence"].to_pylist() == [1.0, 0.75, 0.75]
