"""What Python processes open, list and connect to: each of their processes writes it to a file."""

from __future__ import annotations

import json
import os
from pathlib import Path

_SITE = """
import json, os, sys

_told = os.open(os.environ["UNPOSED_TEST_OPENED"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)

def _listen(event, arguments):
    if event not in ("open", "os.listdir", "os.scandir", "socket.connect"):
        return
    what = arguments[1] if event == "socket.connect" else arguments[0]
    if not isinstance(what, int):  # What was opened before has a number.
        name = os.fsdecode(what) if isinstance(what, (bytes, os.PathLike)) else str(what)
        os.write(_told, json.dumps([event, name]).encode() + b"\\n")

sys.addaudithook(_listen)
"""


def environment(folder: Path) -> dict[str, str]:
    """What a process needs in its environment to tell."""
    (folder / "sitecustomize.py").write_text(_SITE)
    return {
        "PYTHONPATH": os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")]),
        "UNPOSED_TEST_OPENED": str(folder / "opened"),
    }


def told(folder: Path) -> set[tuple[str, str]]:
    """Each event with its path or address."""
    lines = (folder / "opened").read_text().splitlines()
    return {tuple(json.loads(line)) for line in lines}
