"""The shares that decide do not follow chance, and do follow what is more than chance."""

import dataclasses
import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from reference_tables import SETTINGS, reference, train

from unposed_jobs.audit.expectations import Expectations
from unposed_jobs.reference import steadying
from unposed_jobs.reference.bundle import Bundle


def one(share: float, products: int, before: float) -> float:
    return float(steadying.steady(np.array([share]), np.array([products]), np.array([before]))[0])


def test_chance_does_not_move_a_share() -> None:
    assert one(0.3, 10, 0.5) == 0.5
    assert one(0.5, 10, 0.3) == 0.3


def test_what_is_more_than_chance_drags_it_along() -> None:
    assert one(0.1, 10, 0.9) < 0.4
    assert one(0.3, 1000, 0.5) == pytest.approx(0.3, abs=0.03)
    assert one(1.0, 4, 0.0) > 0.7


def test_without_a_champion_the_count_stands() -> None:
    assert one(0.37, 4, np.nan) == 0.37


def test_many_small_steps_are_followed() -> None:
    share = 0.9
    for step in range(1, 9):
        share = one(0.9 - 0.1 * step, 20, share)
    assert share < 0.3


def cohorts(share: float, key: str = "Tops") -> pa.Table:
    return pa.table({"category": [key], "pose_id": [3], "products": [8], "share": [share]})


def test_the_champions_share_decides_for_the_same_cohort_and_pose_alone() -> None:
    champion = steadying.carry(cohorts(0.5), ["category", "pose_id"], None)
    for now, wanted in ((cohorts(0.375), 0.5), (cohorts(0.375, "Shoes"), 0.375)):
        carried = steadying.carry(now, ["category", "pose_id"], champion)
        assert carried["steady_share"].to_pylist() == [wanted]
        assert carried["share"].to_pylist() == [0.375]
    other = champion.rename_columns({"category": "brand"})
    assert (
        steadying.carry(cohorts(0.375), ["category", "pose_id"], other)["steady_share"][0].as_py()
        == 0.375
    )


def test_the_audit_asks_by_the_steady_share(bundle: Bundle) -> None:
    assert bundle.asked is not None
    place = bundle.asked.column_names.index("steady_share")
    halved = bundle.asked.set_column(
        place, "steady_share", pc.multiply(bundle.asked["steady_share"], 0.5)
    )
    asked = Expectations.from_bundle(dataclasses.replace(bundle, asked=halved))
    np.testing.assert_allclose(asked.share, 0.5 * Expectations.from_bundle(bundle).share)


def test_a_training_carries_the_champions_shares(bundle: Bundle) -> None:
    fewer = reference(seed=8)
    fewer = fewer.filter(pa.array(np.random.default_rng(0).random(fewer.num_rows) > 0.2))
    again = train(fewer, SETTINGS, champion=bundle, run_date=datetime.date(2026, 1, 12))
    shares = [
        {
            (row["category"], row["subcategory"], row["pose_id"]): row
            for row in model.cohorts.to_pylist()
        }
        for model in (bundle, again)
    ]
    both = set(shares[0]) & set(shares[1])
    assert both
    for key in both:
        row = shares[1][key]
        wanted = one(row["share"], row["products"], shares[0][key]["steady_share"])
        assert row["steady_share"] == pytest.approx(wanted)
    assert any(shares[1][key]["steady_share"] != shares[1][key]["share"] for key in both)
