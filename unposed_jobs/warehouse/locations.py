"""Where a location is: on this machine or not. Light: queries start with it."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit


def local_path(location: str) -> str | None:
    """The absolute local path of a plain or ``file://`` location; None where it is remote."""
    if urlsplit(location).scheme == "file":
        return str(Path(location.removeprefix("file://")).absolute())
    return None if "://" in location else str(Path(location).absolute())
