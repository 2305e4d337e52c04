"""A folder that is as it was after a test has written into it."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4


def link(source: str, copy: str) -> None:
    """Copy a file of a warehouse: but for the database, none is changed once it is written."""
    (shutil.copy2 if ".db" in Path(source).name else os.link)(source, copy)


@contextlib.contextmanager
def kept(folder: Path, copy: Callable[[str, str], object] = shutil.copy2) -> Iterator[None]:
    """Afterwards the folder is as it was. What was opened within must not be used after."""
    before = folder.with_name(f"{folder.name}-{uuid4().hex}")
    shutil.copytree(folder, before, copy_function=copy)
    try:
        yield
    finally:
        shutil.rmtree(folder)
        before.rename(folder)
