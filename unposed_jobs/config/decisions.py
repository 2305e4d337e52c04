"""``[decisions]``: where what people decide is kept."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field
from pydantic.dataclasses import dataclass

from unposed_jobs.config.fields import STRICT, Section


@dataclass(frozen=True, config=STRICT)
class DecisionSettings(Section):
    """Where what people decide is kept: `unposed serve` writes it, the audit reads it."""

    section: ClassVar[str] = "decisions"

    store: Annotated[str, Field(examples=["postgresql://unposed@db.example.com/unposed"])] = (
        "sqlite:///{home}/decisions.db"
    )
    """A database of SQLAlchemy's form: SQLite for one machine, else PostgreSQL. No password:
    PostgreSQL takes it from PGPASSFILE."""
