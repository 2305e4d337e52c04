"""Where state and downloads lie: the folders that ``{home}`` and ``{cache}`` stand for."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any


def home() -> Path:
    """The state folder: ``$UNPOSED_HOME``, else ``./var``; absolute."""
    return Path(os.environ.get("UNPOSED_HOME", "var")).absolute()


def cache() -> Path:
    """The folder of downloads that outlive a state folder: ``$UNPOSED_CACHE``, else XDG's."""
    default = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "unposed"
    return Path(os.environ.get("UNPOSED_CACHE", default)).absolute()


def expand(value: Any) -> Any:
    """Put the folders into a text, or into the texts of a table."""
    if isinstance(value, str):
        return value.replace("{home}", str(home())).replace("{cache}", str(cache()))
    if isinstance(value, dict):
        return {key: expand(item) for key, item in value.items()}
    return value


def named_in(value: Any) -> list[str]:
    """The variables that set the folders which a text or table names."""
    variables = {"{home}": ("UNPOSED_HOME",), "{cache}": ("UNPOSED_CACHE", "XDG_CACHE_HOME")}
    found = []
    for folder, names in variables.items():
        chosen = next((name for name in names if name in os.environ), None)
        if chosen and folder in str(value):
            found.append(f"{folder} from {chosen}")
    return found
