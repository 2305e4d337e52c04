"""The one kind of error a user is meant to read."""


class UnposedError(Exception):
    """A user's mistake or a refused run, told in one line with its remedy.

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
