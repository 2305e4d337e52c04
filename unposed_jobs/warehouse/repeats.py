"""Staged rows whose key is there already: found, and left out where that is asked for.

Two pictures of one content give the same landmarks in two tasks. Either row will do, so the
first is kept.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pyiceberg.table import Table as IcebergTable

from unposed_jobs.warehouse.columns import Table
from unposed_jobs.warehouse.reading import connect, scan_sql
from unposed_jobs.warehouse.staging import StagedFile, Stager


def leave_out(
    table: Table,
    iceberg: IcebergTable,
    staged: Sequence[StagedFile],
    present: Sequence[str],
) -> list[StagedFile]:
    """The staged files without rows whose key was staged before or is in the files `present`.

    Files that lose rows are staged anew; the others are as they were. The driver holds the
    keys of the staged rows, and no more: for one part of a run, not for a whole day.
    """
    drop = _repeats(table, iceberg, staged, present)
    kept: list[StagedFile] = []
    for number, file in enumerate(staged):
        if number not in drop:
            kept.append(file)
        elif len(drop[number]) < file.rows:
            stager = Stager.of(iceberg, table.name, file.run_id)
            kept += stager.write(_without(iceberg, file, drop[number]))
    return kept


def _repeats(
    table: Table,
    iceberg: IcebergTable,
    staged: Sequence[StagedFile],
    present: Sequence[str],
) -> dict[int, list[int]]:
    """Rows to leave out, by the position of their file."""
    names = ", ".join(f'"{name}"' for name in table.key)
    drop: dict[int, list[int]] = defaultdict(list)
    with connect() as connection:
        connection.register("keys", _keys(table, iceberg, staged))
        known = "FALSE"
        if present:
            old = scan_sql(connection, table, iceberg.io, present, "present")
            known = f"({names}) IN (SELECT ({names}) FROM {old})"  # noqa: S608
        rows = connection.execute(
            "SELECT file, row FROM (SELECT *, row_number() OVER "  # noqa: S608
            f"(PARTITION BY {names} ORDER BY file, row) AS turn FROM keys) "
            f"WHERE turn > 1 OR {known}"
        ).fetchall()
    for file, row in rows:
        drop[file].append(row)
    return drop


def _keys(table: Table, iceberg: IcebergTable, staged: Sequence[StagedFile]) -> pa.Table:
    parts = []
    for number, file in enumerate(staged):
        with iceberg.io.new_input(file.path).open() as stream:
            keys = pq.read_table(stream, columns=list(table.key))
        keys = keys.append_column("file", pa.repeat(pa.scalar(number), keys.num_rows))
        parts.append(keys.append_column("row", pa.array(np.arange(keys.num_rows))))
    return pa.concat_tables(parts)


def _without(iceberg: IcebergTable, file: StagedFile, rows: list[int]) -> Iterator[pa.RecordBatch]:
    keep = np.ones(file.rows, bool)
    keep[rows] = False
    start = 0
    with iceberg.io.new_input(file.path).open() as stream:
        for batch in pq.ParquetFile(stream).iter_batches():
            end = start + batch.num_rows
            yield batch.filter(pa.array(keep[start:end]))
            start = end
