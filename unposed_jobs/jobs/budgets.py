"""What an extraction may lose before it is refused: a bound for each way of losing a picture."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from unposed_jobs.config import ExtractionSettings, Settings
from unposed_jobs.errors import ErrorBudgetExceededError

if TYPE_CHECKING:
    from unposed_jobs.jobs.extraction_figures import Compared, Extracted

FEW = 5
"""So many pictures are never too many, unless they are more than half of all."""
EXAMPLES = 3
"""Addresses, with their reasons, in a message."""


@dataclass(frozen=True)
class Bound:
    """A setting of ``[extraction]``, and what counts against it."""

    setting: str
    statuses: tuple[str, ...]
    """Of the table `images`."""
    what: str
    remedy: str


UNDECODABLE = Bound(
    "max_undecodable",
    ("not_a_picture",),
    "cannot be read, as they cannot be decoded",
    "Mend the source; landmarks.error has the reason of each",
)
BOUNDS = (
    Bound(
        "max_unreachable",
        ("unreachable", "timeout", "server_error", "rate_limited"),
        "cannot be read, as they could not be reached",
        "Is the storage up? Then run it again",
    ),
    Bound(
        "max_missing",
        ("missing", "gone", "forbidden"),
        "cannot be read, as they are not there or may not be read",
        "Are the addresses right, and the pictures uploaded?",
    ),
    Bound(
        "max_too_large",
        ("too_large",),
        "cannot be read, as they are too large",
        "[pose] max_bytes is the limit",
    ),
    UNDECODABLE,
    Bound(
        "max_refused",
        ("refused",),
        "have addresses that are never opened",
        "Mend them, or allow their places in [storage]",
    ),
)
_NO_ROW = Bound(
    "max_missing",
    ("missing",),
    "have no row in [catalogue] landmarks",
    "Are image_uri there and in the images source the same addresses?",
)


def fingerprinted(
    compared: Compared, settings: Settings, examples: Callable[[tuple[str, ...]], list[str]]
) -> None:
    """Hold the listed pictures to their bounds; `examples` names some of given statuses.

    Raises ErrorBudgetExceededError.
    """
    table = bool(settings.catalogue.landmarks)
    for bound in (_NO_ROW if table and b.setting == "max_missing" else b for b in BOUNDS):
        counts = {
            name: compared.statuses[name] for name in bound.statuses if compared.statuses.get(name)
        }
        count, share = sum(counts.values()), getattr(settings.extraction, bound.setting)
        if exceeded(count, compared.pictures, share):
            by_status = ", ".join(f"{name} {n}" for name, n in counts.items()).replace("_", " ")
            head = f"{count} of {compared.pictures} pictures {bound.what} ({by_status})"
            raise _refusal(bound, head, share, "kept", examples(bound.statuses))


def decoded(
    compared: Compared, done: Extracted, settings: Settings, examples: Callable[[], list[str]]
) -> None:
    """Hold to its bound what was there and could not be decoded, on this night or before.

    Raises ErrorBudgetExceededError.
    """
    share = settings.extraction.max_undecodable
    count = done.unreadable_pictures + compared.statuses.get("not_a_picture", 0)
    if exceeded(count, compared.pictures, share):
        errors = done.measured.errors if done.measured else {}
        by_error = ", ".join(f"{name} {n}" for name, n in errors.items())
        head = f"{count} of {compared.pictures} pictures {UNDECODABLE.what}"
        head += f" ({by_error})" if by_error else ""
        raise _refusal(UNDECODABLE, head, share, "published", examples())


def extracted(done: Extracted, settings: ExtractionSettings, examples: list[str]) -> None:
    """Hold to its bound what was lost between comparing and extracting; what was extracted is kept.

    Raises ErrorBudgetExceededError.
    """
    lost, total = done.lost, done.to_extract
    if exceeded(lost, total, settings.max_lost):
        raise ErrorBudgetExceededError(
            f"{lost} of {total} pictures to extract were lost since they were compared, more than "
            f"[extraction] max_lost = {settings.max_lost:g}; {done.extracted} are kept. Is the "
            f"storage up? Then run it again: it continues with the rest{_such(examples)}"
        )


def exceeded(count: int, of: int, share: float) -> bool:
    """Whether so many of so many are too many."""
    return count > max(share * of, min(FEW, of / 2))


def _refusal(
    bound: Bound, head: str, share: float, nothing: str, examples: list[str]
) -> ErrorBudgetExceededError:
    return ErrorBudgetExceededError(
        f"{head}, more than [extraction] {bound.setting} = {share:g}; nothing was {nothing}. "
        f"{bound.remedy}{_such(examples)}"
    )


def _such(examples: list[str]) -> str:
    return f". Such as: {'; '.join(examples)}" if examples else ""


class Night:
    """When a run has to end, for all its processes; the next one goes on with what is left."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._until = time.time() + seconds if seconds else float("inf")

    def check(self) -> None:
        """Raise ErrorBudgetExceededError where the time is over."""
        if time.time() > self._until:
            raise ErrorBudgetExceededError(
                f"the time of the night is over ([extraction] night_seconds = {self.seconds:g}); "
                "what was committed is kept. Run it again: it continues with the rest"
            )
