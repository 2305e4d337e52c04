"""Feeds of records as Arrow batches of text: JSON lines, and XML (RSS, Atom and the like).

A record's simple values are text, everything else is JSON. The columns are those of the first
records; a line that is no record comes out malformed.
"""

from __future__ import annotations

import itertools
import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO, cast

import pyarrow as pa

from unposed_jobs.catalogue.delimited import MALFORMED, PROBLEM, Dialect
from unposed_jobs.catalogue.schemas import ROW
from unposed_jobs.catalogue.utf8 import BROKEN, Utf8, explain
from unposed_jobs.errors import UnposedError
from unposed_jobs.storage import shown

JSON_LINES = (".jsonl", ".ndjson", ".jsonl.gz", ".ndjson.gz")
XML = (".xml", ".xml.gz")
_FIRST = 1000
"""Records from which the columns are taken."""
_ITEMS = ("item", "entry", "product", "offer", "row", "record")
_Record = tuple[dict[str, Any] | None, str, str]
"""A record, or a malformed one's text and what is wrong with it."""


def columns(file: BinaryIO, uri: str, dialect: Dialect) -> list[str]:
    """The names that the first records have, in the order in which they come."""
    found: dict[str, None] = {}
    for record, _, _ in itertools.islice(_records(file, uri, dialect), _FIRST):
        found.update(dict.fromkeys(record or ()))
    return list(found)


def read(
    file: BinaryIO, uri: str, batch_rows: int, dialect: Dialect, names: Sequence[str]
) -> Iterator[pa.RecordBatch]:
    """The records as rows with the columns `names`, `ROW` (from 1), `MALFORMED` and `PROBLEM`.

    Raises UnposedError in one line for damaged files.
    """
    records, number = _records(file, uri, dialect), 1
    while rows := list(itertools.islice(records, batch_rows)):
        held = [record or {} for record, _, _ in rows]
        arrays = [pa.array([_text(row.get(name)) for row in held], pa.string()) for name in names]
        arrays += [
            pa.array(range(number, number + len(rows)), pa.int64()),
            pa.array([None if row is not None else text for row, text, _ in rows], pa.string()),
            pa.array([None if row is not None else why for row, _, why in rows], pa.string()),
        ]
        number += len(rows)
        yield pa.RecordBatch.from_arrays(arrays, names=[*names, ROW, MALFORMED, PROBLEM])


def _records(file: BinaryIO, uri: str, dialect: Dialect) -> Iterator[_Record]:
    text = Utf8(file, uri, dialect.encoding)
    try:
        yield from _elements(text) if uri.lower().endswith(XML) else _lines(text)
    except ET.ParseError as error:
        raise UnposedError(f"{shown(uri)} is no XML: {error}") from None
    except BROKEN as error:
        raise UnposedError(explain(error, uri)) from None


def _lines(text: Utf8) -> Iterator[_Record]:
    rest = b""
    while chunk := text.read(1 << 20):
        *whole, rest = (rest + chunk).split(b"\n")
        yield from map(_line, filter(bytes.strip, whole))
    if rest.strip():
        yield _line(rest)


def _line(line: bytes) -> _Record:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return None, line.decode(errors="replace"), "the line is no JSON"
    if isinstance(record, dict):
        return record, "", ""
    return None, line.decode(errors="replace"), "the line is no JSON object"


def _elements(text: Utf8) -> Iterator[_Record]:
    """The items of a feed: elements of a name that feeds use for them."""
    start = text.begin(1 << 16)[: 1 << 16]
    if b"<!DOCTYPE" in start or b"<!ENTITY" in start:
        raise ET.ParseError("it declares entities, which are not read")
    # Its declared encoding was decoded already.
    source = _WithoutDeclaration(text)
    parser: Any = ET.XMLPullParser(("start", "end"))
    depth = 0
    for chunk in source.chunks():
        parser.feed(chunk)
        for event, found in parser.read_events():
            element = cast(ET.Element, found)
            item = _name(element.tag) in _ITEMS
            if event == "start":
                depth += item
            elif item:
                depth -= 1
                if not depth:
                    yield _fields(element), "", ""
                    element.clear()
    parser.close()


class _WithoutDeclaration:
    """Text without an XML declaration, whose encoding is no longer the right one."""

    def __init__(self, text: Utf8) -> None:
        self._text = text

    def chunks(self) -> Iterator[bytes]:
        """The text, piece by piece."""
        first = self._text.read(1 << 16)
        yield re.sub(rb"^\s*<\?xml[^>]*\?>", b"", first)
        while chunk := self._text.read(1 << 16):
            yield chunk


def _fields(element: ET.Element) -> dict[str, Any]:
    found: dict[str, Any] = {_name(key): value for key, value in element.attrib.items()}
    for child in element:
        name = _name(child.tag)
        value: Any = _fields(child) if len(child) else (child.text or child.get("href") or "")
        if name in found:
            held = found[name] if isinstance(found[name], list) else [found[name]]
            found[name] = [*held, value]
        else:
            found[name] = value
    return found


def _name(tag: str) -> str:
    return tag.rpartition("}")[2]


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else json.dumps(value, ensure_ascii=False)
