from __future__ import annotations

import pytest

from unposed_jobs.catalogue.addresses import nearest


@pytest.mark.parametrize(
    ("sought", "told"),
    [
        ("Front.JPG", "there is 'front.jpg', written otherwise"),
        ("caf\u00e9.jpg", "there is 'cafe\u0301.jpg', written otherwise"),
        ("front.jpg?v=1", "there is 'front.jpg', written otherwise"),
        ("front.png", "there is 'front.jpg'"),
        ("frnt.jpg", "the nearest there is 'front.jpg'"),
        ("zzzzzzzzzzzzz.tif", ""),
        ("sub/a.jpg", "there is no folder"),
    ],
)
def test_what_is_near_a_file_that_is_not_there(tmp_path, sought, told):
    for name in ("front.jpg", "cafe\u0301.jpg"):
        (tmp_path / name).touch()
    found = nearest(str(tmp_path / sought), {})
    assert (told in found) if told else not found
    assert nearest("s3://bucket/a.jpg", {}) == ""


def test_likeness_is_not_looked_for_where_it_takes_long(tmp_path):
    (tmp_path / "front.jpg").touch()
    assert nearest(str(tmp_path / "frnt.jpg"), {}, guess=False) == ""
