"""Facts of the day's pictures that have landmarks and no facts yet.

``spark-submit spark/read_facts.py --date 2026-01-05``; ``--help`` lists the flags.
"""

import sys

from unposed_jobs.jobs import entry, facts

if __name__ == "__main__":
    sys.exit(entry.submit("read_facts", facts.run, description=__doc__))
