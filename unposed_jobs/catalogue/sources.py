"""Where a catalogue comes from: the planned files of a source, and reading one of them.

A source is a CSV (``.csv``, ``.tsv``, ``.txt``, each also ``.gz``) or Parquet file, JSON lines
(``.jsonl``, ``.ndjson``), an XML feed or an Excel workbook, a folder of such files (Hive's
``name=value`` folders become columns), a Delta table's folder, or ``iceberg:namespace.table`` of
the warehouse's catalogue. Planning reads headers and footers alone (of a workbook, see
`spreadsheet`); rows are read by whoever reads the planned files, so a driver never holds them.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import BinaryIO, Literal
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from unposed_jobs import storage
from unposed_jobs.catalogue import delimited, delta, iceberg, records, spreadsheet, values
from unposed_jobs.catalogue.delimited import MALFORMED, PROBLEM, UNKNOWN, Dialect
from unposed_jobs.catalogue.schemas import FILE, ROW
from unposed_jobs.config import WarehouseSettings
from unposed_jobs.errors import UnposedError

PLACE = (FILE, ROW, MALFORMED, PROBLEM)
"""Columns that `read` adds to the source's own."""
_PART_BYTES = 128 * 1024 * 1024
_CSV = (".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz", ".txt.gz")
_TEXT = (".txt", ".txt.gz")
_PARQUET = (".parquet", ".pq")
_NO_VALUE = "__HIVE_DEFAULT_PARTITION__"


Format = Literal["csv", "parquet", "records", "sheet"]
_PREFERRED: tuple[tuple[Format, ...], ...] = (("csv", "parquet"), ("sheet",), ("records",))
"""Of a folder with several, the first that there are: notes, and the same rows as a spreadsheet,
lie next to tables."""


@dataclass(frozen=True)
class SourceFile:
    """A file of a source, or a part of one: what travels to the process that reads it."""

    uri: str
    format: Format
    columns: tuple[str, ...]
    """The columns as the source names them."""
    order: int
    """Its place among the source's files; of two equal keys the one in the first file stays."""
    stat: storage.ObjectStat
    """As planned; a file that is replaced before it is read is an error, not a mixture."""
    row_groups: tuple[int, ...] = ()
    """Of a Parquet file: those to read."""
    first_row: int = 1
    """The number of the first row that is read."""
    constants: tuple[tuple[str, str | None], ...] = ()
    """Columns that the folder names give."""
    field_ids: tuple[tuple[str, int], ...] = ()
    """Of an Iceberg table: the id of each column, which may have been renamed since."""
    names: tuple[tuple[str, str], ...] = ()
    """Of a Delta table: its columns, each with its name in the files."""
    dialect: Dialect = UNKNOWN
    """Of a CSV file."""
    header: spreadsheet.Header | None = None
    """Of a workbook."""
    fill_down: tuple[str, ...] = ()
    """Columns of a CSV file or sheet that a row without a value has from the row above."""
    notice: str = ""
    """A notice about how the file is read."""


@dataclass(frozen=True)
class Reading:
    """What to search in text files, and what is known of them."""

    dialect: Dialect = UNKNOWN
    wanted: tuple[frozenset[str], ...] = ()
    """Sets of columns that mark the header's line."""
    fill_down: tuple[str, ...] = ()
    sheet: str = ""
    """Of workbooks; empty: the first one that holds something."""


@dataclass(frozen=True)
class _Found:
    """A file of a source before it was opened."""

    uri: str
    format: Format
    constants: tuple[tuple[str, str | None], ...] = ()
    field_ids: tuple[tuple[str, int], ...] = ()
    names: tuple[tuple[str, str], ...] = ()


def plan(
    uri: str, warehouse: WarehouseSettings | None = None, reading: Reading | None = None
) -> list[SourceFile]:
    """The files of a source in a fixed order, large Parquet files split by row groups.

    `warehouse` is needed for ``iceberg:`` alone. A table that was never written has no file.
    Other files than catalogue files in a folder are left out, and so are text files (.txt) next
    to others.
    Raises UnposedError in one line: nothing there, no catalogue file, no header, not readable.
    """
    how = reading or Reading()
    found = _iceberg(uri, warehouse) if uri.startswith("iceberg:") else _files(absolute(uri))
    with ThreadPoolExecutor(16) as pool:
        parts = list(pool.map(lambda item: _parts(item, how), found))
    return [
        replace(part, order=order)
        for order, part in enumerate(part for file in parts for part in file)
    ]


def _iceberg(uri: str, warehouse: WarehouseSettings | None) -> list[_Found]:
    table = iceberg.plan(uri, warehouse)
    return [_Found(file, "parquet", field_ids=table.field_ids) for file in table.files]


def _files(uri: str) -> list[_Found]:
    try:
        if storage.kind(uri) == "web":
            # Executors would each fetch it, and may be given different versions.
            raise UnposedError(
                f"cannot read the catalogue: {storage.scheme(uri)}: is not read for tables "
                f"({storage.shown(uri)}); use a path, file:// or s3://"
            )
        files = storage.list_files(uri)
    except storage.StorageError as error:
        remedy = (
            "; check [catalogue] products and images, and landmarks"
            if error.status == "missing"
            else ""
        )
        raise UnposedError(f"cannot read the catalogue: {error}{remedy}") from None
    root = uri.rstrip("/") if files != [uri] else ""
    if root and delta.is_table(root, files):
        table = delta.plan(root)
        return [
            _Found(file, "parquet", constants, names=table.names) for file, constants in table.files
        ]
    planned = [
        _Found(file, kind, _hive(file[len(root) :]) if root else ())
        for file in files
        if (kind := _format(file, root))
    ]
    tables = next(
        (few for kinds in _PREFERRED if (few := [one for one in planned if one.format in kinds])),
        [],
    )
    if not tables:
        raise UnposedError(
            f"{storage.shown(uri)} holds no file that is read: .csv, .parquet, .jsonl, .xml, .xlsx"
        )
    return [one for one in tables if not one.uri.lower().endswith(_TEXT)] or tables


def _hive(below: str) -> tuple[tuple[str, str | None], ...]:
    """What the folders of a file, below a source's, say of its rows."""
    found = [part.split("=", 1) for part in below.split("/")[:-1] if "=" in part]
    return tuple((key, None if value == _NO_VALUE else unquote(value)) for key, value in found)


def absolute(uri: str) -> str:
    """The address as every process understands it, whatever its working folder.

    A ``file:`` URI becomes its path, so that parts of a folder are recognised by their names.
    """
    if storage.scheme(uri) == "file":
        return str(storage.local_path(uri).absolute())
    return uri


def columns(uri: str, files: list[SourceFile], warehouse: WarehouseSettings | None) -> list[str]:
    """The columns of a source, also of one that has no file: a table that was never written."""
    if files:
        return list(files[0].columns)
    if uri.startswith("iceberg:"):
        return [name for name, _ in iceberg.plan(uri, warehouse).field_ids]
    table = delta.plan(absolute(uri).rstrip("/"))
    return [*(name for name, _ in table.names), *table.partitions]


def folder(uri: str) -> str:
    """The folder that relative addresses in a source are meant from; "" for a table."""
    if uri.startswith("iceberg:"):
        return ""
    uri = absolute(uri)
    if storage.kind(uri) == "file":
        path = storage.local_path(uri)
        return str(path if path.is_dir() else path.parent)
    return uri.rstrip("/") if storage.is_folder(uri) else posixpath.dirname(uri)


def read(source: SourceFile, batch_rows: int = 65_536) -> Iterator[pa.RecordBatch]:
    """The rows of a planned file: all columns as the source has them, and `PLACE`.

    A malformed CSV line comes as a row whose own columns are null. Raises UnposedError where the
    file is damaged or is no longer the planned one.
    """
    if storage.stat_if_changed(source.uri, source.stat) is not None:
        raise UnposedError(f"{storage.shown(source.uri)} changed during the run; run again")
    if source.header is not None:
        for batch in _filled(spreadsheet.read(source.uri, source.header, batch_rows), source):
            yield _with_place(batch, source)
        return
    with storage.open_input(source.uri) as file:
        if source.format == "csv":
            batches = delimited.read(file, source.uri, batch_rows, source.dialect)
            batches = _filled(batches, source)
        elif source.format == "records":
            batches = records.read(file, source.uri, batch_rows, source.dialect, source.columns)
        else:
            batches = _parquet_rows(source, file, batch_rows)
        for batch in batches:
            yield _with_place(batch, source)


def _format(file: str, root: str) -> Format | None:
    below = file[len(root) :].strip("/").split("/")
    if root and any(part.startswith((".", "_", "~$")) for part in below):
        return None  # _SUCCESS, _temporary, .crc, a workbook that is open, and the like
    name = file.lower()
    if name.endswith(_CSV):
        return "csv"
    if name.endswith(_PARQUET):
        return "parquet"
    if name.endswith((*records.JSON_LINES, *records.XML)):
        return "records"
    if name.endswith(spreadsheet.ENDINGS):
        return "sheet"
    if root:
        return None  # pictures, read-me files and whatever else lies there
    if name.endswith(spreadsheet.OTHERS):
        raise UnposedError(f"{storage.shown(file)}: save it as .xlsx; other workbooks are not read")
    raise UnposedError(
        f"{storage.shown(file)} is neither .csv, .csv.gz nor .parquet, .jsonl, .xml or .xlsx; "
        "point the catalogue at those"
    )


def _parts(found: _Found, reading: Reading) -> list[SourceFile]:
    uri = found.uri
    try:
        seen = storage.stat(uri)
        if found.format == "sheet":
            header = spreadsheet.header(
                uri, seen, reading.sheet, reading.dialect.header_line, reading.wanted
            )
            sheet = _source(found, header.columns, seen)
            return [replace(sheet, header=header, fill_down=_known(reading, header.columns))]
        if found.format == "csv":
            with storage.open_input(uri) as file:
                dialect, notice = delimited.detect(file, uri, reading.dialect, reading.wanted)
        with storage.open_input(uri) as file:
            if found.format == "csv":
                every = next(delimited.read(file, uri, 1, dialect)).schema.names
                names = [name for name in every if name not in PLACE]
                text = _source(found, names, seen)
                filled = _known(reading, names)
                return [replace(text, dialect=dialect, notice=notice, fill_down=filled)]
            if found.format == "records":
                text = _source(found, records.columns(file, uri, reading.dialect), seen)
                return [replace(text, dialect=reading.dialect)]
            metadata = pq.ParquetFile(file).metadata
            names = [name for name, _ in (*found.field_ids, *found.names)]
            names = names or metadata.schema.to_arrow_schema().names
    except storage.StorageError as error:
        raise UnposedError(f"cannot read the catalogue: {error}") from None
    except (pa.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0]
        raise UnposedError(f"{storage.shown(uri)} is not a Parquet file: {reason}") from None
    return _row_groups(_source(found, names, seen), metadata)


def _known(reading: Reading, names: Sequence[str]) -> tuple[str, ...]:
    return tuple(name for name in reading.fill_down if name in names)


def _row_groups(whole: SourceFile, metadata: pq.FileMetaData) -> list[SourceFile]:
    """A Parquet file in parts of about `_PART_BYTES`."""
    parts: list[SourceFile] = []
    groups: list[int] = []
    size, row = 0, 1
    for index in range(metadata.num_row_groups):
        group = metadata.row_group(index)
        if groups and size + group.total_byte_size > _PART_BYTES:
            parts.append(replace(whole, row_groups=tuple(groups), first_row=row))
            row += sum(metadata.row_group(item).num_rows for item in groups)
            groups, size = [], 0
        groups.append(index)
        size += group.total_byte_size
    return [*parts, replace(whole, row_groups=tuple(groups), first_row=row)]


def _source(found: _Found, names: Sequence[str], seen: storage.ObjectStat) -> SourceFile:
    every = [*names, *(key for key, _ in found.constants if key not in names)]
    return SourceFile(
        found.uri,
        found.format,
        tuple(every),
        0,
        seen,
        constants=found.constants,
        field_ids=found.field_ids,
        names=found.names,
    )


def _parquet_rows(source: SourceFile, file: BinaryIO, batch_rows: int) -> Iterator[pa.RecordBatch]:
    row = source.first_row
    try:
        parquet = pq.ParquetFile(file)
        for read_batch in parquet.iter_batches(batch_rows, row_groups=list(source.row_groups)):
            batch = read_batch
            if source.field_ids:
                batch = iceberg.by_field_id(batch, source.field_ids)
            elif source.names:
                batch = delta.by_name(batch, source.names)
            numbers = pa.array(range(row, row + batch.num_rows), pa.int64())
            nothing = pa.nulls(batch.num_rows, pa.string())
            row += batch.num_rows
            yield pa.RecordBatch.from_arrays(
                [*map(values.plain, batch.columns), numbers, nothing, nothing],
                names=[*batch.schema.names, ROW, MALFORMED, PROBLEM],
            )
    except (pa.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0]
        raise UnposedError(f"{storage.shown(source.uri)} is damaged: {reason}") from None


def _filled(batches: Iterator[pa.RecordBatch], source: SourceFile) -> Iterator[pa.RecordBatch]:
    """Rows with the values of `fill_down` of the last row before them that has one."""
    columns = source.fill_down
    last: dict[str, str | None] = dict.fromkeys(columns)
    for batch in batches:
        filled = batch
        whole = batch.column(MALFORMED).null_count == batch.num_rows
        for name in columns:
            held = pc.utf8_trim_whitespace(batch.column(name))
            held = pc.if_else(pc.equal(held, ""), pa.scalar(None, pa.string()), held)
            above = pa.array([last[name]], pa.string())
            held = pc.fill_null_forward(pa.concat_arrays([above, held]))[1:]
            filled = filled.set_column(batch.schema.get_field_index(name), name, held)
            if batch.num_rows and whole:  # A malformed line passes nothing on.
                last[name] = held[-1].as_py()
        yield filled


def _with_place(batch: pa.RecordBatch, source: SourceFile) -> pa.RecordBatch:
    for name, value in source.constants:
        if name not in batch.schema.names:
            batch = batch.append_column(name, pa.array([value] * batch.num_rows, pa.string()))
    order = pa.repeat(pa.scalar(source.order, pa.int32()), batch.num_rows)
    return batch.append_column(FILE, order)
