"""The data dictionary: docs/tables.md, made from the tables' own comments.

``python -m unposed_jobs.warehouse.dictionary > docs/tables.md``; a test fails when it is stale.
"""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

from unposed_jobs.warehouse.columns import Table
from unposed_jobs.warehouse.tables import DAY_TABLES, TABLES

_PUBLISHED = (
    " Rows of other runs of a day may lie there too: what is published is "
    "`JOIN runs USING (run_date, run_id)` where `runs.state = 'published'`. The views do so."
)


def markdown() -> str:
    """The whole page."""
    return "\n".join(_page()) + "\n"


def _page() -> Iterator[str]:
    yield "# Tables"
    yield ""
    yield "Made by `python -m unposed_jobs.warehouse.dictionary` from the tables' own comments."
    yield "Iceberg, format 2, catalogue `unposed`. A bold column may not be null."
    for table in TABLES.values():
        yield from _table(table)


def _table(table: Table) -> Iterator[str]:
    yield ""
    yield f"## {table.name}"
    day = _PUBLISHED if table in DAY_TABLES else ""
    yield f"{table.doc}.{day}"
    yield ""
    partition = ", ".join(table.partition) or "none"
    yield f"Key: {', '.join(table.key) or 'none'}. Partitions: {partition}."
    yield ""
    yield "| column | type | what it holds |"
    yield "|---|---|---|"
    for column in table.schema:
        name = f"**{column.name}**" if column.name in table.required else column.name
        yield f"| {name} | {_type(column.type)} | {_doc(column)} |"


def _type(kind: pa.DataType) -> str:
    if pa.types.is_list(kind):
        return f"list of {_type(kind.value_type)}"
    if pa.types.is_map(kind):
        return f"map of {_type(kind.key_type)} to {_type(kind.item_type)}"
    if pa.types.is_timestamp(kind):
        return "timestamp (UTC)"
    return {"date32[day]": "date", "float": "float32", "double": "float64"}.get(
        str(kind), str(kind)
    )


def _doc(column: pa.Field) -> str:
    return (column.metadata or {}).get(b"doc", b"").decode().replace("|", "\\|")


if __name__ == "__main__":
    print(markdown(), end="")
