"""Whether the last published day is young enough.

``spark-submit spark/check_freshness.py --max-age 36h``; ``--help`` lists the flags.
"""

import sys

from unposed_jobs.jobs import entry, freshness

if __name__ == "__main__":
    sys.exit(
        entry.submit(
            "check_freshness",
            freshness.run,
            entry.add_max_age,
            description=__doc__,
            needs_spark=False,
        )
    )
