"""The states of what is asked of a product, as the audit holds them before they become rows."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from unposed_jobs.remedies.choosing import Remedies


class State(IntEnum):
    """Of one ask of one product; the names in lower case are those of the table."""

    PRESENT = 0
    MISSING = 1
    NOT_APPLICABLE = 2
    WAIVED = 3
    UNKNOWN = 4


class Cause(IntEnum):
    """Why a product is unassessable."""

    NONE = 0
    NO_COHORT = 1
    NOTHING_EXPECTED = 2
    NONE_USABLE = 3
    TOO_UNCLEAR = 4


@dataclass(frozen=True)
class AuditRun:
    """What stamps each row."""

    run_date: datetime.date
    run_id: str
    model_version: str
    carry: tuple[str, ...] = ()
    """What the values in the products' column `carried` are called."""


@dataclass(frozen=True)
class Assessment:
    """What was found out about n products and A asks."""

    state: npt.NDArray[np.int8]
    """(n, A) of State."""
    confidence: npt.NDArray[np.float32]
    """(n, A) in [0, 1], of the state."""
    cause: npt.NDArray[np.int8]
    """(n,) of Cause."""
    expected: npt.NDArray[np.bool_]
    """(n, A) the product ought to show the ask."""
    evidence: npt.NDArray[np.int64]
    """(n, A) row of the picture that fills the ask, -1 where none does."""
    waiver: npt.NDArray[np.int64]
    """(n, A) which of the profile's waivers waives the ask, -1 for none."""
    rank: npt.NDArray[np.int32]
    """(n, A) 1 for the missing ask that matters most; 0 where the ask is not missing."""
    confirmation: npt.NDArray[np.int64]
    """(n, A) which of the profile's confirmations says that the ask is shown, -1 for none."""
    remedies: Remedies | None = None
    """What closes each gap: by what the product has, or a new picture."""
