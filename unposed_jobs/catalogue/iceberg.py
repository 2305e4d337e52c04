"""An Iceberg table as a catalogue source: its data files and the columns' present names."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from unposed_jobs.config import WarehouseSettings
from unposed_jobs.errors import UnposedError

_FIELD_ID = b"PARQUET:field_id"


@dataclass(frozen=True)
class PlannedTable:
    """The files of a table's present snapshot and the id of each column."""

    files: tuple[str, ...]
    field_ids: tuple[tuple[str, int], ...]


def plan(uri: str, settings: WarehouseSettings | None) -> PlannedTable:
    """Plan ``iceberg:namespace.table`` in the warehouse's catalogue.

    Raises UnposedError for an unknown table, and for one with delete files, whose rows cannot
    be known from its data files alone.
    """
    from pyiceberg.catalog import load_catalog
    from pyiceberg.exceptions import NoSuchNamespaceError, NoSuchTableError

    from unposed_jobs.warehouse.opening import CATALOG, catalog_properties

    name = uri.removeprefix("iceberg:").strip("/")
    parts = name.split(".")
    if settings is None or len(parts) < 2 or not all(parts):
        raise UnposedError(f"{uri}: write iceberg:namespace.table")
    try:
        table = load_catalog(CATALOG, **catalog_properties(settings)).load_table(tuple(parts))
        tasks = list(table.scan().plan_files())
    except (NoSuchTableError, NoSuchNamespaceError):
        raise UnposedError(f"no Iceberg table {name} in the catalogue of [warehouse] uri") from None
    except UnposedError:
        raise
    except Exception as error:
        # pyiceberg lets its backends' errors (SQL, REST, Glue, file systems) through as they are.
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise UnposedError(f"cannot read the Iceberg table {name}: {reason}") from error
    if any(task.delete_files for task in tasks):
        raise UnposedError(f"the Iceberg table {name} has delete files; compact it first")
    fields = tuple((field.name, field.field_id) for field in table.schema().fields)
    return PlannedTable(tuple(sorted(task.file.file_path for task in tasks)), fields)


def by_field_id(batch: pa.RecordBatch, field_ids: tuple[tuple[str, int], ...]) -> pa.RecordBatch:
    """A data file's rows under the table's present column names.

    Columns are matched by field id, by name where the file has none; one that is younger than
    the file is null.
    """
    ids = {
        int(field.metadata[_FIELD_ID]): index
        for index, field in enumerate(batch.schema)
        if field.metadata and _FIELD_ID in field.metadata
    }
    arrays = []
    for name, field_id in field_ids:
        index = ids.get(field_id, -1) if ids else batch.schema.get_field_index(name)
        arrays.append(batch.column(index) if index >= 0 else pa.nulls(batch.num_rows))
    return pa.RecordBatch.from_arrays(arrays, names=[name for name, _ in field_ids])
