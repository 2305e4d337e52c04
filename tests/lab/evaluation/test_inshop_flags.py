"""Published flags against people's labels: what counts as missing, asked and flagged."""

import dataclasses
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from reference_tables import BARE, reference

from unposed_jobs.config import AuditSettings
from unposed_jobs.lab.evaluation import inshop_audit, inshop_flags
from unposed_jobs.lab.evaluation.inshop_audit import Audited

FOLDER = Path(__file__).parents[3] / "../shared/data/inshop"
PACKAGE = Path(__file__).parents[3] / "unposed_jobs"
FRONT, TALL, BACK, SIDE = 1, 2, 3, 4
POSES = {"front": FRONT, "full": TALL, "back": BACK, "side": SIDE}
TOPS, SKIRTS = "Tops", "Skirts"
BARE_LOW = dataclasses.replace(BARE, min_pictures=2)
WORDS = ("pose_label", "keypoints17", "product33", "landmarks33", "unposed_jobs.lab.evaluation")


def pictures(shown: dict[str, tuple[str, ...]], category: str = TOPS) -> pa.Table:
    rows = [
        {"product_id": product, "category": category, "label": label}
        for product, labels in shown.items()
        for label in labels
    ]
    return pa.Table.from_pylist(rows)


def audited(judged: pa.Table, states: dict[str, dict[int, str]], **more) -> Audited:
    """Of five reference products all show a front, three a back and one a side."""
    shown = {f"r{number}": ("front", "back") for number in range(3)}
    learned = pictures(shown | {"r3": ("front", "side"), "r4": ("front", "full")})
    rows = [
        {"product_id": product, "pose_id": pose, "state": state}
        for product, own in states.items()
        for pose, state in own.items()
    ]
    flags = pa.Table.from_pylist(rows)
    for name, value in more.items():
        flags = flags.append_column(
            name, pa.array([value[pose] for pose in flags["pose_id"].to_pylist()])
        )
    products = pa.table(
        {
            "product_id": sorted(states),
            "status": ["unassessable" if p == "blind" else "gaps" for p in sorted(states)],
        }
    )
    pose = np.array([POSES[label] for label in learned["label"].to_pylist()])
    return Audited(flags, products, learned, pose)


def judge(judged: pa.Table, split: Audited, **more):
    return inshop_flags.judge(judged, [[split]], ("category",), **more)


def test_labels_that_few_reference_products_bear_are_not_judged():
    judged = pictures({"a": ("front",)})
    states = {"a": {FRONT: "present", BACK: "missing", SIDE: "missing"}}
    found = judge(judged, audited(judged, states))
    # No picture of a judged product bears "back", but the cohort is asked for it.
    assert found.labels == ("back", "front", "full", "side")
    assert found.required[0, 0].tolist() == [True, True, False, False]
    assert found.flags == (2, 1)
    figures = found.result(found.flagged).figures
    assert (figures["recall"].value, figures["precision"].value) == (1, 1)


def test_any_missing_flag_of_a_label_counts_though_another_is_present():
    judged = pictures({"a": ("front", "back"), "b": ("front", "back")})
    states = {
        "a": {FRONT: "missing", TALL: "present", BACK: "present"},
        "b": {FRONT: "present", TALL: "present", BACK: "present"},
    }
    found = judge(judged, audited(judged, states), joined=True)
    strict, alone = found.result(found.flagged), found.result(found.alone)
    assert strict.figures["false_alarms"].value == pytest.approx(1 / 4)
    assert strict.figures["products_alarmed"].value == pytest.approx(1 / 2)
    assert alone.figures["false_alarms"].value == 0


def test_an_ask_takes_the_view_of_most_pictures_of_its_members():
    judged = pictures({"a": ("front",)})
    states = {"a": {FRONT: "present", SIDE: "missing"}}
    # The ask of the sides has the backs as members too, so it asks for a back.
    members = {FRONT: [FRONT, TALL], SIDE: [BACK, SIDE]}
    found = judge(judged, audited(judged, states, members=members))
    assert found.flagged[0, 0, found.labels.index("back")]
    assert not found.flagged[0, 0, found.labels.index("side")]


def test_unassessable_products_are_counted_and_cost_recall():
    judged = pictures({"a": ("front",), "blind": ("front",)})
    states = {"a": {BACK: "missing"}, "blind": {BACK: "unknown"}}
    found = judge(judged, audited(judged, states))
    figures = found.result(found.flagged).figures
    assert figures["unassessable"].value == pytest.approx(1 / 2)
    assert figures["recall"].value == pytest.approx(1 / 2)


def test_a_cohort_that_was_not_in_the_reference_is_held_to_all_of_it():
    judged = pictures({"a": ("front",)}, SKIRTS)
    found = judge(judged, audited(judged, {"a": {BACK: "missing"}}))
    assert found.required[0, 0].tolist() == [True, True, False, False]


def test_one_label_alone_is_judged_by_its_own_flags():
    judged = pictures({"a": ("front",), "b": ("back",)})
    states = {"a": {FRONT: "missing", BACK: "missing"}, "b": {FRONT: "present", BACK: "present"}}
    found = judge(judged, audited(judged, states))
    assert found.result(found.flagged, "back").figures["precision"].value == 1
    assert found.result(found.flagged, "front").figures["precision"].value == 0
    assert found.result(found.flagged, "front").figures["recall"].value == 0


def test_judged_products_are_in_no_training_and_each_is_judged_once():
    table = reference(products=8, seed=1)
    owner = np.array(table["product_id"].to_pylist())
    table = table.append_column("label", table["truth"])
    repeats = inshop_flags.audited(
        table, ("category",), BARE_LOW, AuditSettings(), repeats=1, folds=2
    )
    judged = [set(split.products["product_id"].to_pylist()) for split in repeats[0]]
    assert sorted(judged[0] | judged[1]) == sorted(set(owner))
    assert not judged[0] & judged[1]
    for split, own in zip(repeats[0], judged, strict=True):
        assert not own & set(split.reference["product_id"].to_pylist())
        assert set(split.flags["product_id"].to_pylist()) == own


def test_nothing_outside_the_evaluation_knows_people_s_labels():
    """Neither what is learned nor what is asked may see the labels that judge it."""
    outside = [
        path
        for path in PACKAGE.rglob("*.py")
        if "evaluation" not in path.parts and path.name != "evaluate.py"
    ]
    assert len(outside) > 100
    for path in outside:
        text = path.read_text(encoding="utf-8")
        for word in WORDS:
            assert word not in text, f"{path} has {word}"


@pytest.mark.skipif(not FOLDER.is_dir(), reason="the In-shop tables are not beside this checkout")
def test_the_real_products_without_additional_pictures_are_read():
    for points, products in ((17, 177), (33, 92)):
        table = inshop_audit.read(FOLDER, points)
        labels = set(table["label"].to_pylist())
        assert "additional" not in labels
        assert {"front", "back", "side", "full"} <= labels
        assert len(set(table["product_id"].to_pylist())) == products
        assert ("person_confidence" in table.column_names) == (points == 33)


@pytest.mark.skipif(not FOLDER.is_dir(), reason="the In-shop tables are not beside this checkout")
def test_real_flags_are_judged_beside_labellers_that_have_not_looked():
    entries = inshop_flags.judge_published(FOLDER, 33, repeats=1, training=BARE_LOW)
    first = entries[0].result
    assert first.products == 92
    constant = first.baselines["constant labeller"]
    assert constant["recall"].value == 1
    assert constant["false_alarms"].value == 1
    assert first.figures["precision"].value > constant["precision"].value
    assert {"back", "side", "front and full joined"} <= {entry.group for entry in entries}
