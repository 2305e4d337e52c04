"""A second training goes on with the champion's embedding and classes, unless it had better not."""

import dataclasses
import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from reference_tables import BARE, SETTINGS, reference, train

from unposed_jobs.reference.bundle import Bundle

LATER = datetime.date(2026, 1, 12)


def without(pictures: pa.Table, shot: str) -> pa.Table:
    return pictures.filter(pc.not_equal(pictures["truth"], shot))


def people(model: Bundle) -> dict[int, str]:
    rows = model.vocabulary.to_pylist()
    return {row["pose_id"]: row["lineage"] for row in rows if row["kind"] == "person"}


def test_the_champions_embedding_and_ids_go_on(bundle: Bundle) -> None:
    again = train(reference(seed=8), SETTINGS, champion=bundle, run_date=LATER)
    assert again.metrics["vocabulary"] == "continued"
    assert again.person.encoder is bundle.person.encoder
    assert set(people(again).values()) == {"kept"}
    assert again.metrics["embedding_pictures"] == bundle.metrics["embedding_pictures"]


def test_what_is_learned_from_the_same_twice_flags_the_same(bundle: Bundle) -> None:
    judged = reference(products=12, seed=3)
    third = bundle
    for week in range(2):
        third = train(reference(seed=8 + week), SETTINGS, champion=third, run_date=LATER)
    before, after = (model.assign(judged)["pose_id"].to_pylist() for model in (bundle, third))
    same = [one == two for one, two in zip(before, after, strict=True)]
    assert np.mean(same) > 0.98


@pytest.mark.parametrize("settings", [SETTINGS, BARE])
def test_a_pose_that_is_new_becomes_a_class_and_one_that_is_gone_retires(settings) -> None:
    everything = reference(products=36, seed=4)
    shots = set(everything["truth"].to_pylist())
    shot = sorted(one for one in shots if "back" in one)[0]
    few = train(without(everything, shot), settings)
    more = train(everything, settings, champion=few, run_date=LATER)
    truth = np.array(everything["truth"].to_pylist())
    found = more.assign(everything)["pose_id"].fill_null(-1).to_numpy()
    (new,) = [pose for pose, lineage in people(more).items() if lineage == "new"]
    assert (found[truth == shot] == new).mean() > 0.9
    assert (found[truth != shot] == new).mean() < 0.05
    fewer = train(without(everything, shot), settings, champion=more, run_date=LATER)
    assert people(fewer)[new] == "retired"


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"clusters": 5}, "clusters changed"),
        ({"embedding": "features"}, "another embedding"),
        ({}, "2 times the pictures"),
    ],
)
def test_when_classes_start_anew(bundle: Bundle, changed: dict, told: str) -> None:
    settings = dataclasses.replace(SETTINGS, **changed)
    pictures = reference(seed=8, products=24 if changed else 50)
    again = train(pictures, settings, champion=bundle, run_date=LATER)
    assert told in again.metrics["vocabulary"]
    assert again.person.encoder is not bundle.person.encoder
