"""What tables are made of: columns with their comments, and a table's contract."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa


def column(name: str, kind: pa.DataType, doc: str, required: bool = False) -> pa.Field:
    """A column that may be null, unless `required`."""
    # Spark writes every Parquet column as optional, so "required" is checked by us
    # (see Table.required), not declared to Iceberg.
    metadata = {"doc": doc, "required": "true"} if required else {"doc": doc}
    return pa.field(name, kind, nullable=True, metadata=metadata)


def key(name: str, kind: pa.DataType, doc: str) -> pa.Field:
    """A column that may not be null."""
    return column(name, kind, doc, required=True)


@dataclass(frozen=True)
class Table:
    """One table's contract."""

    name: str
    doc: str
    schema: pa.Schema
    partition: tuple[str, ...]
    """Identity-partition columns."""
    key: tuple[str, ...]
    """Columns that are unique together."""

    @property
    def of_days(self) -> bool:
        """Whether each run has rows of its own day in it."""
        return self.partition == ("run_date",)

    @property
    def required(self) -> tuple[str, ...]:
        """Columns that may not be null."""
        return tuple(item.name for item in self.schema if (item.metadata or {}).get(b"required"))


RUN_ID = key("run_id", pa.string(), "The run that wrote the row; see runs")
MODEL_VERSION = key("model_version", pa.string(), "The model bundle; see models")
RUN_DATE = key("run_date", pa.date32(), "The audited day")
BUCKET = key("bucket", pa.int32(), "Hash partition of the key")
COHORT = (
    column("category", pa.string(), "The product's category on that day"),
    column("subcategory", pa.string(), "The product's subcategory on that day"),
    column("product_type", pa.string(), "The product's type on that day"),
)
CARRIED = column(
    "carried",
    pa.map_(pa.string(), pa.string()),
    "The product's values of the columns that [catalogue] carry names, as text: carried['brand']",
)
