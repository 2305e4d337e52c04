"""Excel workbooks (.xlsx, .xlsm) as Arrow batches of text: one sheet, by the calamine library.

Numbers come as a person reads them (7, not 7.0), times as ISO 8601, truths as true and false;
cells that are empty, or whose formula failed, are null. A cell that is merged downwards is the
value of all its rows.

Calamine unpacks a whole sheet in its own memory, where the header is searched and again where the
rows are read; as rows they exist a batch at a time.
"""

from __future__ import annotations

import datetime
import functools
import io
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from unposed_jobs import storage
from unposed_jobs.catalogue.delimited import MALFORMED, PROBLEM
from unposed_jobs.catalogue.schemas import ROW
from unposed_jobs.errors import UnposedError

ENDINGS = (".xlsx", ".xlsm")
OTHERS = (".xls", ".xlsb", ".ods", ".numbers")
"""Spreadsheets that are to be saved as .xlsx first."""
_PREAMBLE = 25
"""Rows among which the header is searched."""


@dataclass(frozen=True)
class Head:
    """The beginning of a sheet."""

    sheet: str
    rows: tuple[tuple[str, ...], ...]
    """Its first rows, as text; "" where a cell has no value."""


@dataclass(frozen=True)
class Header:
    """Where a table begins in a sheet."""

    sheet: str
    line: int
    """The row of the column names, as the spreadsheet counts them."""
    columns: tuple[str, ...]


def header(
    uri: str, stat: storage.ObjectStat, sheet: str, line: int, wanted: Collection[frozenset[str]]
) -> Header:
    """The sheet, `sheet` or the first one that is shown and holds a value, and its header: row
    `line`, else the first of 25 that has all columns of one of the `wanted` sets, else the first
    that is not empty.

    Raises UnposedError in one line for a file that is no workbook, a locked one, and a sheet that
    is not there or is empty.
    """
    head = _head(uri, stat, sheet, max(line, _PREAMBLE))
    filled = [number for number, row in enumerate(head.rows, 1) if any(row)]
    if line and line not in filled:
        raise UnposedError(
            f"{storage.shown(uri)}: row {line} of the sheet {head.sheet} is empty; "
            "[catalogue] header_line names another"
        )
    number = line or next(
        (
            number
            for number in filled
            if any(names <= set(head.rows[number - 1]) for names in wanted)
        ),
        filled[0] if filled else 0,
    )
    if not number:
        raise UnposedError(f"{storage.shown(uri)}: the sheet {head.sheet} has no header")
    return Header(head.sheet, number, tuple(name for name in head.rows[number - 1] if name))


def first_rows(uri: str, stat: storage.ObjectStat, sheet: str) -> tuple[tuple[str, ...], ...]:
    """The first 25 rows of a sheet as text, "" where there is no value; raises as `header`."""
    return _head(uri, stat, sheet, _PREAMBLE).rows


@functools.lru_cache(maxsize=64)  # Layouts are tried one after the other on the same file.
def _head(uri: str, stat: storage.ObjectStat, sheet: str, count: int) -> Head:
    found = _sheet(uri, sheet)
    rows = []
    for number, row in enumerate(found.iter_rows(), 1):
        if number > count:
            break
        rows.append(tuple((_text(value) or "").strip() for value in row))
    return Head(found.name, tuple(rows))


def read(uri: str, known: Header, batch_rows: int) -> Iterator[pa.RecordBatch]:
    """The rows below the header: its columns as text, `ROW` as the spreadsheet counts them, and
    `MALFORMED` and `PROBLEM`, null throughout. Cells below no column name are left out.

    Raises UnposedError as `header`.
    """
    sheet = _sheet(uri, known.sheet)
    held: list[list[Any]] = []
    first, places = known.line + 1, []
    for number, row in enumerate(_merged(sheet), 1):
        if number < known.line:
            continue
        if number == known.line:
            places = [at for at, value in enumerate(row) if (_text(value) or "").strip()]
            continue
        held.append([row[at] for at in places])
        if len(held) == batch_rows:
            yield _batch(held, known.columns, first)
            held, first = [], number + 1
    yield _batch(held, known.columns, first)


def _sheet(uri: str, name: str) -> Any:
    from python_calamine import CalamineError, CalamineWorkbook, PasswordError, SheetVisibleEnum

    where = storage.shown(uri)
    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(storage.read_bytes(uri)))
        if name:
            if name not in book.sheet_names:
                raise UnposedError(
                    f"{where} has no sheet {name}; it has: {', '.join(book.sheet_names)}. "
                    "[catalogue] sheet names one"
                )
            return book.get_sheet_by_name(name)
        visible = [
            item.name for item in book.sheets_metadata if item.visible == SheetVisibleEnum.Visible
        ]
        for each in visible:
            sheet = book.get_sheet_by_name(each)
            if sheet.height:
                return sheet
    except PasswordError:
        raise UnposedError(f"{where} is locked by a password; save it without") from None
    except (CalamineError, OSError, ValueError) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise UnposedError(f"{where} is not an Excel workbook: {reason}") from None
    raise UnposedError(f"{where} is empty: none of its sheets holds a value")


def _merged(sheet: Any) -> Iterator[list[Any]]:
    """The rows of a sheet, with the values of cells that are merged downwards in each row."""
    left = sheet.start[1] if sheet.start else 0
    begins: dict[int, list[tuple[int, int]]] = {}
    for (top, column), (bottom, _) in sheet.merged_cell_ranges or ():
        if bottom > top and column >= left:
            begins.setdefault(top, []).append((column - left, bottom))
    held: dict[int, tuple[int, Any]] = {}
    for number, row in enumerate(sheet.iter_rows()):
        for column, (bottom, value) in list(held.items()):
            if number > bottom:
                del held[column]
            elif row[column] == "":
                row[column] = value
        for column, bottom in begins.get(number, ()):
            if column < len(row):
                held[column] = (bottom, row[column])
        yield row


def _batch(rows: list[list[Any]], names: Sequence[str], first: int) -> pa.RecordBatch:
    nothing = pa.nulls(len(rows), pa.string())
    columns = [pa.array([_text(row[at]) for row in rows], pa.string()) for at in range(len(names))]
    numbers = pa.array(range(first, first + len(rows)), pa.int64())
    return pa.RecordBatch.from_arrays(
        [*columns, numbers, nothing, nothing], names=[*names, ROW, MALFORMED, PROBLEM]
    )


def _text(value: Any) -> str | None:
    if isinstance(value, str):
        return value or None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        # All numbers of a sheet are floating; ids and counts are written without their ".0".
        return f"{value:.0f}" if value.is_integer() else repr(value)
    if isinstance(value, datetime.datetime):
        return value.isoformat(" ")
    return None if value is None else str(value)
