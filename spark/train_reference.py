"""The week's candidate model from the reference products.

``spark-submit spark/train_reference.py --date 2026-01-05``; ``--help`` lists the flags.
"""

import sys

from unposed_jobs.jobs import entry, train

if __name__ == "__main__":
    sys.exit(entry.submit("train_reference", train.run, description=__doc__))
