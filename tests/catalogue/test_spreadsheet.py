"""Excel workbooks as a catalogue: what a person sees in the cells is what is read."""

from __future__ import annotations

import datetime
import pickle

import pytest
import workbook
from test_field_cases import read as understood

from unposed_jobs.catalogue import sources
from unposed_jobs.catalogue.schemas import ROW
from unposed_jobs.errors import UnposedError


def rows_of(path, batch_rows=2, **reading):
    how = sources.Reading(**reading)
    files = pickle.loads(pickle.dumps(sources.plan(str(path), reading=how)))
    return [
        {name: value for name, value in row.items() if not name.startswith("__mal")}
        for file in files
        for batch in sources.read(file, batch_rows)
        for row in batch.to_pylist()
    ]


def values_of(path, **reading):
    own = ("__source_file", ROW)
    return [tuple(v for k, v in row.items() if k not in own) for row in rows_of(path, **reading)]


@pytest.mark.parametrize("shared", [True, False])
def test_values_are_what_a_person_reads(tmp_path, shared):
    row = [
        7.0,
        1234567890123,
        4.3,
        "007",
        datetime.date(2026, 1, 5),
        datetime.datetime(2026, 1, 5, 10, 0, 1),
        True,
        workbook.Error("#N/A"),
        " a\nb ",
        None,
    ]
    names = ["whole", "long", "part", "text", "day", "time", "truth", "failed", "lines", "none"]
    path = workbook.write(tmp_path / "x.xlsx", {"S": [names, row]}, shared=shared)
    (found,) = values_of(path)
    assert found == (
        *("7", "1234567890123", "4.3", "007", "2026-01-05", "2026-01-05 10:00:01", "true"),
        *(None, " a\nb ", None),
    )


def test_the_first_sheet_that_holds_something_or_the_named_one(tmp_path):
    sheets = {"Notes": [["x"], ["1"]], "Empty": [], "Main": [["a"], ["2"]], "More": [["a"], ["3"]]}
    path = workbook.write(tmp_path / "x.xlsx", sheets, hidden=["Notes"])
    assert values_of(path) == [("2",)]
    assert values_of(path, sheet="More") == [("3",)]
    assert values_of(path, sheet="Notes") == [("1",)]
    with pytest.raises(UnposedError, match="no sheet Mian; it has: Notes, Empty, Main, More"):
        sources.plan(str(path), reading=sources.Reading(sheet="Mian"))


def test_rows_are_numbered_as_the_spreadsheet_does_and_empty_ones_stay(tmp_path):
    rows = [[], [None, "Spring"], [None, "id", None, "n"], [None, 1, "lost", 2], [], [None, 3]]
    path = workbook.write(tmp_path / "x.xlsx", {"S": rows})
    wanted = (frozenset({"id", "n"}),)
    for size in (1, 2, 100):
        found = [
            tuple(row[k] for k in ("id", "n", ROW)) for row in rows_of(path, size, wanted=wanted)
        ]
        assert found == [("1", "2", 4), (None, None, 5), ("3", None, 6)]


def test_cells_merged_downwards_are_the_value_of_all_their_rows(tmp_path):
    rows = [["id", "n"], ["P1", 1], [None, 2], [None, 3], ["P2", 4], [None, 5]]
    path = workbook.write(tmp_path / "x.xlsx", {"S": rows}, merged=["A2:A4", "A5:B5"])
    told = [("P1", "1"), ("P1", "2"), ("P1", "3"), ("P2", "4"), (None, "5")]
    assert values_of(path, batch_rows=1) == told
    assert values_of(path, fill_down=("id",))[-1] == ("P2", "5")


def test_a_sheet_as_products_and_pictures(tmp_path):
    for name in ("a.jpg", "b.jpg"):
        (tmp_path / name).touch()
    rows = [
        ["Catalogue of the spring"],
        ["product_id", "category", "average_rating", "rating_count", "image_uri", "added_at"],
        [100045, "Shirts", 4.5, 12, "a.jpg, b.jpg", datetime.date(2026, 1, 5)],
        [None] * 6,
        [100046, "Caps", workbook.Error("#DIV/0!"), None, None, None],
    ]
    path = workbook.write(tmp_path / "x.xlsx", {"S": rows})
    (products, bad), (images, _) = understood(path, path)
    assert [(row["product_id"], row["average_rating"]) for row in products] == [
        ("100045", 4.5),
        ("100046", None),
    ]
    assert [reason for reason, _ in bad] == ["empty_row"]
    assert [row["added_at"] for row in images] == [datetime.date(2026, 1, 5)] * 2


def test_a_folder_with_the_same_table_as_a_spreadsheet_is_read_once(tmp_path):
    workbook.write(tmp_path / "x.xlsx", {"S": [["a"], ["1"]]})
    (tmp_path / "~$x.xlsx").write_bytes(b"lock")
    assert values_of(tmp_path) == [("1",)]
    (tmp_path / "x.csv").write_text("a\n2\n")
    assert values_of(tmp_path) == [("2",)]


@pytest.mark.parametrize(
    ("name", "data", "told"),
    [
        ("x.xlsx", b"a,b\n1,2\n", "x.xlsx is not an Excel workbook"),
        ("x.xls", b"", "save it as .xlsx"),
        ("x.ods", b"", "save it as .xlsx"),
    ],
)
def test_files_that_are_no_workbooks(tmp_path, name, data, told):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(UnposedError, match=told):
        sources.plan(str(tmp_path / name))


def test_sheets_without_a_header(tmp_path):
    path = workbook.write(tmp_path / "x.xlsx", {"S": [], "T": []})
    with pytest.raises(UnposedError, match="none of its sheets holds a value"):
        sources.plan(str(path))
    path = workbook.write(tmp_path / "y.xlsx", {"S": [["a"], [], ["b"]]})
    with pytest.raises(UnposedError, match="row 2 of the sheet S is empty"):
        sources.plan(str(path), reading=sources.Reading(sources.Dialect(header_line=2)))
