"""The picture gallery of the day.

``spark-submit spark/build_gallery.py --date 2026-01-05``; ``--help`` lists the flags.
"""

import sys

from unposed_jobs.jobs import entry, gallery

if __name__ == "__main__":
    sys.exit(entry.submit("build_gallery", gallery.run, description=__doc__, needs_spark=False))
