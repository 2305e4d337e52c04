"""Estimate what pictures are worth.

From the published days: which pictures go with more ratings or sales among like products of the
last day (an association), and how much more products changed after a new picture closed a gap than
products whose gap stayed open (called an effect only where every check holds). Writes the table
`influence`; docs/influence.md says how to read it.

examples:
  unposed influence
  unposed query "SELECT says FROM influence_current WHERE claim <> 'refused'"
  unposed query "SELECT product_id, ask_name, worth, claim FROM worth_of_gaps
                 ORDER BY worth DESC NULLS LAST LIMIT 20"
"""

from __future__ import annotations

import argparse

from unposed_jobs.jobs import entry


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's flags."""
    entry.configure(parser)


def run(arguments: argparse.Namespace) -> None:
    """Run the job on this machine."""
    entry.local("influence", arguments=arguments)
