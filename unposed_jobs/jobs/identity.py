"""Run ids: a digest of everything that decides a run's rows, so that equal runs are one run."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from datetime import date
from typing import Any


def run_identity(job: str, run_date: date, *parts: Any) -> str:
    """``<job>-<day>-<digest>``; `parts` are settings (dataclasses) or JSON-like values."""
    plain = [dataclasses.asdict(part) if dataclasses.is_dataclass(part) else part for part in parts]
    text = json.dumps(plain, sort_keys=True, default=str)
    return f"{job}-{run_date.isoformat()}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"
