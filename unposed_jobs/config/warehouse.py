"""``[warehouse]``: where the tables are."""

from __future__ import annotations

from dataclasses import field
from typing import Annotated, ClassVar

from pydantic import Field
from pydantic.dataclasses import dataclass

from unposed_jobs.config.fields import STRICT, Count, Section, TextTable


@dataclass(frozen=True, config=STRICT)
class WarehouseSettings(Section):
    """Where the Iceberg tables are."""

    section: ClassVar[str] = "warehouse"

    uri: str = "sqlite:///{home}/catalog.db"
    """The database of the Iceberg catalogue, in the form of SQLAlchemy. No password: PostgreSQL
    takes it from PGPASSFILE."""
    location: str = "{home}/warehouse"
    """The folder or ``s3://`` prefix of the tables' files."""
    properties: Annotated[TextTable, Field(examples=[{"s3.region": "eu-central-1"}])] = field(
        default_factory=dict
    )
    """Properties of pyiceberg's catalogue (``type = "glue"`` and so on)."""
    views: str = "{home}/unposed.duckdb"
    """The DuckDB file of views; a local path."""
    buckets: Count = 16
    """Hash partitions of the picture tables; fixed once the tables exist."""
