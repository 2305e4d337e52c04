"""The one kind of error a user is meant to read."""


class UnposedError(Exception):
    """A user's mistake or a refused run: one line with its remedy.

    Commands and Spark jobs print it as ``unposed: <message>`` and exit with `exit_code`,
    without a stack trace. Anything else that is raised is a defect of ours.
    """

    exit_code = 2
    recorded = False
    """Whether the table `runs` has the refusal already."""


class ErrorBudgetExceededError(UnposedError):
    """More rows or pictures failed than the configured share allows; nothing was published."""

    exit_code = 3


class CheckFailedError(UnposedError):
    """A check on staged rows failed; nothing was published."""

    exit_code = 4


class MachineError(UnposedError):
    """Disk, storage, database or a worker failed; nothing was published. Another try may pass."""

    exit_code = 6


class NothingToDoError(UnposedError):
    """The day has no data: neither a success nor a failure, and schedulers skip it."""

    exit_code = 99
