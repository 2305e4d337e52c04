"""What pictures are worth, from the days that are published.

``spark-submit spark/estimate_influence.py --date 2026-01-05``; ``--help`` lists the flags.
"""

import sys

from unposed_jobs.jobs import entry, influence

if __name__ == "__main__":
    sys.exit(entry.submit("estimate_influence", influence.run, description=__doc__))
