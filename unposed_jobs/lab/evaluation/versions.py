"""What was judged and with what: the facts beside the figures."""

from __future__ import annotations

import datetime
import json
from importlib import metadata
from pathlib import Path
from typing import Any

from unposed_jobs.config import Settings
from unposed_jobs.errors import UnposedError
from unposed_jobs.reference import registry
from unposed_jobs.warehouse import Warehouse

PACKAGES = ("unposed", "mediapipe", "torch", "faiss-cpu", "lightgbm", "numpy", "scikit-learn")
_KEPT = ("embedding", "clusters", "cluster_range", "top_k", "min_pictures", "epochs", "seed")


def facts(folder: str | Path | None, settings: Settings) -> dict[str, Any]:
    """Versions and date, and where there is one the model and the rendered catalogue's settings."""
    found: dict[str, Any] = {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "versions": {name: _version(name) for name in PACKAGES},
    }
    try:
        champion = registry.champion(Warehouse.open(settings.warehouse, create=False))
    except UnposedError:
        champion = None
    if champion is not None:
        found["model"] = {
            "version": champion.model_version,
            "estimator": champion.estimator_id,
            "trained for": champion.run_date.isoformat(),
            "parameters": {k: v for k, v in champion.parameters.items() if k in _KEPT},
        }
    mark = Path(folder or "") / "sample.json"
    if folder and mark.is_file():
        found["catalogue"] = json.loads(mark.read_text(encoding="utf-8"))
    return found


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"
