"""The tables of the store: decisions, what stands, the log, people, sessions, saved views."""

from __future__ import annotations

import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
)

VERSION = 1


class Moment(TypeDecorator[datetime.datetime]):
    """A moment, UTC; databases without time zones keep it as UTC too."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime.datetime | None, dialect: Any) -> Any:
        """As UTC without a zone."""
        return None if value is None else value.astimezone(datetime.UTC).replace(tzinfo=None)

    def process_result_value(self, value: Any, dialect: Any) -> datetime.datetime | None:
        """With its zone again."""
        return None if value is None else value.replace(tzinfo=datetime.UTC)


METADATA = MetaData()
# SQLite counts up only what is declared INTEGER.
_ID = BigInteger().with_variant(Integer, "sqlite")

INFORMATION = Table(
    "store_information",
    METADATA,
    Column("name", String(40), primary_key=True),
    Column("value", Text, nullable=False),
)
DECISIONS = Table(
    "decisions",
    METADATA,
    Column("id", _ID, primary_key=True, autoincrement=True),
    Column("kind", String(20), nullable=False),
    Column("pose_id", Integer),
    Column("ask_id", Integer),
    Column("ask_ids", JSON, nullable=False),
    Column("product_id", Text),
    Column("category", Text),
    Column("subcategory", Text),
    Column("image_uri", Text),
    Column("content_sha256", String(64)),
    Column("name", Text),
    Column("until", Date),
    Column("assignee", Text),
    Column("due", Date),
    Column("reason", Text),
    Column("decided_by", Text, nullable=False),
    Column("decided_at", Moment, nullable=False),
    Column("ended_by", Text),
    Column("ended_at", Moment),
    Column("ended_for", _ID),  # The decision that took its place; null: it was undone.
    Index("decisions_product", "product_id"),
    Index("decisions_kind", "kind", "ended_at"),
    sqlite_autoincrement=True,
)
# A row for each subject of each decision that stands: the key sees to it that one alone does.
STANDING = Table(
    "standing",
    METADATA,
    Column("subject", Text, primary_key=True),
    Column("decision_id", _ID, ForeignKey(DECISIONS.c.id), nullable=False, index=True),
)
LOG = Table(
    "log",
    METADATA,
    Column("id", _ID, primary_key=True, autoincrement=True),
    Column("at", Moment, nullable=False),
    Column("who", Text, nullable=False),
    Column("action", String(40), nullable=False),
    Column("decision_id", _ID, index=True),
    Column("summary", Text, nullable=False),
    Column("address", String(64)),
    sqlite_autoincrement=True,
)
PEOPLE = Table(
    "people",
    METADATA,
    Column("name", String(200), primary_key=True),
    Column("role", String(10), nullable=False),
    Column("token_sha256", String(64), unique=True),
    Column("since", Moment, nullable=False),
    Column("blocked", Boolean, nullable=False, default=False),
)
SESSIONS = Table(
    "sessions",
    METADATA,
    Column("token_sha256", String(64), primary_key=True),
    Column("name", String(200), nullable=False),
    Column("role", String(10), nullable=False),
    Column("csrf", String(64), nullable=False),
    Column("ends_at", Moment, nullable=False, index=True),
)
VIEWS = Table(
    "views",
    METADATA,
    Column("slug", String(80), primary_key=True),
    Column("name", Text, nullable=False),
    Column("page", String(20), nullable=False),
    Column("query", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("since", Moment, nullable=False),
)
