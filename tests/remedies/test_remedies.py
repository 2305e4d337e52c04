"""What closes a gap: the order of kinds, what is sure enough, and what becomes of it in the row."""

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unposed_jobs.remedies.candidates import CANDIDATE, COLUMN, KINDS, OFFERED, flatten
from unposed_jobs.remedies.choosing import choose

POSES = [3, 5, 8]


def candidate(kind, uri, pose_id, certainty, **rest):
    box = [0.1, 0.2, 0.5, 0.4] if kind == "crop" else None
    seconds = None if kind == "crop" else 1.5
    return {
        "kind": kind, "uri": uri, "pose_id": pose_id, "certainty": certainty,
        "box": box, "seconds": seconds,
    } | rest  # fmt: skip


def batch(*products):
    return pa.record_batch(
        {
            "product_id": [str(n) for n, _ in enumerate(products)],
            COLUMN: pa.array(products, pa.list_(CANDIDATE)),
        }
    )


FILLS = ((True, False, False), (False, True, True))


def chosen(*products, fills=FILLS, least=0.5, made=(False, False)):
    """The remedy columns of products that lack two asks: class 3, and classes 5 or 8."""
    import numpy as np

    table = np.broadcast_to(np.array(fills), (len(products), *np.shape(fills)))
    drawn = np.broadcast_to(np.array(made), table.shape[:2])
    found = choose(flatten(batch(*products)), table, np.array(POSES, np.int32), least, drawn)
    columns = found.columns(np.ones((len(products), len(fills)), bool))
    return pa.table(columns).to_pylist()


def test_a_crop_goes_before_a_frame_and_a_frame_before_a_new_picture():
    frame, crop = candidate("frame", "v.mp4", 3, 0.99), candidate("crop", "a.jpg", 3, 0.6)
    front, back = chosen([frame, crop])
    assert (front["remedy"], front["remedy_uri"]) == ("crop", "a.jpg")
    assert front["remedy_box"] == pytest.approx([0.1, 0.2, 0.5, 0.4])
    assert front["remedy_seconds"] is None
    assert back == {
        "remedy": "shoot", "remedy_uri": None, "remedy_box": None, "remedy_seconds": None,
        "remedy_certainty": None,
    }  # fmt: skip
    front, _ = chosen([frame])
    assert (front["remedy"], front["remedy_seconds"], front["remedy_box"]) == ("frame", 1.5, None)


def test_what_is_not_sure_or_of_no_known_class_is_no_remedy():
    few = [candidate("crop", "a", 3, 0.4), candidate("crop", "b", 4, 0.9)]
    few += [candidate("crop", "c", None, 0.9), candidate("drawing", "d", 3, 0.9)]
    assert [row["remedy"] for row in chosen(few, None, [])] == ["shoot"] * 6


def test_what_nobody_photographs_is_made_where_nothing_shows_it():
    made = chosen([candidate("crop", "a", 3, 0.9)], [], made=(True, True))
    assert [row["remedy"] for row in made] == ["crop", "make", "make", "make"]
    assert made[1]["remedy_uri"] is None


def test_the_surest_counts_and_any_class_that_fills_the_ask():
    found = chosen([candidate("crop", "a", 5, 0.7), candidate("crop", "b", 8, 0.8)])
    assert [row["remedy_uri"] for row in found] == [None, "b"]


def test_a_flag_that_is_not_missing_has_no_remedy():
    import numpy as np

    fills = np.ones((1, 2, 3), bool)
    given_ = flatten(batch([candidate("crop", "a", 3, 1.0)]))
    found = choose(given_, fills, np.array(POSES, np.int32), 0.5, np.zeros((1, 2), bool))
    rows = pa.table(found.columns(np.array([[True, False]]))).to_pylist()
    assert [row["remedy"] for row in rows] == ["crop", None]
    assert rows[1]["remedy_uri"] is None


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_the_choice_does_not_depend_on_the_order_of_rows(data):
    one = st.builds(
        candidate,
        st.sampled_from(OFFERED),
        st.sampled_from("abc"),
        st.sampled_from([*POSES, 9]),
        st.sampled_from([0.3, 0.5, 0.5, 0.9]),
    )
    listed = data.draw(st.lists(one, max_size=8))
    shuffled = data.draw(st.permutations(listed))
    assert chosen(listed) == chosen(shuffled)
    for row in chosen(listed):
        assert row["remedy"] in KINDS
        assert (row["remedy"] == "shoot") == (row["remedy_uri"] is None)
        assert (row["remedy"] == "crop") == (row["remedy_box"] is not None)
        assert (row["remedy"] == "frame") == (row["remedy_seconds"] is not None)
