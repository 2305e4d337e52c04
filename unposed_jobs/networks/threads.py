"""How many threads a network has on the CPU: known without the network's library."""

from __future__ import annotations

import os


def threads() -> int:
    """Threads for one engine on the CPU."""
    try:
        return max(1, int(os.environ["OMP_NUM_THREADS"]))
    except (KeyError, ValueError):
        return 1
