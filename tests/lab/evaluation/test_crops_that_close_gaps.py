"""Crops that close gaps, against the truth of what was taken away."""

from unposed_jobs.lab.evaluation.pictures import remedies
from unposed_jobs.lab.evaluation.pictures.remedies import Shown

LEAST = 160


def shown(uri, framing, view, side=200):
    crop = {"crop": "upper_body", "width": side, "height": 300, "framing": "full", "coverage": 1.0}
    truth = {"image_uri": uri, "framing": framing, "view": view, "product_id": "A"}
    return Shown(truth, {}, [crop] if framing == "full" else [])


def taken(remedy, source=None, rest=(), fill="front"):
    row = {"product_id": "A\tupper_body", "remedy": remedy}
    row["remedy_uri"] = f"{source}\tupper_body" if source else None
    return remedies._taken(row, shown("u", "upper", fill), {fill}, list(rest), LEAST)


def test_a_crop_is_wrong_where_its_picture_shows_another_view():
    rest = [shown("f", "full", "front"), shown("b", "full", "back")]
    right, wrong = (taken("crop", source, rest) for source in ("f", "b"))
    assert (right.possible, right.wrong) == (True, False)
    assert (wrong.possible, wrong.wrong) == (True, True)
    assert taken("shoot", None, rest).wrong is False


def test_a_gap_lies_in_no_picture_of_another_view_nor_in_a_small_one():
    assert not taken("shoot", None, [shown("b", "full", "back")]).possible
    assert not taken("shoot", None, [shown("f", "full", "front", side=100)]).possible
    assert not taken("shoot", None, [shown("u", "upper", "front")]).possible
    assert taken("shoot", None, [shown("f", "full", "front")]).possible


def test_shares_are_of_what_was_possible_and_of_what_was_offered():
    rest = [shown("f", "full", "front"), shown("b", "full", "back")]
    found = [
        taken("crop", "f", rest), taken("crop", "b", rest), taken("shoot", None, rest),
        taken("shoot"),
    ]  # fmt: skip
    offered, wrong = remedies.measured(found)
    assert (offered.count, offered.value.value) == (3, 2 / 3)
    assert (wrong.count, wrong.value.value, wrong.holds) == (2, 0.5, False)
