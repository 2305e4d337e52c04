"""The warehouse: Iceberg tables, written by stage, check, commit.

`Warehouse` is the driver's door; `Stager` and `StagedFile` are what travels to executors and
back. They are imported on first use, so that reading a schema stays light.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from unposed_jobs.warehouse.commit import ConflictError
    from unposed_jobs.warehouse.runs import RunRecord
    from unposed_jobs.warehouse.staging import StagedFile, Stager, bucket_of
    from unposed_jobs.warehouse.warehouse import Warehouse

_HOMES = {
    "ConflictError": "commit",
    "RunRecord": "runs",
    "StagedFile": "staging",
    "Stager": "staging",
    "Warehouse": "warehouse",
    "bucket_of": "staging",
}
__all__ = ["ConflictError", "RunRecord", "StagedFile", "Stager", "Warehouse", "bucket_of"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
