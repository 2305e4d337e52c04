"""The warehouse's upkeep: small files, old snapshots and metadata, orphans, retired bundles.

``spark-submit spark/maintain_warehouse.py --date 2026-01-05``; ``--help`` lists the flags.
"""

import sys

from unposed_jobs.jobs import entry, maintain

if __name__ == "__main__":
    sys.exit(
        entry.submit(
            "maintain_warehouse",
            maintain.run,
            entry.add_keep_days,
            description=__doc__,
            needs_spark=False,
        )
    )
