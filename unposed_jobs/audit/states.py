"""The states of a product's poses, as the audit holds them before they become rows."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt


class State(IntEnum):
    """Of one pose of one product; the names in lower case are those of the table."""

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
    UNDECIDED = 5


@dataclass(frozen=True)
class AuditRun:
    """What stamps each row."""

    run_date: datetime.date
    run_id: str
    model_version: str


@dataclass(frozen=True)
class Assessment:
    """What was found out about n products and P poses."""

    state: npt.NDArray[np.int8]
    """(n, P) of State."""
    confidence: npt.NDArray[np.float32]
    """(n, P) in [0, 1], of the state."""
    cause: npt.NDArray[np.int8]
    """(n,) of Cause."""
    expected: npt.NDArray[np.bool_]
    """(n, P) the product ought to show the pose."""
    evidence: npt.NDArray[np.int64]
    """(n, P) row of the picture that shows the pose, -1 where none does."""
    rank: npt.NDArray[np.int32]
    """(n, P) 1 for the missing pose that matters most; 0 where the pose is not missing."""
