from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest

from unposed_jobs.audit.expectations import Expectations
from unposed_jobs.errors import UnposedError

VOCABULARY = pa.table(
    {
        "pose_id": [7, 2, 4],
        "kind": ["no_person", "person", "person"],
        "name": ["size chart", "full body, front", "retired"],
        "shot_code": [None, "FRNT", None],
        "lineage": ["new", "kept", "retired"],
        "exemplars": [["chart"], ["front"], []],
    }
)
ATTRIBUTES = ("category", "subcategory")


def cohorts(rows):
    names = (*ATTRIBUTES, "pose_id", "share", "score", "example_images", "products")
    return pa.table({name: [row[i] for row in rows] for i, name in enumerate(names)})


TABLE = cohorts(
    [
        ("Tops", "Polo", 2, 1.0, 4.0, ["p1", "p2"], 30),
        ("Tops", "Polo", 7, 0.2, 1.0, [], 30),
        ("Tops", "Tee", 2, 0.6, 2.0, ["t1"], 10),
        ("Tops", "Tee", 4, 0.9, 9.0, ["old"], 10),
        ("Legs", "Jeans", 7, 0.5, 3.0, ["j1"], 40),
    ]
)


def test_poses_ascend_without_the_retired():
    expectations = Expectations.from_tables(VOCABULARY, TABLE, ATTRIBUTES)
    assert expectations.pose_ids.tolist() == [2, 7]
    assert expectations.names == ("full body, front", "size chart")
    assert expectations.kinds == ("person", "no_person")
    assert expectations.shot_codes == ("FRNT", None)


def test_coarser_cohorts_are_weighted_averages():
    expectations = Expectations.from_tables(VOCABULARY, TABLE, ATTRIBUTES)
    tops = expectations.rows[("Tops",)]
    np.testing.assert_allclose(expectations.share[tops], [(30 * 1 + 10 * 0.6) / 40, 0.15])
    # The score of the chart comes from the one cohort that has one.
    np.testing.assert_allclose(expectations.score[tops], [(30 * 4 + 10 * 2) / 40, 1.0])
    everything = expectations.rows[()]
    np.testing.assert_allclose(expectations.share[everything], [0.45, (0.15 * 40 + 0.5 * 40) / 80])


def test_back_off():
    expectations = Expectations.from_tables(VOCABULARY, TABLE, ATTRIBUTES)
    rows = expectations.rows
    assert expectations.find(("Tops", "Polo")) == (rows[("Tops", "Polo")], 0)
    assert expectations.find(("Tops", "Vest")) == (rows[("Tops",)], 1)
    assert expectations.find(("Tops", None)) == (rows[("Tops",)], 1)
    assert expectations.find((None, "Polo")) == (rows[()], 2)
    assert expectations.find(("Shoes", "Boots")) == (rows[()], 2)


def test_a_coarser_cohort_that_is_given_is_taken_as_it_is():
    given = cohorts([("Tops", "Polo", 2, 1.0, 4.0, [], 30), ("Tops", None, 2, 0.25, 8.0, [], 99)])
    expectations = Expectations.from_tables(VOCABULARY, given, ATTRIBUTES)
    assert expectations.share[expectations.rows[("Tops",)]].tolist() == [0.25, 0.0]
    assert expectations.share[expectations.rows[()]].tolist() == [0.25, 0.0]


def test_examples_fill_up_from_coarser_cohorts_and_the_vocabulary():
    expectations = Expectations.from_tables(VOCABULARY, TABLE, ATTRIBUTES)
    examples = expectations.examples
    assert examples[expectations.rows[("Tops", "Polo")]] == (
        ("p1", "p2", "t1", "front"),
        ("j1", "chart"),
    )
    assert examples[expectations.rows[("Tops", "Tee")]][0] == ("t1", "p1", "p2", "front")


def test_an_empty_reference_knows_no_cohort():
    expectations = Expectations.from_tables(VOCABULARY, TABLE.slice(0, 0), ATTRIBUTES)
    assert expectations.find(("Tops", "Polo")) == (-1, 2)
    assert expectations.share.shape == (0, 2)


@pytest.mark.parametrize(
    ("row", "says"),
    [
        (("Tops", "Polo", 2, 1.5, 4.0, [], 30), "outside"),
        ((None, "Polo", 2, 0.5, 4.0, [], 30), "null before a value"),
    ],
)
def test_broken_tables_are_refused(row, says):
    with pytest.raises(ValueError, match=says):
        Expectations.from_tables(VOCABULARY, cohorts([row]), ATTRIBUTES)


def test_a_pose_twice_is_refused():
    twice = pa.concat_tables([VOCABULARY, VOCABULARY])
    with pytest.raises(ValueError, match="twice"):
        Expectations.from_tables(twice, TABLE, ATTRIBUTES)


def test_from_a_bundle_learned_with_the_same_attributes():
    bundle = SimpleNamespace(
        attributes=ATTRIBUTES,
        vocabulary=VOCABULARY,
        cohorts=TABLE,
        asked=None,
        model_version="m-1",
    )
    expectations = Expectations.from_bundle(bundle, list(ATTRIBUTES))
    assert expectations.rows == Expectations.from_tables(VOCABULARY, TABLE, ATTRIBUTES).rows
    with pytest.raises(UnposedError, match="m-1 defines cohorts by category, subcategory"):
        Expectations.from_bundle(bundle, ["category", "brand"])
