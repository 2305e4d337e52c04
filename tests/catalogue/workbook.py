"""Spreadsheets as office programs write them, without one: the parts of an .xlsx file."""

from __future__ import annotations

import datetime
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_REL = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_OFFICE = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_DATE, _TIME = 1, 2  # places in the styles below
_STYLES = (
    f'<styleSheet xmlns="{_MAIN}"><cellXfs count="3"><xf numFmtId="0"/>'
    '<xf numFmtId="14" applyNumberFormat="1"/><xf numFmtId="22" applyNumberFormat="1"/></cellXfs>'
    "</styleSheet>"
)


class Error(str):
    """The value of a cell whose formula failed, such as ``#N/A``."""


def write(
    path: Path,
    sheets: dict[str, Sequence[Sequence[Any]]],
    merged: Sequence[str] = (),
    hidden: Sequence[str] = (),
    shared: bool = True,
) -> Path:
    """Write rows of values as sheets; None is a cell that is not there.

    `merged` are ranges of the first sheet ("A2:A4"); `shared` keeps texts in a table of their own,
    as Excel does, and not in their cells.
    """
    texts: dict[str, int] = {}
    parts = {
        f"xl/worksheets/sheet{number}.xml": _sheet(
            rows, texts if shared else None, merged if number == 1 else ()
        )
        for number, rows in enumerate(sheets.values(), 1)
    }
    hides = ' state="hidden"'
    listed = "".join(
        f'<sheet name="{escape(name)}" sheetId="{n}" r:id="rId{n}"'
        f"{hides if name in hidden else ''}/>"
        for n, name in enumerate(sheets, 1)
    )
    parts["xl/workbook.xml"] = (
        f'<workbook xmlns="{_MAIN}" xmlns:r="{_REL}"><sheets>{listed}</sheets></workbook>'
    )
    related = [("worksheet", f"worksheets/sheet{n}.xml") for n in range(1, len(sheets) + 1)]
    related += [("styles", "styles.xml"), ("sharedStrings", "sharedStrings.xml")]
    parts["xl/_rels/workbook.xml.rels"] = _relations(related)
    parts["_rels/.rels"] = _relations([("officeDocument", "xl/workbook.xml")])
    parts["xl/styles.xml"] = _STYLES
    items = "".join(f'<si><t xml:space="preserve">{_escaped(text)}</t></si>' for text in texts)
    parts["xl/sharedStrings.xml"] = f'<sst xmlns="{_MAIN}" count="{len(texts)}">{items}</sst>'
    kinds = "".join(
        f'<Override PartName="/{name}" ContentType="{_OFFICE}.{kind}+xml"/>'
        for name, kind in [
            ("xl/workbook.xml", "sheet.main"),
            ("xl/styles.xml", "styles"),
            ("xl/sharedStrings.xml", "sharedStrings"),
            *((name, "worksheet") for name in parts if "worksheets" in name),
        ]
    )
    parts["[Content_Types].xml"] = (
        f'<Types xmlns="{_PACKAGE}/content-types"><Default Extension="rels" ContentType='
        f'"application/vnd.openxmlformats-package.relationships+xml"/>{kinds}</Types>'
    )
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, text in parts.items():
            file.writestr(name, f'<?xml version="1.0" encoding="UTF-8"?>{text}')
    return path


def _relations(related: list[tuple[str, str]]) -> str:
    items = "".join(
        f'<Relationship Id="rId{n}" Type="{_REL}/{kind}" Target="{target}"/>'
        for n, (kind, target) in enumerate(related, 1)
    )
    return f'<Relationships xmlns="{_PACKAGE}/relationships">{items}</Relationships>'


def _sheet(
    rows: Sequence[Sequence[Any]], texts: dict[str, int] | None, merged: Sequence[str]
) -> str:
    lines = []
    for number, row in enumerate(rows, 1):
        cells = "".join(
            _cell(f"{_column(at)}{number}", value, texts)
            for at, value in enumerate(row)
            if value is not None
        )
        if cells:
            lines.append(f'<row r="{number}">{cells}</row>')
    ranges = "".join(f'<mergeCell ref="{item}"/>' for item in merged)
    ranges = f'<mergeCells count="{len(merged)}">{ranges}</mergeCells>' if merged else ""
    return f'<worksheet xmlns="{_MAIN}"><sheetData>{"".join(lines)}</sheetData>{ranges}</worksheet>'


def _cell(place: str, value: Any, texts: dict[str, int] | None) -> str:
    if isinstance(value, Error):
        return f'<c r="{place}" t="e"><v>{value}</v></c>'
    if isinstance(value, bool):
        return f'<c r="{place}" t="b"><v>{int(value)}</v></c>'
    if isinstance(value, datetime.date):
        at = isinstance(value, datetime.datetime)
        moment = value if at else datetime.datetime.combine(value, datetime.time())
        days = (moment - datetime.datetime(1899, 12, 30)) / datetime.timedelta(1)
        return f'<c r="{place}" s="{_TIME if at else _DATE}"><v>{days!r}</v></c>'
    if isinstance(value, int | float):
        return f'<c r="{place}"><v>{value!r}</v></c>'
    if texts is None:
        text = f'<is><t xml:space="preserve">{_escaped(value)}</t></is>'
        return f'<c r="{place}" t="inlineStr">{text}</c>'
    return f'<c r="{place}" t="s"><v>{texts.setdefault(value, len(texts))}</v></c>'


def _escaped(text: str) -> str:
    return escape(text, {"\r": "&#13;"})


def _column(index: int) -> str:
    name = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        name = chr(65 + rest) + name
    return name
