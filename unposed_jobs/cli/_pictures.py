"""What the commands on a folder of pictures share: their flags, and a bar while they look."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from unposed_jobs.errors import UnposedError

if TYPE_CHECKING:
    from unposed_jobs.pictures.folder import Looked

PARTS = ("dress", "shoes", "head", "lower_garment", "outer_garment", "upper_garment")


def add_folder(parser: argparse.ArgumentParser, *, out: str = "", optional: bool = False) -> None:
    """The folder, where to write, and what the products are."""
    parser.add_argument(
        "folder",
        type=Path,
        metavar="FOLDER",
        nargs="?" if optional else None,
        help="pictures, or one picture",
    )
    if out:
        parser.add_argument("--out", type=Path, required=True, metavar="DIR", help=out)
    parser.add_argument(
        "--about",
        choices=PARTS,
        metavar="PART",
        help=f"what the products are: {', '.join(PARTS)} (default: by the words of folders' and "
        "files' names)",
    )


def folder_last(arguments: argparse.Namespace, names: list[str]) -> None:
    """Take the folder from the end of a flag's names where it stands there.

    ``unposed ready --for zalando FOLDER``: a flag of several names takes what follows it.
    """
    if arguments.folder is None and len(names) > 1:
        arguments.folder = Path(names.pop())


def looked(arguments: argparse.Namespace, text_in: str) -> Iterator[Looked]:
    """Each picture of the folder with its facts; a bar on standard error where that is a terminal.

    Of an unreadable picture one line goes to standard error. Raises UnposedError without pictures
    or weights.
    """
    from unposed_jobs import config
    from unposed_jobs.pictures import facts, folder

    settings = config.load(arguments.config).pose
    found = folder.pictures(arguments.folder)
    reader = facts.FactsReader(settings, text_in)
    with _bar(len(found)) as advance:
        for one in folder.look(
            found, settings, reader, lambda item: part_of(arguments, item.name), advance
        ):
            if one.error is not None:
                print(f"{one.found.name}: {one.error}", file=sys.stderr)
            yield one


def part_of(arguments: argparse.Namespace, name: str) -> str:
    """What the product of a picture with this name is."""
    from unposed_jobs.pictures import colours

    return arguments.about or colours.part_of(name.replace("_", " ").replace("/", " ").split())


def folder_to_write(path: Path) -> Path:
    """The folder, made. Raises UnposedError where it cannot be."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UnposedError(f"cannot write to {path}: {error.strerror}") from None
    return path


def apart(path: Path, used: set[Path]) -> Path:
    """The path, or with a number where this run has used it: ``a.jpg`` beside ``a.png``."""
    number, free = 1, path
    while free in used:
        number += 1
        free = path.with_stem(f"{path.stem}-{number}")
    used.add(free)
    return free


def write(path: Path, data: bytes) -> None:
    """A file, and its folder. Raises UnposedError where it cannot be written."""
    folder_to_write(path.parent)
    try:
        path.write_bytes(data)
    except OSError as error:
        raise UnposedError(f"cannot write {path}: {error.strerror}") from None


def complain(line: str) -> None:
    """A line on standard error."""
    print(line, file=sys.stderr)


def table(title: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Rows below titles on standard output; wide where that is no terminal."""
    from rich.console import Console
    from rich.table import Table

    console = Console()
    if not console.is_terminal:
        console = Console(width=200)
    shown = Table(*title, box=None, pad_edge=False)
    for row in rows:
        shown.add_row(*row)
    console.print(shown, markup=False)


@contextmanager
def _bar(total: int) -> Iterator[Callable[[], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    console = Console(stderr=True)
    columns = ("looking", BarColumn(), MofNCompleteColumn(), "pictures", TimeRemainingColumn())
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task("looking", total=total)
        yield lambda: bar.advance(task)
