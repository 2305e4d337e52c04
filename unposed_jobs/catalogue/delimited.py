"""CSV as shops export it, as Arrow batches of text: no line is lost and no value is guessed.

`utf8` undoes gzip and encodings. The delimiter (comma, semicolon, tab or bar) is the header's;
Excel's ``sep=;`` line is understood, and lines before the header where the columns that are
wanted decide it. Quoted values may hold line ends; quotes inside them are doubled, or escaped by
a backslash where the file's beginning reads better so.

A row that leaves empty last cells out, or has empty cells too many, is a row. One with other
fields than the header, or whose quote is never closed, comes out as a malformed row, one for each
of its lines.
"""

from __future__ import annotations

import csv as lines_of_csv
import itertools
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from unposed_jobs.catalogue.schemas import ROW
from unposed_jobs.catalogue.utf8 import BROKEN, ESCAPED, Utf8, cut_in_quotes, doubled, explain
from unposed_jobs.errors import UnposedError
from unposed_jobs.storage import shown

MALFORMED = "__malformed_line"
PROBLEM = "__malformed_because"
"""Columns added to the source's own: the text of a malformed line and what is wrong with it."""
_BLOCK = 8 * 1024 * 1024
_DELIMITERS = ",;\t|"
_LINE_END = re.compile(r"\r\n|\r|\n")


_PREAMBLE = 25
"""Lines among which the header is searched."""
_SAMPLE = 1024 * 1024
_LOOKED_FOR = 100
"""Joined rows of a block after which the others are not searched in the text."""


@dataclass(frozen=True)
class Dialect:
    """How a file is written; what is empty is detected."""

    encoding: str = ""
    header_line: int = 0
    """The header's line, as an editor counts them."""
    delimiter: str = ""
    escaped: bool | None = None
    """Whether quotes are escaped by a backslash; None: decided at the first one."""


UNKNOWN = Dialect()


def detect(
    file: BinaryIO, uri: str, dialect: Dialect, wanted: Collection[frozenset[str]] = ()
) -> tuple[Dialect, str]:
    """The file's dialect by its beginning, and a notice about it ("": nothing).

    The header is the first line that has all columns of one of the `wanted` sets; without such a
    line, the first. Raises UnposedError as `read`.
    """
    text = Utf8(file, uri, dialect.encoding)
    found = _dialect(text, dialect, wanted)
    notices = []
    if text.encoding and not dialect.encoding and not text.encoding.startswith("utf"):
        notices.append(
            f"looks like {text.encoding} and is read so; [catalogue] encoding names another"
        )
    if text.mixed:
        notices.append(
            "is not UTF-8 and is read as Windows-1252; [catalogue] encoding names another"
        )
    if found.header_line > 1 and not dialect.header_line and wanted:
        notices.append(f"has its header in line {found.header_line}")
    return found, f"{shown(uri)} {', '.join(notices)}" if notices else ""


def _dialect(text: Utf8, dialect: Dialect, wanted: Collection[frozenset[str]]) -> Dialect:
    lines = text.lines(max(_PREAMBLE, dialect.header_line))
    filled = [number for number, line in enumerate(lines, 1) if line.strip()]
    header = dialect.header_line or (filled[0] if filled else 1)
    delimiter = dialect.delimiter
    if not dialect.header_line:
        declared = re.fullmatch(r'"?sep=(.)"?', lines[header - 1].strip()) if lines else None
        if declared:
            header, delimiter = header + 1, delimiter or declared[1]
        header = next(
            (
                number
                for number in filled
                for mark in (delimiter or _DELIMITERS)
                if number >= header
                and any(names <= set(_cells(lines[number - 1], mark)) for names in wanted)
            ),
            header,
        )
    line = lines[header - 1] if header <= len(lines) else ""
    bare = re.sub(r'"[^"]*"', "", line)
    delimiter = delimiter or max(_DELIMITERS, key=bare.count)
    escaped, sample = dialect.escaped, text.begin(_SAMPLE)
    if escaped is None and ESCAPED in sample:
        escaped = _is_escaped(sample, delimiter)
    return Dialect(text.encoding, header, delimiter, escaped)


def first_rows(file: BinaryIO, uri: str, dialect: Dialect) -> tuple[tuple[str, ...], ...]:
    """The cells of the file's first lines."""
    lines = Utf8(file, uri, dialect.encoding).lines(_PREAMBLE)
    return tuple(tuple(_cells(line, dialect.delimiter)) for line in lines)


def likelier(rows: Sequence[Sequence[str]], line: int) -> str:
    """What to write where another of the first rows looks more like the header than `line`, as
    the end of a message.
    """
    names = [_names(cells) for cells in rows]
    chosen = names[line - 1] if line <= len(names) else []
    best = max(range(len(names)), key=lambda number: len(names[number]), default=0)
    if not names or len(names[best]) <= max(len(chosen), 1):
        return ""
    listed = ", ".join(names[best][:4])
    return f". Line {best + 1} looks like a header ({listed}): [catalogue] header_line = {best + 1}"


def _names(cells: Sequence[str]) -> list[str]:
    """Cells that could be names of columns."""
    return [cell for cell in dict.fromkeys(cells) if re.fullmatch(r"[^\W\d]\w*", cell)]


def _cells(line: str, delimiter: str) -> list[str]:
    try:
        return [cell.strip() for cell in next(lines_of_csv.reader([line], delimiter=delimiter), [])]
    except lines_of_csv.Error:
        return []


def _is_escaped(sample: bytes, delimiter: str) -> bool:
    """Whether the beginning of a file reads better with quotes escaped by a backslash."""
    sample = sample[: sample.rfind(b"\n") + 1]
    if ESCAPED not in sample:
        return False
    mark = re.escape(delimiter.encode())
    plain, unescaped = _damage(sample, delimiter), _damage(doubled(sample), delimiter)
    # A quote that closes a value is followed by a delimiter or a line's end.
    inside = re.search(rb"(^|\n|" + mark + rb')"[^"]*\\"[^\r\n"' + mark + rb"]", sample)
    return unescaped < plain or (unescaped == plain and inside is not None)


def _damage(sample: bytes, delimiter: str) -> int:
    """How many rows of a sample are malformed, or joined to another."""
    bad: list[csv.InvalidRow] = []
    try:
        batches = list(_open(pa.py_buffer(sample), delimiter, bad))
    except pa.ArrowInvalid:
        return len(sample)
    blocks = [batch for batch in batches if batch.num_rows]
    last = blocks[-1].columns[-1][-1].as_py() if blocks else ""
    unclosed = cut_in_quotes(sample, last, delimiter)
    return len(bad) + sum(len(_swallowed(block, sample)) for block in blocks) + unclosed


def _open(source: Any, delimiter: str, bad: list[csv.InvalidRow]) -> csv.CSVStreamingReader:
    def set_aside(row: csv.InvalidRow) -> str:
        bad.append(row)
        return "skip"

    return csv.open_csv(
        pa.BufferReader(source) if isinstance(source, pa.Buffer) else pa.PythonFile(source, "r"),
        read_options=csv.ReadOptions(
            use_threads=False, block_size=_BLOCK, autogenerate_column_names=True
        ),
        parse_options=csv.ParseOptions(
            delimiter=delimiter, newlines_in_values=True, invalid_row_handler=set_aside
        ),
        convert_options=csv.ConvertOptions(default_column_type=pa.string()),
    )


def read(
    file: BinaryIO, uri: str, batch_rows: int, dialect: Dialect | None = None
) -> Iterator[pa.RecordBatch]:
    """The rows of an open CSV file; the first batch comes also where there is no row.

    Columns: the header's, trimmed, all text (an empty value is ""); `ROW`, counted from 1 for
    the header without empty lines; `MALFORMED` and `PROBLEM`, null in good rows.

    Raises UnposedError in one line for a file without a header, a broken gzip, text that is not
    in the named encoding, and a quoted value longer than 8 MiB.
    """
    dialect = dialect or UNKNOWN
    text = Utf8(file, uri, dialect.encoding)
    dialect = _dialect(text, dialect, ())
    text.drop_lines(dialect.header_line - 1)
    delimiter = dialect.delimiter
    text.remember()
    if dialect.escaped:
        text.double_escaped_quotes()
    elif dialect.escaped is None:
        text.double_escaped_quotes(lambda sample: _is_escaped(sample, delimiter))
    bad: list[csv.InvalidRow] = []
    names: list[str] = []
    held: pa.RecordBatch | None = None
    number = 1
    try:
        for block in _open(text, delimiter, bad):
            batch = block
            if not names and batch.num_rows:
                names = [column[0].as_py().strip() for column in batch.columns]
                batch, number = batch.slice(1), 2
            if held is not None:
                numbers = _numbers(held.num_rows, number, bad)
                yield from _rows(held, names, numbers, batch_rows, text)
                number = int(numbers[-1]) + 1 if len(numbers) else number
                now = [row for row in bad if row.number < number]
                yield from _uneven(names, now, held, delimiter, batch_rows)
                bad[:] = [row for row in bad if row.number >= number]
            held = batch
    except (pa.ArrowInvalid, *BROKEN) as error:
        raise UnposedError(_explain(error, uri, number)) from None
    if not names or held is None:
        raise UnposedError(_NO_HEADER.format(shown(uri)))
    numbers = _numbers(held.num_rows, number, bad)
    unclosed = []
    if text.ends_inside_quotes(held, delimiter):
        line = delimiter.join(column[-1].as_py() for column in held.columns)
        unclosed.append((int(numbers[-1]), line, "a quoted value is not closed"))
        held, numbers = held.slice(0, held.num_rows - 1), numbers[:-1]
    yield from _rows(held, names, numbers, batch_rows, text)
    yield from _uneven(names, bad, held, delimiter, batch_rows)
    yield from _malformed(names, unclosed)


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
    return explain(error, uri)


def _uneven(
    names: list[str], bad: list[csv.InvalidRow], whole: pa.RecordBatch, delimiter: str, size: int
) -> Iterator[pa.RecordBatch]:
    """Rows with another number of fields than the header: as rows where nothing but empty cells
    is absent or too many, else malformed. `whole` are good rows around them.
    """
    if not bad:
        return
    broken = _broken_by_a_line_end(bad, whole, delimiter)
    even = [None if row.number in broken else _even(row, delimiter) for row in bad]
    mended = [(row.number, text) for row, text in zip(bad, even, strict=True) if text is not None]
    if mended:
        failed: list[csv.InvalidRow] = []
        data = "".join(text + "\n" for _, text in mended).encode()
        batches = [batch for batch in _open(pa.py_buffer(data), delimiter, failed) if len(batch)]
        if not failed and sum(map(len, batches)) == len(mended):
            numbers = np.array([number for number, _ in mended], dtype=np.int64)
            for batch in batches:
                yield from _rows(batch, names, numbers[: len(batch)], size)
                numbers = numbers[len(batch) :]
        else:
            even = [None] * len(bad)
    yield from _malformed(
        names, [_bad_row(row) for row, text in zip(bad, even, strict=True) if text is None]
    )


def _even(row: csv.InvalidRow, delimiter: str) -> str | None:
    """The row's text with as many fields as the header; None where they would not be its own."""
    text, lacking = row.text.rstrip("\r\n"), row.expected_columns - row.actual_columns
    if text.count('"') % 2 or (row.actual_columns == 1 and text.strip(' "')):
        return None
    if lacking > 0:
        return text + delimiter * lacking
    mark = re.escape(delimiter)
    surplus = re.search(rf'(?:{mark} *(?:"")? *){{{-lacking}}}$', text)
    return text[: surplus.start()] if surplus else None


def _broken_by_a_line_end(
    bad: list[csv.InvalidRow], whole: pa.RecordBatch, delimiter: str
) -> set[int]:
    """The numbers of neighbouring short rows that are one row with a line end inside.

    Together they have as many fields as the header, and the later ones begin with something that
    is not like what the good rows begin with.
    """
    found: set[int] = set()
    if not any(after.number == row.number + 1 for row, after in itertools.pairwise(bad)):
        return found
    usual = {_shape(value.as_py() or "") for value in whole.columns[0][:1000]}
    piece: list[csv.InvalidRow] = []
    for row in bad:
        begins = _begins(row, delimiter)
        follows = piece and row.number == piece[-1].number + 1
        follows = follows and begins not in usual | {_begins(piece[0], delimiter)}
        piece = [*piece, row] if follows else [row]
        fields = sum(item.actual_columns for item in piece) - len(piece) + 1
        if len(piece) > 1 and fields == row.expected_columns:
            found |= {item.number for item in piece}
    return found


def _begins(row: csv.InvalidRow, delimiter: str) -> str:
    return _shape(next(iter(_cells(row.text, delimiter)), ""))


def _shape(value: str) -> str:
    """What kind of word it is: letters and digits by one sign each, however many."""
    value = re.sub(r"\d+", "9", value.strip())
    return re.sub(r"[^\W\d_]+", "a", value)


def _bad_row(row: csv.InvalidRow) -> tuple[int, str, str]:
    why = f"{row.actual_columns} fields, the header has {row.expected_columns}"
    return row.number, row.text, why


def _numbers(rows: int, number: int, bad: list[csv.InvalidRow]) -> np.ndarray:
    """The row numbers of a block's good rows: those from `number` on that no bad row has."""
    following = np.arange(number, number + rows + len(bad), dtype=np.int64)
    return np.setdiff1d(following, [row.number for row in bad], assume_unique=True)[:rows]


def _rows(
    block: pa.RecordBatch,
    names: list[str],
    row_numbers: np.ndarray,
    size: int,
    text: Utf8 | None = None,
) -> Iterator[pa.RecordBatch]:
    """A block's good rows with their numbers; rows that swallowed others come out malformed."""
    numbers = pa.array(row_numbers, pa.int64())
    swallowed = _swallowed(block, text)
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


def _swallowed(block: pa.RecordBatch, text: Utf8 | bytes | None) -> dict[int, str]:
    """Rows whose value holds the end of one row and the start of the next, with their text.

    ``1,"Shirt,5`` and ``2,"Dress",4`` parse as one row of three fields: its second value has a
    line end, a literal quote, and on both sides as many delimiters as the row has fields. A value
    that `text`, where the block comes from, has with each of its quotes doubled is one.
    """
    suspects: list[tuple[int, int, str]] = []
    last = block.num_columns - 1
    for index, column in enumerate(block.columns):
        odd = pc.and_(pc.match_substring(column, "\n"), pc.match_substring(column, '"'))
        for at in pc.indices_nonzero(odd).to_pylist():
            lines = column[at].as_py().splitlines()
            for mark in _DELIMITERS:
                if lines[0].count(mark) >= last - index and lines[-1].count(mark) >= index:
                    suspects.append((at, index, mark))
                    break
    if not suspects or text is None:
        return {}
    raw = text if isinstance(text, bytes) else text.recent()
    found: dict[int, str] = {}
    start = 0
    for at, index, mark in sorted(suspects):
        value = block.column(index)[at].as_py()
        place = -1
        if len(found) < _LOOKED_FOR:
            place = raw.find(b'"' + value.replace('"', '""').encode() + b'"', start)
        if place < 0:
            before = [block.column(i)[at].as_py() for i in range(index)]
            after = [block.column(i)[at].as_py() for i in range(index + 1, last + 1)]
            found[at] = mark.join([*before, '"' + value, *after])
        else:
            start = place  # They come in the order of the rows.
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
