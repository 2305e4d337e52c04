# PYTHON_ARGCOMPLETE_OK: shells look for this word.
"""The ``unposed`` command: one module for each command, found by name.

A command module has a docstring (its help), ``configure(parser)`` and ``run(arguments)``.
"""

from __future__ import annotations

import argparse
import importlib
import logging
import os
import pkgutil
import sys
import textwrap
import traceback
from collections.abc import Sequence

from unposed_jobs import __version__, machine
from unposed_jobs.arguments import Parser, add_config
from unposed_jobs.errors import UnposedError

INTERRUPTED = 130
"""The exit status of what Ctrl-C ended, as shells have it."""


class Paragraphs(argparse.HelpFormatter):
    """Fits paragraphs to the terminal; those with indented lines, examples, stay as they are."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        parts = text.strip("\n").split("\n\n")
        return "\n\n".join(
            part if "\n " in part else textwrap.fill(" ".join(part.split()), width)
            for part in parts
        )


def build_parser() -> argparse.ArgumentParser:
    """The whole command line; each command module adds its own flags."""
    parser = Parser(
        prog="unposed", description="Finds the poses that are missing from each product's pictures."
    )
    parser.add_argument("--version", action="version", version=f"unposed {__version__}")
    parser.set_defaults(config=None, verbose=False, quiet=False)
    _add_logging(parser)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    for module in sorted(pkgutil.iter_modules(__path__), key=lambda item: item.name):
        if module.name.startswith("_"):
            continue
        command = importlib.import_module(f"{__name__}.{module.name}")
        summary, _, rest = (command.__doc__ or "").partition("\n")
        child = commands.add_parser(
            module.name.replace("_", "-"),
            help=summary.rstrip("."),
            description=f"{summary}\n{rest}",
            formatter_class=Paragraphs,
        )
        command.configure(child)
        _add_common(child)
        child.set_defaults(run=command.run)
    return parser


def _add_common(parser: argparse.ArgumentParser) -> None:
    """What every command takes, also behind its action: ``unposed warehouse maintain -v``."""
    if "--config" not in parser._option_string_actions:
        add_config(parser)
    _add_logging(parser)
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for child in action.choices.values():
                _add_common(child)


def _add_logging(parser: argparse.ArgumentParser) -> None:
    # Without defaults, lest one of them undo what was given before.
    parser.add_argument(
        "-v",
        "--verbose",
        action="store_true",
        default=argparse.SUPPRESS,
        help="log more, and show where a fault came from",
    )
    parser.add_argument(
        "-q",
        "--quiet",
        action="store_true",
        default=argparse.SUPPRESS,
        help="log errors only",
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; a user's mistake ends as one line on standard error."""
    parser = build_parser()
    if "_ARGCOMPLETE" in os.environ:
        import argcomplete

        argcomplete.autocomplete(parser)
    arguments = parser.parse_args(argv)
    if arguments.command is None:
        parser.print_help()
        return 0
    level = logging.ERROR if arguments.quiet else logging.WARNING
    logging.basicConfig(
        level=logging.INFO if arguments.verbose else level,
        format="%(levelname)s %(name)s: %(message)s",
    )
    try:
        with machine.errors():
            return arguments.run(arguments) or 0
    except UnposedError as error:
        if arguments.verbose:
            traceback.print_exc()
        print(f"unposed: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("unposed: interrupted; what was committed stays, run it again", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        return 0
