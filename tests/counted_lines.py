"""Lines of the product that the tests run, as SlipCover counts them.

As a command, `counted_lines.py FILE LEAST`: prints each room's share from SlipCover's JSON file,
and fails where fewer than LEAST per cent of all lines ran. What runs in Spark's workers and in
other processes is not counted.
"""

from __future__ import annotations

import copyreg
import json
import sys
from collections import Counter, defaultdict
from pathlib import Path
from types import SimpleNamespace

_NOBODY = SimpleNamespace(newly_seen=defaultdict(set), deinstrument_seen=lambda: None)


def pickle_probes() -> None:
    """Let functions be pickled for Spark's workers, which run them uncounted: SlipCover puts probes
    between the lines, and these cannot be pickled.
    """
    copyreg.pickle(type(_probe()), lambda _: (_probe, ()))


def _probe() -> object:
    from slipcover import probe

    return probe.new(_NOBODY, "", 0, -1)


def main(path: Path, least: float) -> str | None:
    """Print the shares; returns what is wrong."""
    ran: Counter[str] = Counter()
    lines: Counter[str] = Counter()
    for name, file in json.loads(path.read_text(encoding="utf-8"))["files"].items():
        parts = Path(name).parts
        for whole in {"unposed_jobs", "/".join(parts[:2]) if len(parts) > 2 else "unposed_jobs"}:
            ran[whole] += len(file["executed_lines"])
            lines[whole] += len(file["executed_lines"]) + len(file["missing_lines"])
    for room in sorted(lines):
        print(f"{100 * ran[room] / max(lines[room], 1):4.0f} %  {room}")
    share = 100 * ran["unposed_jobs"] / max(lines["unposed_jobs"], 1)
    return f"the tests run {share:.1f} % of the lines; {least:g} % are wanted" * (share < least)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), float(sys.argv[2])) or 0)
