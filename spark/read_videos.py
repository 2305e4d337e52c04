"""The best frames of the day's new and changed videos.

``spark-submit spark/read_videos.py --date 2026-01-05``; ``--help`` lists the flags.
"""

import sys

from unposed_jobs.jobs import entry, videos

if __name__ == "__main__":
    sys.exit(entry.submit("read_videos", videos.run, entry.add_limit, description=__doc__))
