"""The command line of commands and of Spark entry points: a parser and the types of its flags."""

from __future__ import annotations

import argparse
import sys
from datetime import date
from typing import NoReturn


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
