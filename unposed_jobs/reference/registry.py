"""The table `models`: which bundle is the champion, and what became of the others."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from unposed_jobs.errors import UnposedError
from unposed_jobs.warehouse import ConflictError, tables

if TYPE_CHECKING:
    from unposed_jobs.warehouse import Warehouse


@dataclass(frozen=True)
class ModelRow:
    """One row of the table `models`; JSON columns as dictionaries."""

    model_version: str
    status: str
    estimator_id: str
    artefact_uri: str
    checksums: dict[str, str]
    parameters: dict[str, Any]
    metrics: dict[str, Any]
    run_date: date
    promoted_on: date | None
    reason: str | None
    run_id: str

    @property
    def waits(self) -> bool:
        """Whether it was compared with the champion and a person is to decide about it."""
        return self.status == "candidate" and bool(self.metrics.get("promotion", {}).get("waits"))


_JSON = ("checksums", "parameters", "metrics")


def models(warehouse: Warehouse) -> list[ModelRow]:
    """All models, oldest first."""
    rows = warehouse.read("models").to_pylist()
    for row in rows:
        for name in _JSON:
            row[name] = json.loads(row[name])
    found = [ModelRow(**row) for row in rows]
    return sorted(found, key=lambda row: (row.run_date, row.model_version))


def champion(warehouse: Warehouse) -> ModelRow | None:
    """The model that audits use, or None before the first promotion."""
    return next((row for row in models(warehouse) if row.status == "champion"), None)


def waiting(warehouse: Warehouse, run_date: date) -> ModelRow | None:
    """The day's candidate that waits for a person, the latest of several; None where none does."""
    found = [row for row in models(warehouse) if row.waits and row.run_date == run_date]
    return found[-1] if found else None


def predecessor(warehouse: Warehouse, run_date: date, estimator_id: str) -> ModelRow | None:
    """The last model promoted for a day before `run_date`: whose ids a new one keeps."""
    found = [
        row
        for row in models(warehouse)
        if row.promoted_on and row.run_date < run_date and row.estimator_id == estimator_id
    ]
    return found[-1] if found else None


def require_champion(warehouse: Warehouse) -> ModelRow:
    """The champion. Raises UnposedError with the remedy where there is none."""
    found = champion(warehouse)
    if found is None:
        raise UnposedError("no model is promoted yet; run: unposed train")
    return found


def record(warehouse: Warehouse, rows: list[ModelRow], run_id: str) -> int:
    """Insert or replace models by model_version, in one snapshot; returns its id."""
    table = _table(rows)
    versions = {"model_version": [row.model_version for row in rows]}
    return warehouse.replace_rows("models", versions, table, run_id)


def promote(warehouse: Warehouse, chosen: ModelRow, before: ModelRow | None, run_id: str) -> int:
    """Make `chosen` the champion and `before`, today's as it was when `chosen` was compared with
    it, a retired model, in one snapshot; returns its id.

    Raises ConflictError where another model became the champion meanwhile: what was decided was
    not about that one, and there must not be two.
    """
    rows = [chosen] if before is None else [chosen, dataclasses.replace(before, status="retired")]
    table = _table(rows)
    versions = pa.array([row.model_version for row in rows])

    def transform(known: pa.Table) -> pa.Table:
        status = pc.field("status") == "champion"
        found = set(known.filter(status)["model_version"].to_pylist()) - {chosen.model_version}
        if found - set(versions.to_pylist()):
            raise ConflictError(
                f"{', '.join(sorted(found))} became the champion since {chosen.model_version} was "
                "compared; nothing was promoted, run it again"
            )
        kept = known.filter(pc.invert(pc.is_in(known["model_version"], value_set=versions)))
        return pa.concat_tables([kept, table])

    return warehouse.rewrite("models", transform, run_id)


def _table(rows: list[ModelRow]) -> pa.Table:
    plain = [
        vars(row) | {name: json.dumps(getattr(row, name), sort_keys=True) for name in _JSON}
        for row in rows
    ]
    return pa.Table.from_pylist(plain, schema=tables.MODELS.schema)


def record_turned(warehouse: Warehouse, model_version: str, turned: pa.Table, run_id: str) -> int:
    """Replace the flags that a model turns (`comparison.TURNED`); returns the snapshot's id."""
    count = turned.num_rows
    rows = turned.append_column("model_version", pa.array([model_version] * count, pa.string()))
    rows = rows.append_column("run_id", pa.array([run_id] * count, pa.string()))
    schema = tables.CANDIDATE_FLAGS.schema
    return warehouse.replace_rows(
        tables.CANDIDATE_FLAGS.name,
        {"model_version": [model_version]},
        rows.select(schema.names).cast(schema),
        run_id,
    )


def poses(warehouse: Warehouse, model_version: str) -> int:
    """How many poses a model's vocabulary has, retired ones left out."""
    table = warehouse.read("vocabulary", ["model_version", "lineage"])
    mine = (pc.field("model_version") == model_version) & (pc.field("lineage") != "retired")
    return int(table.filter(mine).num_rows)
