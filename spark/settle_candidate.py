"""Promote or reject the day's waiting candidate, as a person decided.

``spark-submit spark/settle_candidate.py --date 2026-01-05 --decision promote --decided-by
"M. Rossi: seen on its page"``; ``--help`` lists the flags.
"""

import sys

from unposed_jobs.jobs import entry, promote

if __name__ == "__main__":
    sys.exit(
        entry.submit(
            "settle_candidate",
            promote.settle,
            entry.add_decision,
            description=__doc__,
            needs_spark=False,
        )
    )
