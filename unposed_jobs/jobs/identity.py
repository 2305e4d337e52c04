"""Run ids: a digest of everything that decides a run's rows, so that equal runs are one run."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from datetime import date
from typing import Any


def run_identity(job: str, run_date: date, *parts: Any) -> str:
    """``<job>-<day>-<digest>``; `parts` are settings (dataclasses) or JSON-like values."""
    text = json.dumps([_plain(part) for part in parts], sort_keys=True, default=str)
    return f"{job}-{run_date.isoformat()}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def _plain(part: Any) -> Any:
    if dataclasses.is_dataclass(part) and not isinstance(part, type):
        return dataclasses.asdict(part)
    return part
