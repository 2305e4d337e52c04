"""Lists as CSV and XLSX: what a spreadsheet opens without running anything.

A cell that begins as a formula does is written as text: in CSV behind an apostrophe, as OWASP has
it; in XLSX as a string, which no program computes.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from starlette.responses import Response, StreamingResponse

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
_AMAZON = (
    ("three-quarter", ""),
    ("back", "BACK"),
    ("behind", "BACK"),
    ("front", "FRNT"),
    ("left", "LEFT"),
    ("right", "RGHT"),
    ("side", "SIDE"),
)
"""Of Amazon's variants (seller help 8HQAHPDXA9ANPH4): the first word that an ask's name has."""


def marketplace_code(marketplace: str, ask_name: str, shot_code: str | None) -> str:
    """What a marketplace calls the picture of an ask; empty where it has no name for it."""
    if marketplace != "amazon":
        return ""
    known = {code for _, code in _AMAZON if code}
    if shot_code in known:
        return shot_code or ""
    name = ask_name.casefold()
    return next((code for word, code in _AMAZON if word in name), "")


def safe(value: Any) -> Any:
    """A cell of a CSV file; text that a spreadsheet would compute is text behind an apostrophe."""
    if value is None:
        return ""
    if isinstance(value, bool | int | float):
        return value
    text = str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def as_csv(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[bytes]:
    """A CSV file in pieces: UTF-8 with the mark by which spreadsheets know it."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, quoting=csv.QUOTE_MINIMAL)
    buffer.write("\ufeff")
    writer.writerow([safe(name) for name in names])
    for number, row in enumerate(rows):
        writer.writerow([safe(value) for value in row])
        if number % 500 == 499:
            yield buffer.getvalue().encode()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue().encode()


def as_xlsx(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    """A workbook of one sheet, its first row fixed and filtered."""
    import datetime

    import xlsxwriter

    out = io.BytesIO()
    options = {
        "constant_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
    }
    with xlsxwriter.Workbook(out, options) as book:
        sheet = book.add_worksheet("Unposed")
        bold = book.add_format({"bold": True})
        day = book.add_format({"num_format": "yyyy-mm-dd"})
        for column, name in enumerate(names):
            sheet.write_string(0, column, str(name), bold)
        last = 0
        for last, row in enumerate(rows, start=1):
            for column, value in enumerate(row):
                if value is None:
                    continue
                if isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
                    sheet.write_datetime(
                        last, column, datetime.datetime(value.year, value.month, value.day), day
                    )
                elif isinstance(value, int | float) and not isinstance(value, bool):
                    sheet.write_number(last, column, value)
                else:
                    sheet.write_string(last, column, str(value)[:32_000])
        sheet.freeze_panes(1, 0)
        sheet.autofilter(0, 0, max(last, 1), max(len(names) - 1, 0))
        sheet.set_column(0, len(names), 18)
    return out.getvalue()


def file(name: str, form: str, names: Sequence[str], rows: Iterable[Sequence[Any]]) -> Response:
    """A list as an answer that a browser saves; `form` is ``csv`` or ``xlsx``."""
    headers = {"content-disposition": f'attachment; filename="{name}.{form}"'}
    if form == "csv":
        pieces = as_csv(names, rows)
        return StreamingResponse(pieces, media_type="text/csv; charset=utf-8", headers=headers)
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    return Response(as_xlsx(names, rows), media_type=kind, headers=headers)
