"""The Iceberg catalogue and its tables: opened, created where absent, checked where present."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import pyarrow as pa
from botocore.exceptions import BotoCoreError, ClientError
from pyiceberg.catalog import Catalog, load_catalog
from pyiceberg.exceptions import (
    CommitFailedException,
    NamespaceAlreadyExistsError,
    NoSuchTableError,
    NotInstalledError,
    RESTError,
    TableAlreadyExistsError,
)
from pyiceberg.io.pyarrow import pyarrow_to_schema
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.table import Table as IcebergTable
from pyiceberg.transforms import IdentityTransform
from pyiceberg.types import ListType, NestedField
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError

from unposed_jobs.config import WarehouseSettings
from unposed_jobs.errors import UnposedError
from unposed_jobs.warehouse import object_store
from unposed_jobs.warehouse.columns import Table
from unposed_jobs.warehouse.locations import local_path
from unposed_jobs.warehouse.tables import NAMESPACE, TABLES

CATALOG = "unposed"
BUCKETS = "unposed.buckets"
_BUSY_SECONDS = "60"
_OPEN_ATTEMPTS = 5
_UNREACHABLE = (
    NotInstalledError,
    RESTError,
    SQLAlchemyError,
    BotoCoreError,
    ClientError,
    OSError,
    ValueError,
)
"""How a catalogue that is mistaken, absent or refuses us shows itself."""


def open_catalog(settings: WarehouseSettings, create: bool = True) -> Catalog:
    """Open the catalogue; with `create`, the embedded one and its tables are made where absent.

    Raises UnposedError where it cannot be opened, does not exist, or holds tables of another
    make.
    """
    properties = catalog_properties(settings)
    where = f"the warehouse catalogue ({_shown(properties)})"
    if properties["type"] == "sql" and properties["uri"].startswith("sqlite"):
        database = make_url(properties["uri"]).database
        if database and database != ":memory:":
            if not create and not Path(database).is_file():
                raise UnposedError(
                    f"no warehouse yet at {database}; run: unposed train, then: unposed audit"
                )
            try:
                Path(database).parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise UnposedError(f"cannot make the folder of {where}: {error}") from None
    # Two processes that open a new warehouse at once both try to create its catalogue; the one
    # that comes second finds it on its next attempt.
    for attempt in range(_OPEN_ATTEMPTS):
        try:
            catalog = load_catalog(CATALOG, **properties)
            _ensure_tables(catalog, settings, create)
        except (IntegrityError, NamespaceAlreadyExistsError):
            if attempt == _OPEN_ATTEMPTS - 1:
                raise
        except DBAPIError as error:
            if "already exists" not in str(error) or attempt == _OPEN_ATTEMPTS - 1:
                reason = str(error.orig).splitlines()[0]
                raise UnposedError(
                    f"cannot open {where}: {reason}; check [warehouse] uri"
                ) from None
        except _UNREACHABLE as error:
            reason = (str(error) or type(error).__name__).splitlines()[0]
            raise UnposedError(f"cannot open {where}: {reason}; check [warehouse]") from error
        else:
            return catalog
    raise AssertionError("unreachable")


def catalog_properties(settings: WarehouseSettings) -> dict[str, str]:
    """The pyiceberg catalogue properties that the settings stand for.

    `settings.properties` win. The embedded SQLite catalogue waits for another process's
    transaction instead of failing at once.
    """
    location = local_path(settings.location) or settings.location.rstrip("/")
    scheme = urlsplit(location).scheme
    if scheme not in {"", "s3"}:
        raise UnposedError(
            f"[warehouse] location {location}: {scheme}:// is not supported; "
            "use a plain path, file:// or s3://"
        )
    properties = {
        "type": "sql",
        "warehouse": location,
        "py-io-impl": "pyiceberg.io.pyarrow.PyArrowFileIO",
        **(object_store.defaults(settings.properties) if scheme == "s3" else {}),
        **settings.properties,
    }
    if properties["type"] == "sql" or (
        properties["type"] == "rest" and settings.uri.startswith("http")
    ):
        properties.setdefault("uri", settings.uri)
    if properties["type"] == "sql" and properties["uri"].startswith("sqlite"):
        url = make_url(properties["uri"])
        if "timeout" not in url.query:
            url = url.update_query_dict({"timeout": _BUSY_SECONDS})
        properties["uri"] = url.render_as_string(hide_password=False)
    return properties


def identifier(table_name: str) -> tuple[str, str]:
    """The table's identifier in the catalogue."""
    return (NAMESPACE, table_name)


def contract(table_name: str) -> Table:
    """The table's contract. Raises UnposedError for a name that is none of ours."""
    try:
        return TABLES[table_name]
    except KeyError:
        raise UnposedError(f"no table {table_name}; known: {', '.join(TABLES)}") from None


def _shown(properties: dict[str, str]) -> str:
    uri = properties.get("uri")
    if not uri:
        return properties["type"]
    if properties["type"] == "sql":
        try:
            return make_url(uri).set(query={}).render_as_string(hide_password=True)
        except SQLAlchemyError:
            return "sql"
    return urlsplit(uri).hostname or properties["type"]


def _ensure_tables(catalog: Catalog, settings: WarehouseSettings, create: bool) -> None:
    if create:
        with contextlib.suppress(NamespaceAlreadyExistsError):
            catalog.create_namespace(NAMESPACE)
    for table in TABLES.values():
        try:
            existing = catalog.load_table(identifier(table.name))
        except NoSuchTableError:
            if not create:
                raise UnposedError(
                    f"no table {NAMESPACE}.{table.name} in the warehouse; "
                    "run: unposed train, then: unposed audit"
                ) from None
            try:
                _create_table(catalog, table, settings.buckets)
                continue
            except TableAlreadyExistsError:  # Another process was faster with this one.
                existing = catalog.load_table(identifier(table.name))
        if create:
            _add_columns(existing, table)
        _check_table(existing, table, settings.buckets)


@cache
def iceberg_schema(table: Table) -> Schema:
    """The table's Iceberg schema: every column optional, comments as docs."""
    nested_ids = itertools.count(len(table.schema) + 1)
    fields = []
    for number, column in enumerate(table.schema, start=1):
        metadata = {b"PARQUET:field_id": str(number).encode()}
        kind = with_field_ids(column.type, nested_ids)
        doc = (column.metadata or {}).get(b"doc", b"")
        fields.append(pa.field(column.name, kind, metadata={**metadata, b"doc": doc}))
    return pyarrow_to_schema(pa.schema(fields))


def with_field_ids(kind: pa.DataType, ids: Iterator[int]) -> pa.DataType:
    """A type of the contracts with Iceberg's ids, the next of `ids`, on what is nested in it."""

    def named(name: str, nested: pa.DataType, nullable: bool = True) -> pa.Field:
        metadata = {"PARQUET:field_id": str(next(ids))}
        return pa.field(name, nested, nullable=nullable, metadata=metadata)

    if pa.types.is_list(kind):
        return pa.list_(named("element", kind.value_type))
    if pa.types.is_map(kind):
        return pa.map_(named("key", kind.key_type, False), named("value", kind.item_type))
    return kind


def _create_table(catalog: Catalog, table: Table, buckets: int) -> None:
    schema = iceberg_schema(table)
    spec = PartitionSpec(
        *(
            PartitionField(
                source_id=schema.find_field(name).field_id,
                field_id=1000 + position,
                transform=IdentityTransform(),
                name=name,
            )
            for position, name in enumerate(table.partition)
        )
    )
    properties = {
        "format-version": "2",
        "comment": table.doc,
        # Files are written with field ids; this one reads those of other writers.
        "schema.name-mapping.default": schema.name_mapping.model_dump_json(),
        "commit.retry.num-retries": "20",
        "commit.retry.min-wait-ms": "50",
        "commit.retry.max-wait-ms": "2000",
        # Used by maintenance only: commits of a day carry the other days' manifests as they are.
        "commit.manifest-merge.enabled": "true",
        "commit.manifest.min-count-to-merge": "2",
        **{
            f"write.metadata.metrics.column.{name}": "full" for name in (*table.partition, "run_id")
        },
    }
    if "bucket" in table.partition:
        properties[BUCKETS] = str(buckets)
    catalog.create_table(
        identifier(table.name), schema=schema, partition_spec=spec, properties=properties
    )


def _add_columns(existing: IcebergTable, table: Table) -> None:
    """Give a table of an earlier version the optional columns that it lacks; old rows have nulls.

    Only metadata changes. Two processes at once are no harm: the second finds the columns there.
    """
    names = {field.name for field in existing.schema().fields}
    lacking = [column.name for column in table.schema if column.name not in names]
    if not lacking or set(lacking) & {*table.required, *table.partition}:
        return  # Nothing to do, or not ours to mend: the check refuses it.
    fields = iceberg_schema(table)
    try:
        with existing.update_schema() as update:
            for name in lacking:
                field = fields.find_field(name)
                update.add_column(name, field.field_type, field.doc)
                place = table.schema.names.index(name)
                if place:
                    update.move_after(name, table.schema.names[place - 1])
    except CommitFailedException:
        existing.refresh()


def _check_table(existing: IcebergTable, table: Table, buckets: int) -> None:
    """Refuse a table that this version cannot read and write."""
    where = f"table {NAMESPACE}.{table.name} at {existing.location()}"
    remedy = "it was made by another version: use another [warehouse] location and uri"
    schema = existing.schema()
    for wanted in iceberg_schema(table).fields:
        try:
            field: NestedField = schema.find_field(wanted.name)
        except ValueError:
            mend = remedy if wanted.name in table.required else "the next train or audit adds it"
            raise UnposedError(f"{where} has no column {wanted.name}; {mend}") from None
        if _kind(field) != _kind(wanted):
            raise UnposedError(
                f"{where}: column {wanted.name} is {field.field_type}, "
                f"not {wanted.field_type}; {remedy}"
            )
    spec = existing.spec()
    partition = tuple(schema.find_field(item.source_id).name for item in spec.fields)
    identities = all(isinstance(item.transform, IdentityTransform) for item in spec.fields)
    if partition != table.partition or not identities:
        raise UnposedError(
            f"{where} is partitioned by {', '.join(partition) or 'nothing'}, "
            f"not {', '.join(table.partition) or 'nothing'}; {remedy}"
        )
    made_with = existing.properties.get(BUCKETS)
    if "bucket" in table.partition and made_with != str(buckets):
        raise UnposedError(
            f"{where} was made with {made_with} buckets; set [warehouse] buckets = {made_with}"
        )


def _kind(field: NestedField) -> str:
    kind = field.field_type
    return f"list<{kind.element_type}>" if isinstance(kind, ListType) else str(kind)
