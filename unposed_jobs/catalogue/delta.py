"""A Delta table as a catalogue source: the files of its present version, and their columns.

The log is read by the deltalake library; the rows are read from the table's Parquet files.
"""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import pyarrow as pa

from unposed_jobs import storage
from unposed_jobs.errors import UnposedError

LOG = "_delta_log"
"""The folder that makes a folder of Parquet files a Delta table."""
_PHYSICAL = "delta.columnMapping.physicalName"


@dataclass(frozen=True)
class PlannedTable:
    """The files of a table's present version, each with the values of its partition, and of each
    column that the files hold its name there.
    """

    files: tuple[tuple[str, tuple[tuple[str, str | None], ...]], ...]
    names: tuple[tuple[str, str], ...]
    partitions: tuple[str, ...]


def is_table(root: str, files: Sequence[str]) -> bool:
    """Whether a folder is a Delta table, by the files that are in it.

    Raises UnposedError where one of its folders is: its Parquet files hold removed rows as well.
    """
    for file in files:
        folders = file[len(root) :].strip("/").split("/")[:-1]
        if folders[:1] == [LOG]:
            return True
        if LOG in folders:
            table = posixpath.join(root, *folders[: folders.index(LOG)])
            raise UnposedError(
                f"{storage.shown(root)} holds a Delta table in a folder of its own; name that: "
                f"{storage.shown(table)}"
            )
    return False


def plan(root: str) -> PlannedTable:
    """Plan the present version of the table in the folder `root` (a path or ``s3://``).

    Raises UnposedError for a table that cannot be read, needs what the library does not know, names
    files outside of its folder, or has deletion vectors, whose rows are not known from reading its
    data files alone.
    """
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError

    options = storage.aws_options() if storage.kind(root) == "s3" else None
    where = f"the Delta table {storage.shown(root)}"
    try:
        table = DeltaTable(root, storage_options=options)
        fields = table.schema().fields
        actions = pa.table(table.get_add_actions())
        partitions = table.metadata().partition_columns
        features = table.protocol().reader_features or ()
        deleted = "deletionVectors" in features and _has_vectors(table)
    except (DeltaError, OSError, ValueError) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise UnposedError(f"cannot read {where}: {reason}") from None
    if deleted:
        raise UnposedError(
            f"{where} has deletion vectors, which are not read: "
            "REORG TABLE ... APPLY (PURGE) writes it without"
        )
    physical = {field.name: (field.metadata or {}).get(_PHYSICAL, field.name) for field in fields}
    files = []
    for path, values in zip(
        actions.column("path").to_pylist(),
        actions.column("partition").to_pylist() if partitions else [{}] * actions.num_rows,
        strict=True,
    ):
        named = unquote(path)
        file = named if "://" in named or named.startswith("/") else posixpath.join(root, named)
        if not file.startswith(f"{root}/") or ".." in file.split("/"):
            raise UnposedError(
                f"{where} names a file that is not in its folder: {storage.shown(file)}; "
                "copy the table whole"
            )
        constants = tuple(
            (name, _text(values.get(name, values.get(physical[name])))) for name in partitions
        )
        files.append((file, constants))
    names = tuple((name, its) for name, its in physical.items() if name not in partitions)
    return PlannedTable(tuple(sorted(files)), names, tuple(partitions))


def _has_vectors(table: Any) -> bool:
    """Whether rows of the present files were removed without writing them anew."""
    from deltalake.exceptions import DeltaError

    try:
        return pa.table(table.deletion_vectors()).num_rows > 0
    except DeltaError:
        return True  # There is one that cannot be read.


def by_name(batch: pa.RecordBatch, names: Sequence[tuple[str, str]]) -> pa.RecordBatch:
    """A data file's rows under the table's present column names; a column that is younger than
    the file is null.
    """
    indices = [batch.schema.get_field_index(its) for _, its in names]
    return pa.RecordBatch.from_arrays(
        [batch.column(i) if i >= 0 else pa.nulls(batch.num_rows, pa.string()) for i in indices],
        names=[name for name, _ in names],
    )


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, bool):
        return None if value is None else str(value).lower()
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
