"""Texts of a row, packed into one and taken out again."""

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from unposed_jobs.catalogue import packing

VALUES = st.none() | st.text(st.sampled_from("ab0123\x1e\x1f ,\n") | st.characters(codec="utf-8"))


@given(st.integers(1, 4).flatmap(lambda width: st.lists(st.tuples(*[VALUES] * width))))
def test_what_is_packed_comes_out_as_it_was(rows):
    width = len(rows[0]) if rows else 1
    columns = [pa.array([row[place] for row in rows], pa.string()) for place in range(width)]
    packed = packing.pack(columns)
    assert (len(packed), packed.null_count) == (len(rows), 0)
    assert packing.unpack(packed).to_pylist() == [value for row in rows for value in row]


def test_a_row_that_has_nothing_packed_gives_nothing():
    packed = pa.array([None, "a\x1fb", None], pa.string())
    assert packing.unpack(packed).to_pylist() == ["a", "b"]
