from __future__ import annotations

import pyarrow as pa
import pytest

from unposed_jobs.catalogue import cells


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("a.jpg", ["a.jpg"]),
        ("a.jpg, b.PNG", ["a.jpg", "b.PNG"]),
        ("a.jpg|b.jpg||c.jpg", ["a.jpg", "b.jpg", "c.jpg"]),
        ("a.jpg;b.jpg;", ["a.jpg", "b.jpg"]),
        ("a.jpg\nb.jpg", ["a.jpg", "b.jpg"]),
        ("a.jpg?v=1,b.jpg?v=2", ["a.jpg?v=1", "b.jpg?v=2"]),
        ("https://h/a?w=1, https://h/b", ["https://h/a?w=1", "https://h/b"]),
        ("https://h/a https://h/b", ["https://h/a", "https://h/b"]),
        ("//h.de/a;//h.de/b", ["//h.de/a", "//h.de/b"]),
        ("https://h/w_1,h_2/a.jpg,https://h/w_1,h_2/b.jpg", 2),
        ('["a.jpg", "b.jpg"]', ["a.jpg", "b.jpg"]),
        ("['a.jpg', 'b.jpg']", ["a.jpg", "b.jpg"]),
        ("['a.jpg' 'b.jpg']", ["a.jpg", "b.jpg"]),
        ("('a.jpg', None)", ["a.jpg"]),
        ('{a.jpg,"b c.jpg"}', ["b c.jpg"]),
        ('[{"large": "l.jpg", "hi_res": null, "thumb": "t.jpg"}]', ["l.jpg"]),
        ('{"hi_res": [null, "b"], "large": ["a", "c"]}', ["a", "b"]),
        # one address each
        ("red, large.jpg", ["red, large.jpg"]),
        ("https://h/w_1,h_2/a.jpg", ["https://h/w_1,h_2/a.jpg"]),
        ("https://h/x?u=1,h=2", ["https://h/x?u=1,h=2"]),
        ("[x] front.jpg", ["[x] front.jpg"]),
        ("a|b.jpg", ["a|b.jpg"]),
        ("data:image/png;base64,AA", ["data:image/png;base64,AA"]),
        ("[" * 5000, 1),
        # none
        ("", None),
        ("N/A", None),
        ("[]", None),
        (None, None),
    ],
)
def test_the_addresses_of_a_cell(cell, expected):
    for beside in (["x.jpg"], ["x.jpg|y.jpg"]):
        found = cells.addresses(pa.array([cell, *beside])).to_pylist()[0]
        found = [found] if isinstance(found, str) else found
        if isinstance(expected, int):
            assert len(found) == expected
        else:
            assert found == expected


@pytest.mark.parametrize(
    "column",
    [
        pa.array([["a.jpg", "b.jpg"], None, []]),
        pa.array([["a.jpg", "b.jpg"], None, []], pa.large_list(pa.string_view())),
        pa.array([[{"url": "a.jpg"}, {"url": "b.jpg"}], [{"url": None}], None]),
        pa.array([{"hi_res": ["a.jpg", "b.jpg"]}, {"hi_res": []}, None]),
    ],
)
def test_nested_columns(column):
    batch = pa.record_batch({"id": ["1", "2", "3"]})
    found = cells.expanded(batch, [column])
    assert found.column(cells.PICTURE).to_pylist() == ["a.jpg", "b.jpg", None, None]
    assert found.column("id").to_pylist() == ["1", "1", "2", "3"]
    assert found.column(cells.PART).to_pylist() == [1, 2, 1, 1]


def test_columns_that_a_pattern_means():
    columns = ["Image 10", "Image 2", "Image", "Picture"]
    assert list(cells.pattern_columns("Image *", columns)) == ["Image 2", "Image 10"]
    assert list(cells.pattern_columns("Photo | Picture | Image", columns)) == ["Picture"]
    assert list(cells.pattern_columns("Photo", columns)) == []
