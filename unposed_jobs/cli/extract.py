"""Find the landmarks of the day's new and changed pictures.

Pictures whose etag, size and date are known are not read; contents that the estimator has seen
are not extracted again. Every picture gets a status in the tables `images` and `landmarks`.
What readable ones are like is kept in `picture_facts` and `picture_crops` ([facts] nightly).
"""

from __future__ import annotations

import argparse

from unposed_jobs.jobs import entry


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's flags."""
    entry.configure(parser)
    entry.add_limit(parser)
    entry.add_scope(parser)
    entry.add_shard(parser)


def run(arguments: argparse.Namespace) -> None:
    """Run the extraction job on this machine."""
    entry.local("extract", "facts", arguments=arguments)
