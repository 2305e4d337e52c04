"""The day's missing-pose flags.

``spark-submit spark/audit_products.py --date 2026-01-05``; ``--help`` lists the flags.
"""

import sys

from unposed_jobs.jobs import audit, entry

if __name__ == "__main__":
    sys.exit(
        entry.submit("audit_products", audit.run, entry.add_accept_changes, description=__doc__)
    )
