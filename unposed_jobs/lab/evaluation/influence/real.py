"""Real listings as they are: what each named view goes with, among some hundred products.

No truth is known, nothing is claimed: the point is what the method dares to say on so few.
"""

from __future__ import annotations

from pathlib import Path

from unposed_jobs.influence import wording
from unposed_jobs.lab.evaluation import listings, worth

there = listings.there


def said(folder: str | Path) -> list[str]:
    """A sentence for each view and outcome, the reviews first."""
    read = listings.load(folder)
    return [
        wording.sentence(one, settings.outcome, settings.scale == "log")
        for settings in (worth.REVIEWS, worth.RATING)
        for one in worth.estimates(read, settings)
    ]
