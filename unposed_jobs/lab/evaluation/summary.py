"""All results of one evaluation, and their form as JSON, for the model card."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from unposed_jobs.lab.evaluation.protocols import Result


@dataclass(frozen=True)
class Mistake:
    """A picture that was judged wrong, in how many of the repeats, and how sure the mistake was."""

    image: str
    truth: str
    predicted: str
    share: float
    confidence: float | None = None


@dataclass(frozen=True)
class Entry:
    """One result: on which data, by which method, and the worst mistakes where it has any.

    `group` is the part of the data that was judged, such as a cohort; "" for all of it.
    """

    data: str
    method: str
    result: Result
    mistakes: tuple[Mistake, ...] = field(default_factory=tuple)
    group: str = ""


def worst_mistakes(
    images: Any, truth: Any, predicted: Any, limit: int = 25, confidence: Any = None
) -> tuple[Mistake, ...]:
    """The pictures that are wrong over (R, N) predictions, the surest mistakes first.

    `images`, `truth` and `confidence` (N,); those that are wrong more often come first where
    there is no confidence, or equal ones, then ties by address. The commonest wrong label is named.
    """
    names = [str(image) for image in images]
    true, guess = np.asarray(truth), np.atleast_2d(np.asarray(predicted))
    wrong = (guess != true).mean(axis=0)
    sure = np.zeros(len(true)) if confidence is None else np.asarray(confidence, dtype=float)
    order = sorted(np.flatnonzero(wrong > 0), key=lambda row: (-sure[row], -wrong[row], names[row]))
    found = []
    for row in order[:limit]:
        values, counts = np.unique(guess[guess[:, row] != true[row], row], return_counts=True)
        label = str(values[counts.argmax()])
        stated = None if confidence is None else float(sure[row])
        found.append(Mistake(names[row], str(true[row]), label, float(wrong[row]), stated))
    return tuple(found)


def as_json(entries: Iterable[Entry], **facts: Any) -> dict[str, Any]:
    """Everything as plain values; what is not defined (nan) becomes null."""
    return _plain({**facts, "results": [asdict(entry) for entry in entries]})


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value
