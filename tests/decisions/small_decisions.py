"""A small shot profile, and decisions as the store hands them out."""

import datetime

from unposed_jobs.decisions import Recorded

PROFILE = {
    "rename": [{"ask": 3, "name": "from the file", "reason": "studio"}],
    "waivers": [{"product_id": "A", "pose": 2, "reason": "from the file"}],
}
AT = datetime.datetime(2026, 3, 1, 9, tzinfo=datetime.UTC)


def recorded(*decisions, by="Rossi"):
    return [Recorded(number, one, by, AT) for number, one in enumerate(decisions, start=1)]
