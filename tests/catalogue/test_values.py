from __future__ import annotations

import math
import uuid
from datetime import UTC, date, datetime
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from unposed_jobs.catalogue import values


def both(result):
    return [part.to_pylist() for part in result]


def test_counts_grouped_by_blanks_and_apostrophes() -> None:
    found, bad = values.count(pa.array(["1 234", "1'234", "1\u00a0234\u00a0567", "12 34"]))
    assert found.to_pylist() == [1234, 1234, 1234567, None]
    assert bad.to_pylist() == [False, False, False, True]


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


@pytest.mark.parametrize("bad", ["inf", "four", "-1", "5.1", "1e400", "4.5.", "1 2", "٤"])
def test_bad_numbers(bad):
    assert both(values.number(pa.array([bad]), 0, 5)) == [[None], [True]]


def test_numbers():
    found = values.number(pa.array(["4.5", "4,5", " 5 ", "", None, "+.5", "1e-2"]), 0, 5)
    assert both(found) == [[4.5, 4.5, 5.0, None, None, 0.5, 0.01], [False] * 7]
    found = values.number(pa.array([4.5, None, math.nan, 7.0, math.inf]), 0, 5)
    assert both(found) == [[4.5, None, None, None, None], [False, False, False, True, True]]


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
        "0000-01-01",
        "2026-01-31T25:00",
        "soon",
    ],
)
def test_bad_days(bad):
    assert both(values.day(pa.array([bad]))) == [[None], [True]]


def test_days_that_are_no_text():
    assert both(values.day(pa.array([20260131, 5, None]))) == [
        [date(2026, 1, 31), None, None],
        [False, True, False],
    ]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2024-05-09 00:00:00+00", datetime(2024, 5, 9, tzinfo=UTC)),
        ("2024-05-09 10:00:00.5+02", datetime(2024, 5, 9, 8, 0, 0, 500000, tzinfo=UTC)),
        ("2024-05-09 10:00:00 UTC", datetime(2024, 5, 9, 10, tzinfo=UTC)),
        ("2024-05-09 10:00:00 +0000 UTC", datetime(2024, 5, 9, 10, tzinfo=UTC)),
        ("2024-05-09T10:00:00.000+0000", datetime(2024, 5, 9, 10, tzinfo=UTC)),
        ("20240509", datetime(2024, 5, 9, tzinfo=UTC)),
        ("20240509101500", datetime(2024, 5, 9, 10, 15, tzinfo=UTC)),
        ("2024/05/09", datetime(2024, 5, 9, tzinfo=UTC)),
        ("09.05.2024", datetime(2024, 5, 9, tzinfo=UTC)),
        ("1715212800", datetime(2024, 5, 9, tzinfo=UTC)),
        ("1715212800.5", datetime(2024, 5, 9, 0, 0, 0, 500000, tzinfo=UTC)),
        ("1715212800000", datetime(2024, 5, 9, tzinfo=UTC)),
        (1715212800000000, datetime(2024, 5, 9, tzinfo=UTC)),
        ("infinity", None),
        ("-infinity", None),
        ("0000-00-00 00:00:00", None),
        ("0001-01-01T00:00:00Z", None),
        ("N/A", None),
        ("NaT", None),
    ],
)
def test_times_as_databases_and_spreadsheets_write_them(written, expected):
    assert both(values.moment(pa.array([written, None]))) == [[expected, None], [False, False]]


def test_numbers_with_marks_and_words():
    found = values.number(pa.array(["1.234,5", "1,234.5", "NaN", "#N/A", "-", "nan"]))
    assert both(found) == [[1234.5, 1234.5, None, None, None, None], [False] * 6]
    assert both(values.count(pa.array(["12,0", "N/A"])))[0] == [12, None]


_UUID = "0b2f7c1e-5d3a-4a51-9d0e-0d8b4f1c2a33"


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pa.array([uuid.UUID(_UUID).bytes, None], pa.uuid()), [_UUID, None]),
        (pa.array([uuid.UUID(_UUID).bytes, None], pa.binary(16)), [_UUID, None]),
        (pa.array([b"P1\0\0", b"P234"], pa.binary(4)), ["P1", "P234"]),
        (pa.array([b"\x01\xff"], pa.binary(2)), ["01ff"]),
        (pa.array(["é", None], pa.string_view()), ["é", None]),
        (pa.array([b"x", None], pa.binary_view()), ["x", None]),
        (pa.array(["a", "a"]).dictionary_encode(), ["a", "a"]),
        (pa.array([Decimal("12.00"), Decimal("1.50")]), ["12", "1.50"]),
        (pc.run_end_encode(pa.array(["a", "a"])), ["a", "a"]),
        (pa.array(['="007"', '="x']), ["007", '="x']),
    ],
)
def test_text_of_what_databases_write(column, expected):
    assert values.text(column).to_pylist() == expected


def test_other_types_as_numbers_and_times():
    assert both(values.number(pa.array(["4.5"]).dictionary_encode()))[0] == [4.5]
    assert both(values.count(pa.array([Decimal("7")], pa.decimal128(3, 0))))[0] == [7]
    moments = pa.array([datetime(2026, 1, 31)]).dictionary_encode()
    assert both(values.day(moments))[0] == [date(2026, 1, 31)]
    assert both(values.day(pa.array(["2026-01-31"], pa.string_view())))[0] == [date(2026, 1, 31)]


def test_moments():
    text = pa.array(["2026-01-31T10:00:00Z", "2026-01-31 10:00:01.123456789 +01:30"])
    assert both(values.moment(text))[0] == [
        datetime(2026, 1, 31, 10, tzinfo=UTC),
        datetime(2026, 1, 31, 8, 30, 1, 123456, tzinfo=UTC),
    ]
    zoned = pa.array([datetime(2026, 1, 31, 10)], pa.timestamp("ns", tz="Europe/Paris"))
    assert both(values.moment(zoned))[0] == [datetime(2026, 1, 31, 10, tzinfo=UTC)]
