"""Write the day's missing-pose flags.

Extracts the day's new and changed pictures, with their facts, then compares every product with its
cohort's poses and publishes the day in `pose_flags` and `product_audit`, whole or not at all. What
the checks before that found is in `check_results`.
"""

from __future__ import annotations

import argparse

from unposed_jobs.jobs import entry


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's flags."""
    entry.configure(parser)
    entry.add_limit(parser)
    entry.add_accept_changes(parser)
    parser.add_argument(
        "--skip-extract", action="store_true", help="audit with the landmarks that are there"
    )


def run(arguments: argparse.Namespace) -> None:
    """Run the jobs of the nightly audit on this machine."""
    entry.local(
        *(["audit"] if arguments.skip_extract else ["extract", "facts", "audit"]),
        arguments=arguments,
    )
