"""What becomes of single products: states, statuses, reasons, evidence and confidence."""

import dataclasses
import datetime

import pyarrow as pa
import pytest
from small_products import (
    EVERYTHING,
    EXPECTATIONS,
    POLO,
    RUN,
    SETTINGS,
    VOCABULARY,
    audit,
    batch,
    lost,
    picture,
    states,
)

from unposed_jobs.audit.expectations import Expectations
from unposed_jobs.audit.inference import audit_products
from unposed_jobs.audit.profile import Profile, Waiver


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
    assert flags[2]["advice"] == "Photograph: upper body, back (shot BACK); see the examples"
    assert flags[3]["advice"] == "Photograph: side; see the examples"
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
        "carried": None,
        "average_rating": None,
        "rating_count": None,
        "videos": None,
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
    assert flags[8]["advice"] == "Make a chart or text: size chart; see the examples"
    assert (flags[8]["remedy"], flags[2]["remedy"]) == ("make", "shoot")


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
        "too few of its 4 distinct pictures are clear: 1 unreachable, "
        "2 that show no view for certain"
    )
    assert product["poses_present"] == [1]


def test_an_only_picture_that_is_unclear():
    _, product = audit(picture("x", None, 0.0))
    assert product["status"] == "unassessable"
    assert product["reason"] == "its only picture shows no view for certain"


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


def test_only_doubt_left_is_unclear():
    _, product = audit(EVERYTHING[0], EVERYTHING[2], EVERYTHING[3], picture("b", 2, 0.1))
    assert product["status"] == "unclear"
    assert product["completeness"] == 0.75
    assert product["reason"] == (
        "nothing is missing for certain; an unclear picture may show 1 expected view"
    )


def test_a_picture_of_no_known_pose_lowers_confidence_only():
    flags, _ = audit(picture("f", 1), picture("x", None, 0.0))
    assert flags[2]["state"] == "missing"
    assert flags[2]["confidence"] == pytest.approx(0.45)


def test_a_picture_near_another_pose_makes_that_one_unknown():
    flags, product = audit(picture("f", 1), picture("s", 3, near_pose_ids=[2]))
    assert states(flags) == ["present", "unknown", "present", "missing", "not_applicable"]
    assert flags[2]["rank"] is None
    assert product["missing_count"] == 1
    # Nothing is taken from what is there, nor from what is not expected.
    flags, _ = audit(*EVERYTHING[:3], picture("x", 3, near_pose_ids=[1, 9]))
    assert states(flags) == ["present"] * 3 + ["missing", "not_applicable"]


def test_a_picture_of_no_known_pose_may_be_of_the_nearest():
    flags, _ = audit(picture("f", 1), picture("x", None, 0.0, near_pose_ids=[2]))
    assert (flags[2]["state"], flags[3]["state"]) == ("unknown", "missing")


def test_a_repeat_is_near_nothing():
    flags, _ = audit(
        picture("f", 1, position=1, content_sha256="same"),
        picture("again", 1, position=2, content_sha256="same", near_pose_ids=[2]),
    )
    assert flags[2]["state"] == "missing"


def test_the_papers_literal_flags_know_no_nearness():
    settings = dataclasses.replace(SETTINGS, flags="classes")
    flags, _ = audit(picture("f", 1), picture("s", 3, near_pose_ids=[2]), settings=settings)
    assert flags[2]["state"] == "missing"


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
    assert "no popular product" in product["reason"]


def test_nothing_common_enough_is_unassessable():
    rare = [(*row[:3], row[3] / 10, *row[4:]) for row in POLO]
    flags, product = audit(picture("f", 1), rows=rare)
    assert states(flags) == ["present"] + ["not_applicable"] * 4
    assert product["status"] == "unassessable"
    assert "no view in common" in product["reason"]


def test_the_profile_excludes_waives_and_names():
    profile = Profile(
        shot_codes=(("side", "SIDE"),),
        not_applicable=(("Tops", ("size*",)),),
        waivers=(Waiver("A", "*back", RUN.run_date, "me", "sold without"), Waiver("A", 1)),
    )
    flags, product = audit(picture("f", 1), profile=profile)
    # A waived pose that is there is present.
    assert states(flags) == ["present", "waived", "missing", "not_applicable", "not_applicable"]
    assert flags[8]["confidence"] == 1.0
    assert flags[2]["confidence"] == 1.0
    assert flags[3]["advice"] == "Photograph: side (shot SIDE); see the examples"
    assert flags[3]["shot_code"] == "SIDE"
    assert flags[2]["shot_code"] == "BACK"
    assert product["completeness"] == 0.0
    assert product["missing_count"] == 1
    said = ("waived_by", "waived_reason", "waived_until")
    assert [flags[2][name] for name in said] == ["me", "sold without", RUN.run_date]
    assert [flags[1][name] for name in said] == [None] * 3


def test_a_waived_gap_is_none_until_the_day_has_passed():
    run = dataclasses.replace(RUN, run_date=RUN.run_date + datetime.timedelta(days=1))
    profile = Profile(waivers=(Waiver("A", "*back", RUN.run_date, "me", "later"),))
    products = batch(("A", "Tops", "Polo", [picture("f", 1), picture("s", 3), picture("c", 8)]))
    found = []
    for day in (RUN, run):
        tables = audit_products(products, EXPECTATIONS, SETTINGS, day, profile)
        (product,) = tables.product_audit.to_pylist()
        found.append((product["status"], product["missing_count"]))
    assert found == [("complete", 0), ("gaps", 1)]


def test_a_profile_that_excludes_all_leaves_nothing_missing():
    _, product = audit(profile=Profile(not_applicable=(("*", ("*",)),)))
    assert product["status"] == "complete"
    assert product["completeness"] is None
