"""Where a catalogue comes from: the planned files of a source, and reading one of them.

A source is a CSV (``.csv``, ``.tsv``, ``.txt``, each also ``.gz``) or Parquet file, JSON lines
(``.jsonl``, ``.ndjson``) or an XML feed, a folder of such files (Hive's ``name=value`` folders
become columns), or ``iceberg:namespace.table`` of the warehouse's catalogue. Planning looks at
headers and footers alone; rows are read by whoever reads the planned files, so a driver never
holds them.
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
from unposed_jobs.catalogue import delimited, iceberg, records, values
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


Format = Literal["csv", "parquet", "records"]


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
    dialect: Dialect = UNKNOWN
    """Of a CSV file."""
    fill_down: tuple[str, ...] = ()
    """Columns of a CSV file that a row without a value has from the row above."""
    notice: str = ""
    """What should be said of how the file is read."""


@dataclass(frozen=True)
class Reading:
    """What to look for in text files, and what is known of them."""

    dialect: Dialect = UNKNOWN
    wanted: tuple[frozenset[str], ...] = ()
    """Sets of columns that tell the header's line."""
    fill_down: tuple[str, ...] = ()


def plan(
    uri: str, warehouse: WarehouseSettings | None = None, reading: Reading | None = None
) -> list[SourceFile]:
    """The files of a source in a fixed order, large Parquet files split by row groups.

    `warehouse` is needed for ``iceberg:`` alone. A table that was never written has no file.
    Other files than catalogue files in a folder are left out, and so are text files (.txt) next
    to others.
    Raises UnposedError in one line: nothing there, no catalogue file, no header, not readable.
    """
    if uri.startswith("iceberg:"):
        table = iceberg.plan(uri, warehouse)
        planned: list[tuple[str, Format]] = [(file, "parquet") for file in table.files]
        root = ""
        field_ids = table.field_ids
    else:
        uri = absolute(uri)
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
        planned = [(file, kind) for file in files if (kind := _format(file, root))]
        # Notes lie next to tables: what may be one counts where there is nothing else.
        tables = [item for item in planned if item[1] != "records"] or planned
        planned = [item for item in tables if not item[0].lower().endswith(_TEXT)] or tables
        field_ids = ()
        if not planned:
            raise UnposedError(f"{storage.shown(uri)} holds no .csv and no .parquet file")
    how = reading or Reading()
    with ThreadPoolExecutor(16) as pool:
        parts = list(pool.map(lambda item: _parts(item[0], item[1], root, field_ids, how), planned))
    return [
        replace(part, order=order)
        for order, part in enumerate(part for file in parts for part in file)
    ]


def absolute(uri: str) -> str:
    """The address as every process understands it, whatever its working folder.

    A ``file:`` URI becomes its path, so that parts of a folder can be told by their names.
    """
    if storage.scheme(uri) == "file":
        return str(storage.local_path(uri).absolute())
    return uri


def columns(uri: str, files: list[SourceFile], warehouse: WarehouseSettings | None) -> list[str]:
    """The columns of a source that has no file: an Iceberg table that was never written."""
    return (
        list(files[0].columns) if files else [n for n, _ in iceberg.plan(uri, warehouse).field_ids]
    )


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
    with storage.open_input(source.uri) as file:
        if source.format == "csv":
            batches = delimited.read(file, source.uri, batch_rows, source.dialect)
            if source.fill_down:
                batches = _filled(batches, source.fill_down)
        elif source.format == "records":
            batches = records.read(file, source.uri, batch_rows, source.dialect, source.columns)
        else:
            batches = _parquet_rows(source, file, batch_rows)
        for batch in batches:
            yield _with_place(batch, source)


def _format(file: str, root: str) -> Format | None:
    below = file[len(root) :].strip("/").split("/")
    if root and any(part.startswith((".", "_")) for part in below):
        return None  # _SUCCESS, _temporary, .crc and the like
    name = file.lower()
    if name.endswith(_CSV):
        return "csv"
    if name.endswith(_PARQUET):
        return "parquet"
    if name.endswith((*records.JSON_LINES, *records.XML)):
        return "records"
    if root:
        return None  # pictures, read-me files and whatever else lies there
    raise UnposedError(
        f"{storage.shown(file)} is neither .csv, .csv.gz nor .parquet, .jsonl or .xml; point the "
        "catalogue at those"
    )


def _parts(
    uri: str,
    kind: Format,
    root: str,
    field_ids: tuple[tuple[str, int], ...],
    reading: Reading,
) -> list[SourceFile]:
    found = [
        part.split("=", 1) for part in uri[len(root) :].split("/")[:-1] if root and "=" in part
    ]
    constants = tuple((key, None if value == _NO_VALUE else unquote(value)) for key, value in found)
    try:
        seen = storage.stat(uri)
        if kind == "csv":
            with storage.open_input(uri) as file:
                dialect, notice = delimited.look(file, uri, reading.dialect, reading.wanted)
        with storage.open_input(uri) as file:
            if kind == "csv":
                header = next(delimited.read(file, uri, 1, dialect)).schema.names
                names = [name for name in header if name not in PLACE]
                filled = tuple(name for name in reading.fill_down if name in names)
                text = _source(uri, kind, names, constants, seen)
                return [replace(text, dialect=dialect, notice=notice, fill_down=filled)]
            if kind == "records":
                names = records.columns(file, uri, reading.dialect)
                text = _source(uri, kind, names, constants, seen)
                return [replace(text, dialect=reading.dialect)]
            metadata = pq.ParquetFile(file).metadata
            names = [name for name, _ in field_ids] or metadata.schema.to_arrow_schema().names
    except storage.StorageError as error:
        raise UnposedError(f"cannot read the catalogue: {error}") from None
    except (pa.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0]
        raise UnposedError(f"{storage.shown(uri)} is not a Parquet file: {reason}") from None
    whole = replace(_source(uri, kind, names, constants, seen), field_ids=field_ids)
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


def _source(
    uri: str,
    kind: Format,
    names: list[str],
    constants: tuple[tuple[str, str | None], ...],
    seen: storage.ObjectStat,
) -> SourceFile:
    every = [*names, *(key for key, _ in constants if key not in names)]
    return SourceFile(uri, kind, tuple(every), 0, seen, constants=constants)


def _parquet_rows(source: SourceFile, file: BinaryIO, batch_rows: int) -> Iterator[pa.RecordBatch]:
    row = source.first_row
    try:
        parquet = pq.ParquetFile(file)
        for read_batch in parquet.iter_batches(batch_rows, row_groups=list(source.row_groups)):
            batch = read_batch
            if source.field_ids:
                batch = iceberg.by_field_id(batch, source.field_ids)
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


def _filled(batches: Iterator[pa.RecordBatch], columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Rows with the values of `columns` of the last row before them that has one."""
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
