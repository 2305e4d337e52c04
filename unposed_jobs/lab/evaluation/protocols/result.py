"""What every protocol returns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from unposed_jobs.lab.evaluation.bootstrap import Interval

RANDOM = "random labeller"
CONSTANT = "constant labeller"


@dataclass(frozen=True)
class Result:
    """What one protocol found: figures, the same figures of its baselines, and the sample size.

    `confusion` is (L, L + 1): rows `labels`, the last column "no label"; a mean over repeats.
    `details`: tables beside the figures, each a list of rows, by title.
    """

    protocol: str
    figures: dict[str, Interval]
    baselines: dict[str, dict[str, Interval]]
    pictures: int
    products: int
    labels: tuple[str, ...] = ()
    confusion: npt.NDArray[np.float64] | None = None
    notes: tuple[str, ...] = ()
    details: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
