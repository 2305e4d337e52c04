"""What pictures are worth, from published days to the view: real Spark, Iceberg and DuckDB."""

from __future__ import annotations

import dataclasses
import datetime as dt
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from unposed_jobs.config import CatalogueSettings, InfluenceSettings, Settings, WarehouseSettings
from unposed_jobs.errors import NothingToDoError, UnposedError
from unposed_jobs.jobs import influence
from unposed_jobs.jobs.entry import Run
from unposed_jobs.sql import statements
from unposed_jobs.warehouse import Warehouse

sys.path.insert(0, str(Path(__file__).parents[1] / "warehouse"))
from warehouse_samples import NO_REMEDY, audit_rows, fact_rows, picture_rows, record

FIRST = dt.date(2026, 1, 4)
PERIODS = 9
PRODUCTS = 400
WORTH = 0.30
CLOSED_IN = 4
CARRY = ("price", "brand", "since")


@dataclasses.dataclass(frozen=True)
class Shop:
    """Products that all miss the back at first; those of an even number get it in one week, but
    each fifth of them by a rule's change: the picture was there before."""

    even: np.ndarray
    rated: np.ndarray
    """(N, P) ratings by then."""


def shop() -> Shop:
    rng = np.random.default_rng(5)
    even = np.arange(PRODUCTS) % 2 == 0
    level = rng.lognormal(4.5, 0.5, PRODUCTS) * np.where(even, 2.0, 1.0)  # The liked get pictures.
    weeks = level[:, None] * rng.lognormal(0, 0.1, (PRODUCTS, PERIODS))
    weeks[even, CLOSED_IN + 1 :] *= 1 + WORTH
    return Shop(even, np.floor(1000 + np.cumsum(weeks, axis=1)))


def flags(day, names, week, made):
    """Rows of `pose_flags`: the front of three of four products, the back where it is filled."""
    front = np.arange(PRODUCTS) % 4 != 1
    back = made.even & (week >= CLOSED_IN)
    rows = []
    for ask, name, filled in ((1, "front", front), (2, "back", back)):
        for product, one in zip(names, filled.tolist(), strict=True):
            old = ask == 2 and int(product[1:]) % 10 == 0
            picture = f"/{product}/{'1' if ask == 1 or old else '2'}.jpg"
            rows.append((product, ask, name, one, picture if one else None))
    product, ask, name, filled, picture = zip(*rows, strict=True)
    count = len(rows)
    return pa.table(
        {
            "run_date": [day] * count,
            "product_id": product,
            "category": ["tops"] * count,
            "subcategory": ["polo"] * count,
            "product_type": pa.nulls(count, pa.string()),
            "pose_id": ask,
            "pose_name": name,
            "ask_id": ask,
            "ask_name": name,
            "members": [[one] for one in ask],
            "shot_code": pa.nulls(count, pa.string()),
            "state": ["present" if one else "missing" for one in filled],
            "rank": pa.array([None if one else 1 for one in filled], pa.int32()),
            "score": [0.5] * count,
            "confidence": [0.9] * count,
            "evidence_image": pa.array(picture, pa.string()),
            "example_images": pa.nulls(count, pa.list_(pa.string())),
            "remedy": pa.nulls(count, pa.string()),
            "advice": pa.nulls(count, pa.string()),
            **{name: pa.nulls(count) for name in NO_REMEDY},
            "shown_by": pa.nulls(count, pa.string()),
            "waived_by": pa.nulls(count, pa.string()),
            "waived_reason": pa.nulls(count, pa.string()),
            "waived_until": pa.nulls(count, pa.date32()),
            "model_version": ["m1"] * count,
        }
    )


def publish(warehouse, week, made):
    day = FIRST + dt.timedelta(weeks=week)
    names = [f"p{number}" for number in range(PRODUCTS)]
    carried = [
        [("price", str(10 + n % 7)), ("brand", f"b{n % 25}"), ("since", f"2025-0{1 + n % 9}-01")]
        for n in range(PRODUCTS)
    ]
    audited = audit_rows(
        day, names, carried=carried, rating_count=made.rated[:, week].astype(int).tolist()
    )
    old = [name for name in names if int(name[1:]) % 10 == 0]
    shown = [(name, f"/{name}/1.jpg") for name in names]
    if week >= CLOSED_IN:
        shown += [(n, f"/{n}/2.jpg") for n in names if int(n[1:]) % 2 == 0 and n not in old]
    pictures = picture_rows(
        day, [name for name, _ in shown], image_uri=[address for _, address in shown]
    )
    run_id = f"audit-{day}"
    tables = {
        "pose_flags": flags(day, names, week, made),
        "product_audit": audited,
        "product_images": pictures,
    }
    for name, rows in tables.items():
        warehouse.write_day(name, day, warehouse.stage(name, run_id).write(rows), run_id)
    warehouse.record_run(record(run_id, day, model_version="m1"))


@pytest.fixture(scope="module")
def settings(tmp_path_factory) -> Settings:
    folder = tmp_path_factory.mktemp("influence")
    made = Settings(
        warehouse=WarehouseSettings(
            uri=f"sqlite:///{folder}/catalog.db",
            location=str(folder / "warehouse"),
            views=str(folder / "unposed.duckdb"),
            buckets=2,
        ),
        catalogue=CatalogueSettings(carry=CARRY),
        influence=InfluenceSettings(listed_since="since", periods=2),
    )
    warehouse = Warehouse.open(made.warehouse)
    goods = shop()
    for week in range(PERIODS):
        publish(warehouse, week, goods)
    return made


def ran(spark, settings, week, **changes):
    day = FIRST + dt.timedelta(weeks=week)
    lines: list[str] = []
    rows = influence.run(spark, settings, Run(day, progress=lines.append, **changes))
    return rows, lines


def written(settings):
    return statements.query(
        Warehouse.open(settings.warehouse), "FROM influence ORDER BY run_date, cohort, method, term"
    )


@pytest.fixture(scope="module")
def estimated(spark, settings):
    return ran(spark, settings, PERIODS - 1)


def only(rows, cohort, term, method):
    (row,) = [
        row
        for row in rows.to_pylist()
        if (row["cohort"], row["term"], row["method"]) == (cohort, term, method)
    ]
    return row


def test_a_gap_closed_by_a_new_picture_is_worth_what_it_is(estimated):
    rows, lines = estimated
    for cohort in ("", "tops"):
        row = only(rows, cohort, "ask 2", "difference_in_differences")
        assert row["low"] < WORTH < row["high"]
        assert row["high"] - row["low"] < 0.12
        assert (row["claim"], row["treated"]) == ("effect", PRODUCTS * 2 // 5)
        assert row["clusters"] == 25
        assert abs(row["before"]) < 0.05
        assert [round(one, 1) for one in row["by_period"]] == [0.0, 0.0, 0.0, 0.3, 0.3]
    assert any("picture's effect" in line for line in lines)


def test_a_gap_closed_by_an_old_picture_is_no_treatment(estimated):
    # A tenth of the products had the picture before: neither treated nor, with it, controls.
    row = only(estimated[0], "", "ask 2", "difference_in_differences")
    assert row["n"] == PRODUCTS * 2 // 5 + PRODUCTS // 2


def test_what_goes_with_popularity_is_told_as_an_association(estimated):
    row = only(estimated[0], "", "ask 2", "regression")
    assert row["claim"] == "association"
    assert row["estimate"] > 2 * WORTH or row["low"] > WORTH
    assert "not to say that the picture is the cause" in row["says"]


def test_what_the_data_cannot_tell_is_refused_in_words(estimated):
    row = only(estimated[0], "", "ask 1", "difference_in_differences")
    assert (row["claim"], row["estimate"]) == ("refused", None)
    assert "closed it for only 0 products" in row["says"]
    share = only(estimated[0], "", "share of pictures with a person", "regression")
    assert "all products are the same in it" in share["warning"]


def test_the_same_again_gives_the_same_rows(spark, settings, estimated):
    before = written(settings)
    ran(spark, settings, PERIODS - 1)
    assert written(settings).equals(before)
    assert before.num_rows == estimated[0].num_rows


def test_an_earlier_day_leaves_what_is_there(spark, settings, estimated):
    before = written(settings)
    rows, _ = ran(spark, settings, 3)
    assert only(rows, "", "ask 2", "difference_in_differences")["claim"] == "refused"
    later = written(settings)
    assert later.num_rows == before.num_rows + rows.num_rows
    assert set(later["history_to"].to_pylist()) == {
        FIRST + dt.timedelta(weeks=3),
        FIRST + dt.timedelta(weeks=PERIODS - 1),
    }


def test_each_gap_has_what_it_is_worth(settings, estimated):
    rows = statements.query(
        Warehouse.open(settings.warehouse),
        "SELECT w.*, a.rating_count FROM worth_of_gaps w JOIN product_audit_current a "
        "USING (product_id) ORDER BY product_id, ask_id",
    ).to_pylist()
    assert len(rows) == PRODUCTS // 2 + PRODUCTS // 4
    backs = [row for row in rows if row["ask_id"] == 2]
    assert {(row["claim"], row["method"], row["cohort"]) for row in backs} == {
        ("effect", "difference_in_differences", "tops")
    }
    for row in backs:
        assert row["worth"] == pytest.approx(row["estimate"] * row["rating_count"])
    fronts = [row for row in rows if row["ask_id"] == 1]
    assert {row["claim"] for row in fronts} == {"none"}
    assert {row["worth"] for row in fronts} == {None}


def test_where_facts_are_kept_the_image_classes_are_terms(spark, settings, estimated):
    warehouse = Warehouse.open(settings.warehouse)
    contents = [f"sha of p{number}" for number in range(PRODUCTS)]
    facts = fact_rows(contents)["picture_facts"]
    place = facts.column_names.index("image_class")
    seen = [("model", "worn", "product_only")[number % 3] for number in range(PRODUCTS)]
    facts = facts.set_column(place, "image_class", pa.array(seen))
    warehouse.append("picture_facts", warehouse.stage("picture_facts", "f").write(facts), "f", 1)
    before = written(settings)
    rows, _ = ran(spark, settings, PERIODS - 1, dry_run=True)
    assert written(settings).equals(before)
    shares = {row["term"]: row for row in rows.to_pylist() if row["term"].startswith("share")}
    assert set(shares) == {
        "share of pictures with a model",
        "share of pictures worn without a face",
    }
    assert {row["claim"] for row in shares.values()} <= {"none", "association"}
    assert {row["treated"] > 100 for row in shares.values()} == {True}


def test_without_a_published_day_there_is_nothing_to_do(spark, settings):
    with pytest.raises(NothingToDoError, match="no audit is published by 2025-12-01"):
        influence.run(spark, settings, Run(dt.date(2025, 12, 1)))


def test_an_outcome_that_no_day_keeps_is_refused_with_the_remedy(spark, settings):
    wrong = dataclasses.replace(settings, influence=InfluenceSettings(outcome="sales"))
    with pytest.raises(UnposedError, match=r"add it to \[catalogue\] carry"):
        influence.run(spark, wrong, Run(FIRST))
