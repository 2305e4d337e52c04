"""A model's rows of the table `vocabulary`: as learned, and as people have corrected them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from unposed_jobs.audit import corrections
from unposed_jobs.audit.expectations import Expectations
from unposed_jobs.jobs.identity import run_identity
from unposed_jobs.warehouse import Warehouse, tables

if TYPE_CHECKING:
    from unposed_jobs.audit.corrections import Correction
    from unposed_jobs.reference.bundle import Bundle
    from unposed_jobs.reference.registry import ModelRow

_CORRECTED = ("pose_id", "name", "ask_id", "ask_name", "asked", "correction")


def training_run(run_date: date, model_version: str) -> str:
    """The id of the run that trained a model."""
    return run_identity("train", run_date, model_version)


def learned(bundle: Bundle, run_id: str) -> pa.Table:
    """The rows of a bundle, as its training writes them."""
    rows = bundle.vocabulary
    return _complete(rows, bundle.model_version, pa.array([run_id] * rows.num_rows))


def correct(
    warehouse: Warehouse,
    model: ModelRow,
    bundle: Bundle,
    corrected: Sequence[Correction],
    run_id: str,
) -> int | None:
    """Make the table say what the profile corrects about a model; returns the snapshot, if any.

    Nothing is written where nothing would change. A row of which nothing is corrected is the
    training's again.
    """
    rows = corrections.vocabulary(bundle.vocabulary, Expectations.from_bundle(bundle), corrected)
    # The model's own run_id is by now that of its promotion.
    trained = training_run(model.run_date, model.model_version)
    learned_so = pc.is_null(rows["correction"])
    wanted = _complete(rows, model.model_version, pc.if_else(learned_so, trained, run_id))
    key = {"model_version": model.model_version}
    before = warehouse.read("vocabulary", list(_CORRECTED), row_filter=key)
    order = [("pose_id", "ascending")]
    if before.sort_by(order).to_pylist() == wanted.select(_CORRECTED).sort_by(order).to_pylist():
        return None
    return warehouse.replace_rows("vocabulary", key, wanted, run_id)


def _complete(rows: pa.Table, version: str, run_ids: pa.Array | pa.ChunkedArray) -> pa.Table:
    count = rows.num_rows
    rows = rows.append_column("model_version", pa.array([version] * count, pa.string()))
    rows = rows.append_column("run_id", run_ids)
    if "correction" not in rows.column_names:
        rows = rows.append_column("correction", pa.nulls(count, pa.string()))
    return rows.select(tables.VOCABULARY.schema.names).cast(tables.VOCABULARY.schema)
