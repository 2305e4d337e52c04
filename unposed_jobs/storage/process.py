"""Where and how this process may read; each worker configures itself."""

from __future__ import annotations

from unposed_jobs.config import StorageSettings

ANYWHERE = StorageSettings(roots=("/",), buckets=("*",))
"""Any file and bucket; no host of the web."""


class Process:
    """The settings in force: those of a library's user, until a job configures others."""

    settings = ANYWHERE
