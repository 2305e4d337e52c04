"""What this process was told of where and how to read; each worker is told anew."""

from __future__ import annotations

from unposed_jobs.config import StorageSettings

ANYWHERE = StorageSettings(roots=("/",), buckets=("*",))
"""Any file and bucket; no host of the web."""


class Process:
    """The settings in force: those of a library's user, until a job tells others."""

    settings = ANYWHERE
