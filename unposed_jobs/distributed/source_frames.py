"""A source of the catalogue as a DataFrame: planned by the driver, read by executors."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import from_arrow_schema

from unposed_jobs import storage
from unposed_jobs.catalogue import delimited, sources, spreadsheet, validation
from unposed_jobs.catalogue.schemas import FILE, REJECTS, ROW
from unposed_jobs.config import CatalogueSettings, Settings
from unposed_jobs.errors import UnposedError

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

_PEEK_ROWS = 1000
_TASK_BYTES = 8 << 20
_TASKS_A_CORE = 4
Validate = Callable[[pa.RecordBatch, str], tuple[pa.RecordBatch, pa.RecordBatch]]


def with_image_root(catalogue: CatalogueSettings) -> CatalogueSettings:
    """The settings with the folder that relative addresses are meant from, the same for every
    process: `image_root`, else the folder of the images source ("" for a table).
    """
    root = catalogue.image_root
    base = sources.absolute(root) if root else sources.folder(catalogue.images)
    return dataclasses.replace(catalogue, image_root=base)


def sources_of(
    uri: str,
    catalogue: CatalogueSettings,
    settings: Settings,
    columns_of: Callable[[Sequence[str], CatalogueSettings, str], Any],
) -> list[sources.SourceFile]:
    """The files of a source, each with the columns that it must have.

    `columns_of(columns, catalogue, uri)` raises UnposedError for a column that is not there.
    """
    files = sources.plan(uri, settings.warehouse, validation.reading(catalogue))
    for columns, where in _headers(uri, files, settings):
        try:
            columns_of(columns, catalogue, where)
        except UnposedError as error:
            raise UnposedError(f"{error}{_another_header(files, where)}") from None
    for notice in dict.fromkeys(file.notice for file in files if file.notice):
        say(notice)
    return files


def _another_header(files: list[sources.SourceFile], where: str) -> str:
    found = next((file for file in files if file.uri == where), None)
    if found is None or (found.format != "csv" and found.header is None):
        return ""
    if found.header is not None:
        rows = spreadsheet.first_rows(where, found.stat, found.header.sheet)
        return delimited.likelier(rows, found.header.line)
    with storage.open_input(where) as file:
        rows = delimited.first_rows(file, where, found.dialect)
    return delimited.likelier(rows, found.dialect.header_line)


def as_meant(
    files: list[sources.SourceFile], catalogue: CatalogueSettings, where: str
) -> CatalogueSettings:
    """The settings without the optional columns that mean something else by the first rows of the
    first file; each is refused by name.
    """
    if not files:
        return catalogue
    first = next(sources.read(files[0], _PEEK_ROWS), None)
    found = validation.other_meanings(first, catalogue) if first is not None else {}
    for name, example in found.items():
        section = "product_columns" if name == "product_type" else "image_columns"
        say(
            f"{storage.shown(where)}: the column {name} is not what unposed calls so (such as "
            f'"{example}") and is left out; [catalogue.{section}] {name} = "{name}" would read it'
        )
    return validation.unmapped(catalogue, found)


_SAID: set[str] = set()


def say(notice: str) -> None:
    """Warn of something once in a process: several jobs read the same sources."""
    if notice not in _SAID:
        _SAID.add(notice)
        logging.getLogger("unposed.catalogue").warning("%s", notice)


def _headers(
    uri: str, files: list[sources.SourceFile], settings: Settings
) -> Iterator[tuple[list[str], str]]:
    """The columns of each planned file, once for each set of them, with the file."""
    if not files:
        yield sources.columns(uri, files, settings.warehouse), uri
    seen = {file.columns: file.uri for file in reversed(files)}
    yield from ((list(columns), where) for columns, where in seen.items())


def read_rows(
    spark: SparkSession,
    files: list[sources.SourceFile],
    accepted: pa.Schema,
    source: str,
    validate: Validate,
    *,
    batch_rows: int = 65_536,
) -> DataFrame:
    """All rows of a source, accepted (reason is null) or set aside, one task for each file; small
    files share one.

    `source` is what the rejects call it; `validate(batch, uri)` gives (`accepted`, `REJECTS`).
    """
    either = pa.schema([*accepted, *(item for item in REJECTS if item.name not in accepted.names)])
    shares = tasks_of([file.stat.size for file in files], spark.sparkContext.defaultParallelism)
    # A worker is sent the plan once: within each task, many files would cost their square.
    plan = spark.sparkContext.broadcast([[files[index] for index in share] for share in shares])

    def rows(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for file in (file for task in batch.column(0).to_pylist() for file in plan.value[task]):
                for read in sources.read(file, batch_rows):
                    for part in validate(read, file.uri):
                        if part.num_rows:
                            yield _widened(part, either, source)

    tasks = spark.range(0, len(shares), 1, max(1, len(shares)))
    return tasks.mapInArrow(rows, from_arrow_schema(either))


def tasks_of(sizes: Sequence[int], cores: int) -> list[list[int]]:
    """The places of files of so many bytes, in their order, by the task that reads them.

    Neighbours share a task while it has `_TASK_BYTES` at most, and less where `cores` would lack
    tasks: to start one costs more than to read a small file.
    """
    most = min(_TASK_BYTES, sum(sizes) // (_TASKS_A_CORE * cores))
    shares: list[list[int]] = []
    filled = 0
    for place, size in enumerate(sizes):
        if not shares or filled + size > most:
            shares.append([])
            filled = 0
        shares[-1].append(place)
        filled += size
    return shares


def _widened(batch: pa.RecordBatch, schema: pa.Schema, source: str) -> pa.RecordBatch:
    columns = [
        batch.column(item.name)
        if item.name in batch.schema.names
        else pa.nulls(batch.num_rows, item.type)
        for item in schema
    ]
    index = schema.get_field_index("source")
    columns[index] = pa.array([source] * batch.num_rows, pa.string())
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def set_aside(
    rows: DataFrame, *rules: tuple[Column, str, str], key: Column, row: Column
) -> DataFrame:
    """Give the rows of the first rule that holds its reason, a detail, their key and their JSON.

    The JSON is of the values as they were understood: the source's own are no longer at hand.
    """
    reason, detail = F.col("reason"), F.col("detail")
    holds = F.lit(False)
    place = F.concat(F.lit("file "), F.col(FILE) + 1, F.lit(" row "), F.col(ROW), F.lit(": "))
    for rule, word, explanation in reversed(rules):
        holds = holds | rule
        reason = F.when(rule, word).otherwise(reason)
        detail = F.when(rule, F.concat(place, F.lit(explanation))).otherwise(detail)
    return rows.select(
        *(item for item in rows.columns if item not in ("reason", "detail", "row_key", "row")),
        reason.alias("reason"),
        detail.alias("detail"),
        F.when(holds, key).otherwise(F.col("row_key")).alias("row_key"),
        F.when(holds, row).otherwise(F.col("row")).alias("row"),
    )
