"""What a flag asks for, and what a product's flags say of each label."""

import pyarrow as pa

from unposed_jobs.lab.evaluation import asked
from unposed_jobs.lab.evaluation.naming import name_of, votes_of

VOTES = votes_of([1, 1, 1, 2, 2, 3, -1], ["front", "front", "side", "side", "side", "back", "flat"])


def flags(rows, **more):
    product, pose, state = zip(*rows, strict=True)
    columns = {"product_id": list(product), "pose_id": list(pose), "state": list(state)}
    return pa.table(columns | more)


def test_a_class_alone_is_named_by_its_majority():
    table = flags([("p", 1, "missing"), ("p", 2, "present"), ("p", 9, "missing")])
    assert asked.members(table) == [(1,), (2,), (9,)]
    assert asked.names(table, lambda product: VOTES) == ["front", "side", None]


def test_an_ask_is_named_by_all_pictures_of_its_members():
    # Class 1 alone would be a front; with class 2 most of the pictures are sides.
    table = flags([("p", 1, "missing"), ("p", 3, "present")], members=[[2, 1], [3]])
    assert asked.members(table) == [(1, 2), (3,)]
    assert asked.names(table, lambda product: VOTES) == ["side", "back"]


def test_each_product_is_named_by_its_own_ballot():
    ballots = {"p": VOTES, "q": {1: {"flat": 1}}}
    table = flags([("p", 1, "missing"), ("q", 1, "missing")])
    assert asked.names(table, ballots.__getitem__) == ["front", "flat"]


def test_ties_go_to_the_first_of_the_alphabet():
    assert name_of([1, 3], {1: {"side": 2}, 3: {"back": 2}}) == "back"
    assert name_of([7], VOTES) is None


def test_a_label_may_be_missing_and_present_at_once():
    rows = [("p", 1, "missing"), ("p", 2, "present"), ("q", 1, "unknown"), ("other", 1, "missing")]
    found = asked.answers(flags(rows), ["front"] * 4, ["p", "q"], ["back", "front"])
    assert found["missing"].tolist() == [[False, True], [False, False]]
    assert found["present"].tolist() == [[False, True], [False, False]]
