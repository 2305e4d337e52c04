"""Landmarks of the day's new and changed pictures.

``spark-submit spark/extract_landmarks.py --date 2026-01-05``; ``--help`` lists the flags.
"""

import sys

from unposed_jobs.jobs import entry, extract

if __name__ == "__main__":
    sys.exit(
        entry.submit(
            "extract_landmarks",
            extract.run,
            entry.add_limit,
            entry.add_scope,
            entry.add_shard,
            description=__doc__,
        )
    )
