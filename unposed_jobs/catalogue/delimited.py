"""CSV as shops export it, as Arrow batches of text: no line is lost and no value is guessed.

Plain or gzip; UTF-8 (with or without a mark), UTF-16 with its mark; a line that is no UTF-8 is
read as Windows-1252, a superset of Latin-1. The delimiter (comma, semicolon, tab or bar) is
the header's; Excel's ``sep=;`` line is understood. Quoted values may hold line ends. A row with
more or fewer fields than the header, or whose quote is never closed, comes out as a malformed
row, one for each of its lines.
"""

from __future__ import annotations

import codecs
import gzip
import io
import re
import zlib
from collections.abc import Iterator
from typing import Any, BinaryIO, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from unposed_jobs.catalogue.schemas import ROW
from unposed_jobs.errors import UnposedError
from unposed_jobs.storage import shown

MALFORMED = "__malformed_line"
PROBLEM = "__malformed_because"
"""Columns beside the source's own: the text of a malformed line and what is wrong with it."""
_BLOCK = 8 * 1024 * 1024
_DELIMITERS = ",;\t|"
_TAIL = 1024 * 1024
_LINE_END = re.compile(r"\r\n|\r|\n")


def read(file: BinaryIO, uri: str, batch_rows: int) -> Iterator[pa.RecordBatch]:
    """The rows of an open CSV file; the first batch comes also where there is no row.

    Columns: the header's, trimmed, all text (an empty value is ""); `ROW`, counted from 1 for
    the header without empty lines; `MALFORMED` and `PROBLEM`, null in good rows.

    Raises UnposedError in one line for a file without a header, a broken gzip, and a quoted
    value longer than 8 MiB.
    """
    text = _Utf8(file, uri)
    first = text.first_line()
    declared = re.fullmatch(r'"?sep=(.)"?', first)
    if declared:
        text.drop_line()
        delimiter = declared[1]
    else:
        bare = re.sub(r'"[^"]*"', "", first)
        delimiter = max(_DELIMITERS, key=bare.count)
    bad: list[csv.InvalidRow] = []

    def set_aside(row: csv.InvalidRow) -> str:
        bad.append(row)
        return "skip"

    names: list[str] | None = None
    held: pa.RecordBatch | None = None
    number = 1
    try:
        reader = csv.open_csv(
            pa.PythonFile(text, "r"),
            read_options=csv.ReadOptions(
                use_threads=False, block_size=_BLOCK, autogenerate_column_names=True
            ),
            parse_options=csv.ParseOptions(
                delimiter=delimiter, newlines_in_values=True, invalid_row_handler=set_aside
            ),
            convert_options=csv.ConvertOptions(default_column_type=pa.string()),
        )
        for block in reader:
            batch = block
            if names is None and batch.num_rows:
                names = [column[0].as_py().strip() for column in batch.columns]
                batch, number = batch.slice(1), 2
            if held is not None:
                numbers = _numbers(held.num_rows, number, bad)
                yield from _rows(held, names or [], numbers, batch_rows)
                number = int(numbers[-1]) + 1 if len(numbers) else number
                yield from _malformed(
                    names or [], [_told(row) for row in bad if row.number < number]
                )
                bad[:] = [row for row in bad if row.number >= number]
            held = batch
    except (pa.ArrowInvalid, EOFError, zlib.error, OSError, UnicodeError) as error:
        raise UnposedError(_explain(error, uri, number)) from None
    if names is None or held is None:
        raise UnposedError(_NO_HEADER.format(shown(uri)))
    numbers = _numbers(held.num_rows, number, bad)
    malformed = [_told(row) for row in bad]
    if text.ends_inside_quotes(held, delimiter):
        line = delimiter.join(column[-1].as_py() for column in held.columns)
        malformed.append((int(numbers[-1]), line, "a quoted value is not closed"))
        held, numbers = held.slice(0, held.num_rows - 1), numbers[:-1]
    yield from _rows(held, names, numbers, batch_rows)
    yield from _malformed(names, malformed)


_NO_HEADER = "{} is empty; a catalogue without rows still needs its header line"


def _explain(error: Exception, uri: str, number: int) -> str:
    reason = (str(error) or type(error).__name__).splitlines()[0]
    if "Empty CSV" in reason:
        return _NO_HEADER.format(shown(uri))
    if "straddl" in reason:
        return (
            f"{shown(uri)}: after row {number} a row is longer than {_BLOCK >> 20} MiB: "
            "probably a quote that is never closed"
        )
    if isinstance(error, EOFError | zlib.error | gzip.BadGzipFile):
        return f"{shown(uri)} is a gzip file that is cut short or damaged: {reason}"
    return f"cannot read {shown(uri)}: {reason}"


def _told(row: csv.InvalidRow) -> tuple[int, str, str]:
    why = f"{row.actual_columns} fields, the header has {row.expected_columns}"
    return row.number, row.text, why


def _numbers(rows: int, number: int, bad: list[csv.InvalidRow]) -> np.ndarray:
    """The row numbers of a block's good rows: those from `number` on that no bad row has."""
    following = np.arange(number, number + rows + len(bad), dtype=np.int64)
    return np.setdiff1d(following, [row.number for row in bad], assume_unique=True)[:rows]


def _rows(
    block: pa.RecordBatch, names: list[str], row_numbers: np.ndarray, size: int
) -> Iterator[pa.RecordBatch]:
    """A block's good rows with their numbers; rows that swallowed others come out malformed."""
    numbers = pa.array(row_numbers, pa.int64())
    swallowed = _swallowed(block)
    if swallowed:
        keep = pa.array([index not in swallowed for index in range(block.num_rows)])
        yield from _malformed(
            names,
            [
                (numbers[i].as_py(), text, "a stray quote joined it with its neighbour")
                for i, text in swallowed.items()
            ],
        )
        block, numbers = block.filter(keep), numbers.filter(keep)
    nothing = pa.nulls(block.num_rows, pa.string())
    batch = pa.RecordBatch.from_arrays(
        [*block.columns, numbers, nothing, nothing], names=[*names, ROW, MALFORMED, PROBLEM]
    )
    for start in range(0, max(batch.num_rows, 1), size):
        yield batch.slice(start, size)


def _swallowed(block: pa.RecordBatch) -> dict[int, str]:
    """Rows whose value holds the end of one row and the start of the next, with their text.

    ``1,"Shirt,5`` and ``2,"Dress",4`` parse as one row of three fields: its second value has a
    line end, a literal quote, and on both sides as many delimiters as the row has fields.
    """
    found: dict[int, str] = {}
    last = block.num_columns - 1
    for index, column in enumerate(block.columns):
        suspects = pc.and_(pc.match_substring(column, "\n"), pc.match_substring(column, '"'))
        for at in pc.indices_nonzero(suspects).to_pylist():
            lines = column[at].as_py().splitlines()
            for mark in _DELIMITERS:
                if lines[0].count(mark) >= last - index and lines[-1].count(mark) >= index:
                    before = [block.column(i)[at].as_py() for i in range(index)]
                    after = [block.column(i)[at].as_py() for i in range(index + 1, last + 1)]
                    found[at] = mark.join([*before, '"' + column[at].as_py(), *after])
                    break
    return found


def _malformed(names: list[str], rows: list[tuple[int, str, str]]) -> Iterator[pa.RecordBatch]:
    """Malformed rows, one for each line of their text, so that the budget counts what is lost."""
    lines = [
        (number, line, why if "\n" not in text.strip() else f"{why} (one row of several lines)")
        for number, text, why in rows
        for line in _LINE_END.split(text)
        if line.strip()
    ]
    if lines:
        numbers, texts, reasons = zip(*lines, strict=True)
        columns: list[Any] = [pa.nulls(len(lines), pa.string()) for _ in names]
        columns += [pa.array(numbers, pa.int64()), pa.array(texts), pa.array(reasons)]
        yield pa.RecordBatch.from_arrays(columns, names=[*names, ROW, MALFORMED, PROBLEM])


class _Utf8(io.RawIOBase):
    """A file of text as UTF-8, gzip and other encodings undone, its end remembered."""

    def __init__(self, file: BinaryIO, uri: str) -> None:
        buffered: Any = file if hasattr(file, "peek") else io.BufferedReader(cast(Any, file))
        if buffered.peek(2)[:2] == b"\x1f\x8b":
            buffered = gzip.GzipFile(fileobj=buffered)
        self._uri = uri
        self._tail = b""
        self._chunks = _ended(self._decoded(buffered))
        self._ready = b""

    def _decoded(self, file: Any) -> Iterator[bytes]:
        start = file.read(1 << 20)
        if start[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
            decoder = codecs.getincrementaldecoder("utf-16")()
            while start:
                yield decoder.decode(start).encode()
                start = file.read(1 << 20)
            decoder.decode(b"", final=True)
            return
        rest = start.removeprefix(codecs.BOM_UTF8)
        while True:
            more = file.read(1 << 20)
            # Cut at a line end: the encoding is decided line by line.
            cut = rest.rfind(b"\n") + 1 if more else len(rest)
            if cut:
                yield _valid(rest[:cut])
            if not more:
                return
            rest = rest[cut:] + more

    def first_line(self) -> str:
        """The first line, which stays to be read; "" where the file is empty."""
        try:
            while b"\n" not in self._ready and (chunk := next(self._chunks, None)) is not None:
                self._ready += chunk
        except (EOFError, zlib.error, OSError, UnicodeError) as error:
            raise UnposedError(_explain(error, self._uri, 0)) from None
        return self._ready.split(b"\n", 1)[0].decode(errors="replace").strip()

    def drop_line(self) -> None:
        """Leave the first line out."""
        self._ready = self._ready.partition(b"\n")[2]

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        parts: list[bytes] = []
        while size:  # whole blocks: a row may not be longer than one
            if not self._ready:
                self._ready = next(self._chunks, b"")
                if not self._ready:
                    break
            part = self._ready if size < 0 else self._ready[:size]
            self._ready = self._ready[len(part) :]
            size -= len(part) if size > 0 else 0
            parts.append(part)
        data = b"".join(parts)
        self._tail = (self._tail + data)[-_TAIL:]
        return data

    def ends_inside_quotes(self, last: pa.RecordBatch, delimiter: str) -> bool:
        """Whether the file ended within the quoted last value of its last row, as a cut one does:
        its text then ends with the opening quote and the value, without the closing one.
        """
        if not last.num_rows:
            return False
        value = last.columns[-1][-1].as_py().rstrip("\r\n").replace('"', '""').encode()
        if len(value) + 2 > _TAIL:
            return True
        before, quote, _ = self._tail.rstrip(b"\r\n").rpartition(b'"' + value)
        whole = before + quote == self._tail.rstrip(b"\r\n")
        return bool(quote) and whole and before[-1:] in (delimiter.encode(), b"\n", b"\r", b"")


def _ended(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """End the last line: Arrow takes a file of one unended line for an empty one."""
    last = b"\n"
    for chunk in chunks:
        if chunk:
            yield chunk
            last = chunk[-1:]
    if last not in (b"\n", b"\r"):
        yield b"\n"


def _valid(data: bytes) -> bytes:
    try:
        data.decode()
    except UnicodeDecodeError:
        return b"".join(map(valid_line, data.splitlines(keepends=True)))
    return data


def valid_line(line: bytes) -> bytes:
    """The bytes as UTF-8: as they are, else read as Windows-1252, else as Latin-1."""
    for encoding in ("utf-8", "cp1252"):
        try:
            return line.decode(encoding).encode()
        except UnicodeDecodeError:
            continue
    return line.decode("latin-1").encode()
