"""Requests that may fail and pass: tried again after a growing, random pause, for a bounded time.

One rule for object stores and hosts of the web. Who does not answer at all is tried twice, since
each such try lasts as long as a request may, and after many in a row left alone for a while
(`pacing.Patience`), so that a lost store ends a night by its budget and not by its timeouts.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import tenacity

from unposed_jobs.storage import pacing
from unposed_jobs.storage.addresses import StorageError, shown

PAUSE, MOST_PAUSE = 0.25, 8.0
"""Seconds: the longest random pause before a second try, which doubles, and its end."""
SILENT_ATTEMPTS = 2
"""Tries where nothing answers at all."""

_Found = TypeVar("_Found")


class Passing(Exception):  # noqa: N818 - a reason to try again, not a defect
    """A failure that may pass. `pause`: what the other side asks for, in seconds; `silent`: it did
    not answer at all.
    """

    def __init__(
        self, error: StorageError, *, pause: float | None = None, silent: bool = False
    ) -> None:
        super().__init__(str(error))
        self.error = error
        self.pause = pause
        self.silent = silent


class Time:
    """What is left of an object's time, without that spent waiting for one's turn."""

    def __init__(self, seconds: float) -> None:
        self._until = time.monotonic() + seconds

    def left(self) -> float:
        """Seconds; a little at least, since zero means for ever to sockets."""
        return max(0.01, self._until - time.monotonic())

    def over(self) -> bool:
        """Whether nothing is left."""
        return time.monotonic() >= self._until

    @contextlib.contextmanager
    def stopped(self) -> Iterator[None]:
        """What happens within takes no time."""
        start = time.monotonic()
        try:
            yield
        finally:
            self._until += time.monotonic() - start


@dataclass(frozen=True)
class Tries:
    """How often and how long one object is asked for, of which place."""

    patience: pacing.Patience
    place: str
    """What answers or does not: host and port, or store and bucket."""
    attempts: int
    seconds: float
    """For all tries together."""
    hold: Callable[[float], None] = lambda seconds: None
    """Called with each pause that the other side asks for."""

    def __call__(self, uri: str, ask: Callable[[Time], _Found]) -> _Found:
        """What `ask` returns, which raises `Passing` for what is worth another try, and is given
        the time in which to end.

        Raises StorageError.
        """
        left = Time(self.seconds)

        def once() -> _Found:
            if self.patience.tired(self.place):
                raise StorageError(
                    "unreachable", f"{shown(uri)}: {self.place} has not answered for a while"
                )
            try:
                found = ask(left)
            except Passing as failure:
                self.patience.saw(self.place, answered=not failure.silent)
                raise
            except StorageError:
                self.patience.saw(self.place, answered=True)
                raise
            self.patience.saw(self.place, answered=True)
            return found

        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(Passing),
            stop=lambda state: self._enough(state) or state.upcoming_sleep >= left.left(),
            wait=self._pause,
            reraise=True,
        )
        try:
            return retrying(once)
        except Passing as failure:
            raise failure.error from None

    def _enough(self, state: tenacity.RetryCallState) -> bool:
        failure = _failure(state)
        attempts = min(self.attempts, SILENT_ATTEMPTS) if failure.silent else self.attempts
        asked = failure.pause or 0.0
        return state.attempt_number >= attempts or asked > pacing.LONGEST_PAUSE

    def _pause(self, state: tenacity.RetryCallState) -> float:
        asked = _failure(state).pause
        if asked is None:
            growing: Any = tenacity.wait_random_exponential(2 * PAUSE, MOST_PAUSE)
            return float(growing(state))
        # Whoever asks next waits as well; not all of them to the same moment.
        self.hold(asked)
        return asked + float(tenacity.wait_random(0.0, PAUSE)(state))


def _failure(state: tenacity.RetryCallState) -> Passing:
    error = state.outcome.exception() if state.outcome is not None else None
    assert isinstance(error, Passing)  # Nothing else is tried again.
    return error
