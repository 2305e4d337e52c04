"""``python -m unposed_jobs.cli``: the same as the console script."""

import sys

from unposed_jobs.cli import main

sys.exit(main())
