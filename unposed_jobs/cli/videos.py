"""Read the day's new and changed videos: the best frame of each angle, and what they show.

A video whose content has been read is not decoded again. Every video gets a status in the table
`video_coverage`, its frames are in `video_frames`.
"""

from __future__ import annotations

import argparse

from unposed_jobs.jobs import entry


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's flags."""
    entry.configure(parser)
    entry.add_limit(parser)


def run(arguments: argparse.Namespace) -> None:
    """Run the job on this machine."""
    entry.local("videos", arguments=arguments)
