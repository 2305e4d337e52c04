from __future__ import annotations

import math
from datetime import UTC, date, datetime

import pyarrow as pa
import pytest

from unposed_jobs.catalogue import values


def both(result):
    return [part.to_pylist() for part in result]


def test_text():
    found = values.text(pa.array([" a\u00a0", "e\u0301", "NULL", "", "\\N", None, "007"]))
    assert found.to_pylist() == ["a", "é", None, None, None, None, "007"]
    assert values.text(pa.array(["e\u0301"]), normalize=False).to_pylist() == ["e\u0301"]


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pa.array([5901234123457.0, 1.5, math.nan, None]), ["5901234123457", "1.5", None, None]),
        (pa.array([7, None]), ["7", None]),
        (pa.array([b"\xe9", b"x", None]), ["é", "x", None]),
        (pa.array(["a", None, "a"]).dictionary_encode(), ["a", None, "a"]),
        (pa.nulls(2), [None, None]),
    ],
)
def test_text_of_other_types(column, expected):
    assert values.text(column).to_pylist() == expected


@pytest.mark.parametrize("bad", ["nan", "inf", "four", "-1", "5.1", "1e400", "4.5.", "1 2", "٤"])
def test_bad_numbers(bad):
    assert both(values.number(pa.array([bad]), 0, 5)) == [[None], [True]]


def test_numbers():
    found = values.number(pa.array(["4.5", "4,5", " 5 ", "", None, "+.5", "1e-2"]), 0, 5)
    assert both(found) == [[4.5, 4.5, 5.0, None, None, 0.5, 0.01], [False] * 7]
    found = values.number(pa.array([4.5, None, math.nan, 7.0, math.inf]), 0, 5)
    assert both(found) == [[4.5, None, None, None, None], [False, False, True, True, True]]


def test_counts():
    text = pa.array(["12", "1,234", "12.0", "+5", "", "1.5", "-3", "x", "9" * 20, "1,2"])
    found, bad = both(values.count(text))
    assert found == [12, 1234, 12, 5, None, None, None, None, None, None]
    assert bad == [False] * 5 + [True] * 5
    assert both(values.count(pa.array([1.0, 2.5, None, -1.0]))) == [
        [1, None, None, None],
        [False, True, False, True],
    ]
    assert both(values.count(pa.array([1, -2, 3_000_000_000]), pa.int32())) == [
        [1, None, None],
        [False, True, True],
    ]
    assert both(values.count(pa.array([2**63, 5], pa.uint64()))) == [[None, 5], [True, False]]


def test_days():
    text = pa.array(
        ["2026-01-31", "2026-01-31T23:30:00-05:00", "9999-12-31", "", "1969-12-31 10:00"]
    )
    found, bad = both(values.day(text))
    assert found == [
        date(2026, 1, 31),
        date(2026, 2, 1),
        date(9999, 12, 31),
        None,
        date(1969, 12, 31),
    ]
    assert not any(bad)
    assert both(values.day(pa.array([datetime(2026, 1, 1, 23)])))[0] == [date(2026, 1, 1)]
    assert both(values.day(pa.array([date(2026, 1, 1)])))[0] == [date(2026, 1, 1)]


@pytest.mark.parametrize(
    "bad",
    [
        "2026-02-30",
        "2026-13-01",
        "31/01/2026",
        "20260131",
        "0000-01-01",
        "2026-01-31T25:00",
        "soon",
    ],
)
def test_bad_days(bad):
    assert both(values.day(pa.array([bad]))) == [[None], [True]]
    assert both(values.day(pa.array([20260131]))) == [[None], [True]]


def test_moments():
    text = pa.array(["2026-01-31T10:00:00Z", "2026-01-31 10:00:01.123456789 +01:30"])
    assert both(values.moment(text))[0] == [
        datetime(2026, 1, 31, 10, tzinfo=UTC),
        datetime(2026, 1, 31, 8, 30, 1, 123456, tzinfo=UTC),
    ]
    zoned = pa.array([datetime(2026, 1, 31, 10)], pa.timestamp("ns", tz="Europe/Paris"))
    assert both(values.moment(zoned))[0] == [datetime(2026, 1, 31, 10, tzinfo=UTC)]
