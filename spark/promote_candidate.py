"""Make the day's candidate the champion, reject it, or leave it to a person.

``spark-submit spark/promote_candidate.py --date 2026-01-05``; ``--help`` lists the flags.
"""

import sys

from unposed_jobs.jobs import entry, promote

if __name__ == "__main__":
    sys.exit(
        entry.submit(
            "promote_candidate",
            promote.run,
            entry.add_promote_anyway,
            entry.add_ask,
            description=__doc__,
        )
    )
