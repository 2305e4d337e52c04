"""The command line of commands and of Spark entry points: a parser and the types of its flags."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from rich.console import Console


class Parser(argparse.ArgumentParser):
    """Reports a mistake in one line that begins with ``unposed:``, like every other error."""

    def error(self, message: str) -> NoReturn:
        """Print the mistake and where help is; exit with status 2."""
        print(f"unposed: {message}; see: {self.prog} --help", file=sys.stderr)
        sys.exit(2)


def day(text: str) -> date:
    """A day as YYYY-MM-DD."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a day like 2026-01-31") from None


def reason(text: str) -> str:
    """Who does something unusual and why; not empty."""
    if not text.strip():
        raise argparse.ArgumentTypeError("say who wants it and why")
    return text.strip()


def positive(text: str) -> int:
    """A whole number from 1 up."""
    if not (text.isascii() and text.isdigit()) or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 up")
    return int(text)


def add_config(parser: argparse.ArgumentParser) -> None:
    """The flag that names the settings' file."""
    parser.add_argument(
        "--config",
        metavar="FILE",
        default=argparse.SUPPRESS,
        help="settings (default: ./unposed.toml)",
    )


def add_format(parser: argparse.ArgumentParser, note: str) -> None:
    """The flag of commands that print rows."""
    parser.add_argument("--format", choices=("table", "csv", "json"), default="table", help=note)


def console_of_stdout() -> Console:
    """Where tables are printed: as wide as the terminal; into a pipe, nothing is cut."""
    from rich.console import Console

    return Console() if sys.stdout.isatty() else Console(width=10_000)


def renamed(
    parser: argparse.ArgumentParser,
    old: str,
    new: str,
    *,
    dest: str,
    value: Any = None,
    type: Callable[[str], Any] = str,
) -> None:
    """Keep a flag's old name: it warns, and sets what the new one sets.

    With `value` the old flag takes no argument and stands for that value.
    """

    class Renamed(argparse.Action):
        def __call__(self, parser: Any, namespace: Any, given: Any, flag: Any = None) -> None:
            print(f"unposed: {old} is now {new}", file=sys.stderr)
            setattr(namespace, self.dest, given if value is None else value)

    parser.add_argument(
        old,
        action=Renamed,
        dest=dest,
        nargs=None if value is None else 0,
        type=type,
        default=argparse.SUPPRESS,
        help=argparse.SUPPRESS,
    )
