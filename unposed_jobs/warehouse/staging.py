"""Staging: rows become Parquet files that no snapshot names yet.

A `Stager` is what an executor gets, a `StagedFile` what it gives back: both are small and
pickle, so that no row passes the driver. Files that no commit takes up (a task that was run
twice, a refused day) are orphans, which maintenance collects.
"""

from __future__ import annotations

import contextlib
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyiceberg.io.pyarrow import (
    PyArrowFileIO,
    compute_statistics_plan,
    data_file_statistics_from_parquet_metadata,
    parquet_path_to_id_mapping,
)
from pyiceberg.manifest import DataFile, DataFileContent, FileFormat
from pyiceberg.partitioning import PartitionFieldValue, PartitionKey, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.table import Table as IcebergTable
from pyiceberg.types import ListType, MapType

from unposed_jobs.errors import CheckFailedError
from unposed_jobs.warehouse.columns import Table
from unposed_jobs.warehouse.opening import BUCKETS, contract, with_field_ids

_BUFFER_BYTES = 64 * 1024 * 1024
"""Rows held back for larger row groups, over all partitions of one `write`."""
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")


@dataclass(frozen=True)
class StagedFile:
    """One staged Parquet file: all its rows are of one table, one run and one partition."""

    table: str
    run_id: str
    rows: int
    partition: tuple[tuple[str, Any], ...]
    """Partition column and value, in the order of the table's partition spec."""
    data_file: DataFile

    @property
    def path(self) -> str:
        """Where the file is."""
        return self.data_file.file_path


def bucket_of(values: pa.Array | pa.ChunkedArray | Iterable[str], buckets: int) -> pa.Array:
    """The hash partition of each key: CRC-32 of its UTF-8 bytes, modulo `buckets`.

    `values`: (N,) strings without nulls; returns (N,) int32 in [0, buckets). Spark's
    ``pmod(crc32(key), buckets)`` gives the same.
    """
    if isinstance(values, pa.Array | pa.ChunkedArray):
        values = values.to_pylist()
    codes = [zlib.crc32(value.encode()) % buckets for value in values]
    return pa.array(codes, pa.int32())


@dataclass(frozen=True)
class Stager:
    """Writes rows of one table for one run. Made by ``Warehouse.stage``; small, picklable."""

    table: str
    run_id: str
    location: str
    """The table's data folder."""
    schema: Schema
    spec: PartitionSpec
    properties: Mapping[str, str]
    """Of the Iceberg table."""
    io_properties: Mapping[str, str]
    keep_run_id: bool = False
    """Compaction keeps each row's own run_id."""

    @classmethod
    def of(cls, table: IcebergTable, name: str, run_id: str, keep_run_id: bool = False) -> Stager:
        """A stager for the Iceberg `table` of the contract called `name`."""
        if not run_id:
            raise ValueError("run_id is empty")
        return cls(
            table=name,
            run_id=run_id,
            location=f"{table.location().rstrip('/')}/data",
            schema=table.schema(),
            spec=table.spec(),
            properties=dict(table.properties),
            io_properties=dict(table.io.properties),
            keep_run_id=keep_run_id,
        )

    def write(self, data: pa.Table | pa.RecordBatch | Iterable[pa.RecordBatch]) -> list[StagedFile]:
        """Stage rows: one file for each partition among them, none for no rows.

        Columns are those of the table's contract; `bucket` and `run_id` are filled in. Batches
        are streamed: at most some 64 MiB are held.

        Raises CheckFailedError for a column that is missing, unknown or does not cast without
        loss, and for a null in a required column; nothing staged is left behind.
        """
        writing = _Writing(self)
        try:
            for batch in _batches(data):
                writing.add(conform(batch, self))
            return writing.finish()
        except BaseException:
            writing.discard()
            raise


def conform(batch: pa.RecordBatch, stager: Stager) -> pa.RecordBatch:
    """The batch cast to the contract's columns, in its order; see `Stager.write`."""
    table = contract(stager.table)
    unknown = set(batch.schema.names) - set(table.schema.names)
    if unknown:
        raise CheckFailedError(f"{table.name}: unknown columns {', '.join(sorted(unknown))}")
    columns = [_column(batch, item, table, stager) for item in table.schema]
    return pa.RecordBatch.from_arrays(columns, schema=table.schema)


def _column(batch: pa.RecordBatch, item: pa.Field, table: Table, stager: Stager) -> pa.Array:
    name = item.name
    if name == "bucket" and name in table.partition:
        # What is of a content lies with it, whatever further tells its rows apart.
        key = "content_sha256" if "content_sha256" in table.key else table.key[-1]
        keys = _column(batch, table.schema.field(key), table, stager)
        return bucket_of(keys, int(stager.properties[BUCKETS]))
    if name == "run_id" and not stager.keep_run_id:
        own = pa.scalar(stager.run_id, item.type)
        if name in batch.schema.names:
            others = pc.not_equal(batch.column(name).cast(item.type), own)
            if pc.any(others).as_py():
                raise CheckFailedError(f"{table.name}: rows of another run than {stager.run_id}")
        return pa.repeat(own, batch.num_rows)
    if name not in batch.schema.names:
        raise CheckFailedError(f"{table.name}: column {name} is missing")
    values = batch.column(name)
    if pa.types.is_timestamp(values.type) and values.type.tz is None:
        raise CheckFailedError(f"{table.name}: {name} has times without a time zone")
    try:
        values = values.cast(item.type, safe=True)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        reason = str(error).splitlines()[0]
        raise CheckFailedError(
            f"{table.name}: {name} is {batch.column(name).type}, not {item.type}: {reason}"
        ) from None
    if name in table.required and values.null_count:
        raise CheckFailedError(
            f"{table.name}: {values.null_count} rows have no {name}, which is required"
        )
    return values


def _batches(
    data: pa.Table | pa.RecordBatch | Iterable[pa.RecordBatch],
) -> Iterator[pa.RecordBatch]:
    if isinstance(data, pa.RecordBatch):
        data = [data]
    elif isinstance(data, pa.Table):
        data = data.to_batches()
    return (batch for batch in data if batch.num_rows)


def _file_schema(table: Table, schema: Schema) -> pa.Schema:
    """The contract's Arrow schema with Iceberg's field ids, by which readers find columns."""
    columns = []
    for item in table.schema:
        iceberg = schema.find_field(item.name)
        nested: list[int] = []
        if isinstance(iceberg.field_type, ListType):
            nested = [iceberg.field_type.element_id]
        elif isinstance(iceberg.field_type, MapType):
            nested = [iceberg.field_type.key_id, iceberg.field_type.value_id]
        kind = with_field_ids(item.type, iter(nested))
        columns.append(
            pa.field(item.name, kind, metadata={"PARQUET:field_id": str(iceberg.field_id)})
        )
    return pa.schema(columns)


class _Writing:
    """The open files of one `Stager.write`, one for each partition."""

    def __init__(self, stager: Stager) -> None:
        self.stager = stager
        self.table = contract(stager.table)
        self.io = PyArrowFileIO(dict(stager.io_properties))
        self.schema = _file_schema(self.table, stager.schema)
        self.files: dict[tuple[Any, ...], _PartitionFile] = {}
        self.held = 0

    def add(self, batch: pa.RecordBatch) -> None:
        for values, part in split(batch, self.table.partition):
            if values not in self.files:
                self.files[values] = _PartitionFile(self, values)
            self.files[values].held.append(part)
        self.held += batch.nbytes
        if self.held >= _BUFFER_BYTES:
            for file in self.files.values():
                file.flush()
            self.held = 0

    def finish(self) -> list[StagedFile]:
        return [file.finish() for file in self.files.values()]

    def discard(self) -> None:
        for file in self.files.values():
            file.discard()


def split(
    batch: pa.RecordBatch, columns: tuple[str, ...]
) -> Iterator[tuple[tuple[Any, ...], pa.RecordBatch]]:
    """The batch by the values of `columns`: (values, the rows that have them), order kept."""
    if not columns:
        yield (), batch
        return
    codes = np.zeros(batch.num_rows, np.int64)
    for name in columns:
        encoded = batch.column(name).dictionary_encode()
        codes = codes * len(encoded.dictionary) + encoded.indices.to_numpy()
    found, first = np.unique(codes, return_index=True)
    for code, row in zip(found, first, strict=True):
        values = tuple(batch.column(name)[int(row)].as_py() for name in columns)
        part = batch if len(found) == 1 else batch.filter(pa.array(codes == code))
        yield values, part


@dataclass
class _PartitionFile:
    writing: _Writing
    values: tuple[Any, ...]
    held: list[pa.RecordBatch] = field(default_factory=list)
    rows: int = 0

    def __post_init__(self) -> None:
        stager = self.writing.stager
        folders = [
            f"{name}={_safe(value)}"
            for name, value in zip(self.writing.table.partition, self.values, strict=True)
        ]
        # Cosmetic: Iceberg's metadata has the partition and run of a file.
        folders.append(f"run={_safe(stager.run_id)}")
        self.path = "/".join([stager.location, *folders, f"{uuid4()}.parquet"])
        self.output = self.writing.io.new_output(self.path)
        self.stream = self.output.create()
        try:
            self.writer = pq.ParquetWriter(
                self.stream, self.writing.schema, compression="zstd", store_schema=False
            )
        except BaseException:
            self.stream.close()
            raise

    def flush(self) -> None:
        if self.held:
            rows = pa.Table.from_batches(self.held).cast(self.writing.schema)
            self.writer.write_table(rows)
            self.rows += rows.num_rows
            self.held.clear()

    def finish(self) -> StagedFile:
        self.flush()
        self.writer.close()
        self.stream.close()
        stager = self.writing.stager
        statistics = data_file_statistics_from_parquet_metadata(
            parquet_metadata=self.writer.writer.metadata,
            stats_columns=compute_statistics_plan(stager.schema, dict(stager.properties)),
            parquet_column_mapping=parquet_path_to_id_mapping(stager.schema),
        )
        key = PartitionKey(
            [
                PartitionFieldValue(item, value)
                for item, value in zip(stager.spec.fields, self.values, strict=True)
            ],
            stager.spec,
            stager.schema,
        )
        data_file = DataFile.from_args(
            content=DataFileContent.DATA,
            file_path=self.path,
            file_format=FileFormat.PARQUET,
            partition=key.partition,
            file_size_in_bytes=len(self.output),
            sort_order_id=None,
            spec_id=stager.spec.spec_id,
            equality_ids=None,
            key_metadata=None,
            **statistics.to_serialized_dict(),
        )
        named = tuple(zip(self.writing.table.partition, self.values, strict=True))
        return StagedFile(stager.table, stager.run_id, self.rows, named, data_file)

    def discard(self) -> None:
        """Close and remove the file; it may be half written or gone already."""
        for step in (
            self.writer.close,
            self.stream.close,
            lambda: self.writing.io.delete(self.path),
        ):
            # The write's own error is the one to raise; what stays is an orphan.
            with contextlib.suppress(OSError, ValueError, pa.ArrowException):
                step()


def _safe(value: Any) -> str:
    return "".join(letter if letter in _PLAIN else "_" for letter in str(value))
