"""Print every setting with its default, or the values in effect.

Without flags: a TOML file of every key with its description, limits, unit and default; a start for
unposed.toml. With --effective: the values that a run here would take, and where each came from: a
file, a shop's layout, an environment variable, or the default.
"""

from __future__ import annotations

import argparse


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's flags."""
    parser.add_argument(
        "--effective", action="store_true", help="the values in effect, each with its origin"
    )


def run(arguments: argparse.Namespace) -> int:
    """Print the settings."""
    from unposed_jobs import config
    from unposed_jobs.config import reference

    found = config.explain(arguments.config) if arguments.effective or arguments.config else None
    text = reference.as_effective(found) if found and arguments.effective else reference.as_toml()
    print(text, end="")
    return 0
