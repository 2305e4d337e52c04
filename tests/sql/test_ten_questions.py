"""The ten questions of the analyst's page, each one query, on two days whose answers are known."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path

import pyarrow as pa
import pytest
from warehouse_samples import DAY, NEXT, audit_rows, flag_rows, picture_rows, record, settings

from unposed_jobs.sql import statements
from unposed_jobs.warehouse import Warehouse
from unposed_jobs.warehouse.tables import TABLES

PAGE = Path(__file__).parents[2] / "docs" / "analyst.md"
BOTH = [("1.jpg", 1, "front view"), ("2.jpg", 2, "back view")]
PRODUCTS = {
    # Brand and seller; then of each day the back's state and the pictures. None: not there.
    "B00123": ("Acme", "north", ("missing", BOTH[:1]), ("present", BOTH)),
    "B2": ("Acme", "north", ("missing", BOTH[:1]), ("present", BOTH)),
    "B3": ("Best", "south", ("present", BOTH), ("missing", BOTH[:1])),
    "B4": ("Best", "south", None, ("missing", [("1.jpg", 5, "side view"), ("2.jpg", 9, "front")])),
    "B5": ("Best", None, ("waived", BOTH[:1]), ("waived", BOTH[:1])),
}
WAIVER = {
    "waived_by": "M. Rossi",
    "waived_reason": "sold without",
    "waived_until": NEXT + dt.timedelta(days=30),
}


def questions() -> dict[str, str]:
    part = PAGE.read_text(encoding="utf-8").split("## Ten questions")[1]
    (block,) = re.findall(r"```sql\n(.*?)```", part, re.DOTALL)
    found = [sql.strip() for sql in block.split(";\n") if sql.strip()]
    return {sql.splitlines()[0].removeprefix("-- "): sql for sql in found}


def day_of(day: dt.date) -> dict[str, pa.Table]:
    flags, audits, pictures = [], [], []
    for product, (brand, seller, *states) in PRODUCTS.items():
        told = states[day == NEXT]
        if told is None:
            continue
        state, shown = told
        front, back = flag_rows(day, [product]).to_pylist()
        back |= {"state": state, "rank": 1 if state == "missing" else None}
        back |= WAIVER if state == "waived" else {}
        back["evidence_image"] = f"/{product}/2.jpg" if state == "present" else None
        flags += [front, back]
        gaps = int(state == "missing")
        carried = [("title", f"Tee {product}"), ("brand", brand), ("seller", seller)]
        audits += audit_rows(
            day,
            [product],
            carried=[carried],
            pictures=[len(shown)],
            missing_count=[gaps],
            completeness=[1 - gaps / 2],
            status=["gaps" if gaps else "complete"],
        ).to_pylist()
        for name, position, pose in shown:
            pictures += picture_rows(
                day,
                [product],
                image_uri=[f"/{product}/{name}"],
                position=[position],
                pose_name=[pose],
            ).to_pylist()
    rows = {"pose_flags": flags, "product_audit": audits, "product_images": pictures}
    model = {"model_version": "m2" if day == NEXT else "m1"}
    return {
        name: pa.Table.from_pylist(
            [row | model for row in listed],
            TABLES[name].schema.remove(TABLES[name].schema.get_field_index("run_id")),
        )
        for name, listed in rows.items()
    }


def vocabulary(warehouse: Warehouse) -> None:
    names = {"m1": {1: "front view", 2: "back view", 3: "side"}, "m2": {1: "front view", 2: "back"}}
    rows = [
        {
            "model_version": model,
            "pose_id": pose_id,
            "kind": "person",
            "name": name,
            "size": 9,
            "lineage": "kept",
            "ask_id": pose_id,
            "ask_name": name.split()[0],
            "asked": True,
            "run_id": "train",
        }
        for model, poses in names.items()
        for pose_id, name in poses.items()
    ]
    table = pa.Table.from_pylist(rows, TABLES["vocabulary"].schema)
    warehouse.replace_rows("vocabulary", {"model_version": ["m1", "m2"]}, table, "train")


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    warehouse = Warehouse.open(settings(tmp_path_factory.mktemp("questions")))
    vocabulary(warehouse)
    for day, model in ((DAY, "m1"), (NEXT, "m2")):
        for name, rows in day_of(day).items():
            staged = warehouse.stage(name, str(day)).write(rows)
            warehouse.write_day(name, day, staged, str(day))
        rules = {"profile": "p", "settings": "s"}
        warehouse.record_run(record(str(day), day, model_version=model, figures=rules))
    late = dt.datetime(2024, 3, 9, tzinfo=dt.UTC)
    lost = record("lost", NEXT, "failed", finished_at=late, error="the storage did not answer")
    warehouse.record_run(lost)
    found = {}
    with statements.live(warehouse) as connection:
        for title, sql in questions().items():
            statements.check(sql)
            rows = connection.sql(sql).to_arrow_table().to_pylist()
            found[title] = [tuple(row.values()) for row in rows]
    return found


EXPECTED = {
    "Which sellers closed gaps this month?": [("north", 2, 2)],
    "How does each category develop?": [
        ("tops", DAY, 4, 2, 2, 0.75),
        ("tops", NEXT, 5, 2, 2, 0.8),
    ],
    "What changed since yesterday, and why?": [
        ("closed", "picture added", 2, 2, "B00123"),
        ("opened", "new product", 1, 1, "B4"),
        ("opened", "picture removed", 1, 1, "B3"),
    ],
    "Which products got worse?": [("B3", "Tee B3", 1, ["back: picture removed"])],
    "How well is each brand covered?": [("Best", 3, 2, 2, 0.667), ("Acme", 2, 0, 0, 1.0)],
    "All pictures of a product, with pose and confidence": [
        (1, "/B00123/1.jpg", "shown", "front view", "front", pytest.approx(0.9), None, None),
        (2, "/B00123/2.jpg", "shown", "back view", "front", pytest.approx(0.9), None, None),
    ],
    "Which asks changed with the new model?": [
        (2, "back", "back", True, True, ["back view"], ["back"]),
        (3, "side", None, True, None, ["side"], None),
    ],
    "What is waived, by whom, until when?": [("B5", "back", *WAIVER.values(), 30)],
    "Which products do not show a front first?": [
        ("B4", "/B4/1.jpg", "side view", pytest.approx(0.9))
    ],
}


@pytest.mark.parametrize("title", EXPECTED)
def test_a_question_has_its_answer(answers, title):
    assert answers[title] == EXPECTED[title]


def test_freshness_tells_the_last_day_its_age_and_what_failed_since(answers):
    ((day, finished, old, failed),) = answers["Is the data fresh?"]
    assert (day, finished.date(), failed) == (NEXT, dt.date(2024, 3, 5), 1)
    assert abs(old - (dt.datetime.now(dt.UTC).date() - NEXT).days) <= 1


def test_they_are_ten():
    assert set(questions()) == {*EXPECTED, "Is the data fresh?"}
    assert len(questions()) == 10
