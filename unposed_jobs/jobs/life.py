"""The life of a run, the same for every job: opened, then published, dry, refused or failed.

Whatever becomes of it, the run leaves one row in the table `runs`, with what it had found out by
then. A job adds what it knows as it goes; nothing else writes that row.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from unposed_jobs import machine
from unposed_jobs.distributed.session import user_errors
from unposed_jobs.errors import MachineError, NothingToDoError, UnposedError
from unposed_jobs.sql import views
from unposed_jobs.warehouse import RunRecord, Warehouse

if TYPE_CHECKING:
    from unposed_jobs.config import Settings
    from unposed_jobs.jobs.entry import Run
    from unposed_jobs.warehouse.publishing import Seen, Staged
    from unposed_jobs.warehouse.runs import State

_log = logging.getLogger(__name__)
_ERROR_LENGTH = 500


@dataclass
class Life:
    """One run while it lasts: its warehouse, and what its row of `runs` will say."""

    job: str
    run: Run
    warehouse: Warehouse
    started_at: datetime
    run_id: str = ""
    """To be set as soon as it is known: what ends later is an attempt of that run."""
    model_version: str | None = None
    rows: dict[str, int] = field(default_factory=dict)
    """Rows written, by table."""
    figures: dict[str, Any] = field(default_factory=dict)
    """Figures by name; `rejected` are the source rows that were set aside, by source and reason."""
    snapshots: dict[str, int] = field(default_factory=dict)
    """Iceberg snapshot ids, by table."""
    recorded: bool = False
    """Whether the row is written; set by what writes it."""

    def record(self, state: State, error: str | None = None) -> RunRecord:
        """The row of `runs` as of now."""
        return RunRecord(
            run_id=self.run_id,
            job=self.job,
            run_date=self.run.run_date,
            state=state,
            model_version=self.model_version,
            started_at=self.started_at,
            rows=self.rows,
            figures=self.figures,
            snapshots=self.snapshots,
            error=error,
        )

    def publish_day(self, seen: Seen, staged: Staged) -> None:
        """Publish the day's staged rows and the row of `runs` in one commit.

        Raises ConflictError where another run of the day was published since `seen`.
        """
        self.warehouse.publish_day(seen, self.record("published"), staged)
        self.recorded = True

    def finish(self, renew_views: bool) -> None:
        """Write the row, where `publish_day` did not, and the analysts' views."""
        if not self.recorded:
            state: State = "dry_run" if self.run.dry_run else "published"
            self.warehouse.record_run(self.record(state))
            self.recorded = True
        if renew_views and not self.run.dry_run:
            views.publish(self.warehouse)


@contextlib.contextmanager
def begin(
    job: str, settings: Settings, run: Run, *, create: bool = True, renew_views: bool = True
) -> Iterator[Life]:
    """Open the warehouse (made where it is absent, unless `create` is false) for one run.

    At its end the run is recorded as published, or as dry_run. Where an error ends it, it is
    recorded with that error's line and what is known by then: as skipped (NothingToDoError), as
    refused (any other UnposedError: a user's mistake, a budget, a check, a conflict) or as failed
    (the machine, an interruption, a defect). In all cases but of a dry run the analysts' views are
    made anew, unless `renew_views` is false. The error is raised; errors of disk, database and
    workers as MachineError.
    """
    attempt = _Attempt(job, settings, run, renew_views)
    with attempt.recording_failure():
        life = attempt.open(create)
        yield life
        life.finish(renew_views)


@contextlib.contextmanager
def before(job: str, settings: Settings, run: Run) -> Iterator[None]:
    """Record what ends a run before its job begins: a session that does not start."""
    with _Attempt(job, settings, run, renew_views=True).recording_failure():
        yield


class _Attempt:
    """A run that may not have begun yet."""

    def __init__(self, job: str, settings: Settings, run: Run, renew_views: bool) -> None:
        self.job, self.settings, self.run = job, settings, run
        self.renew_views = renew_views and not run.dry_run
        self.started = datetime.now(UTC)
        self.life: Life | None = None

    def open(self, create: bool) -> Life:
        warehouse = Warehouse.open(self.settings.warehouse, create)
        self.life = Life(self.job, self.run, warehouse, self.started)
        return self.life

    @contextlib.contextmanager
    def recording_failure(self) -> Iterator[None]:
        try:
            with machine.errors(), user_errors():
                yield
        except BaseException as error:
            if not getattr(error, "recorded", False):
                try:
                    self._record(error)
                except Exception as second:  # The first error is the one to raise.
                    _log.info("the run could not be recorded: %s", _line(second))
            raise

    def _record(self, error: BaseException) -> None:
        life = self.life or self.open(create=False)
        if not life.run_id or life.recorded:  # An id of its own: what is published stays so.
            life.run_id = f"{self.job}-{self.run.run_date}-{self.started:%Y%m%dT%H%M%S%f}"
        life.warehouse.record_run(life.record(_state(error), _line(error)))
        error.recorded = True  # type: ignore[attr-defined]
        if self.renew_views:  # Whoever looks for the reason asks `runs` and `check_results`.
            views.publish(life.warehouse)


def _state(error: BaseException) -> State:
    if isinstance(error, NothingToDoError):
        return "skipped"
    known = isinstance(error, UnposedError) and not isinstance(error, MachineError)
    return "refused" if known else "failed"


def _line(error: BaseException) -> str:
    """The error in one line of bounded length."""
    text = str(error).strip().splitlines()
    kind = "" if isinstance(error, UnposedError) else f"{type(error).__name__}: "
    return f"{kind}{text[0] if text else 'no message'}"[:_ERROR_LENGTH]
