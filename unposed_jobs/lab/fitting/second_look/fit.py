"""Fits the gate anew: ``python -m unposed_jobs.lab.fitting.second_look.fit --catalogue FOLDER``.

Reads rendered catalogues (``unposed sample-catalogue``; products are kept whole in a fold) and
optional folders of real pictures of people and of objects, and writes the gate with what it was
fitted on and how it did on groups that it was not fitted on.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from unposed_jobs import config
from unposed_jobs.errors import UnposedError
from unposed_jobs.lab.fitting.second_look import firsts, models
from unposed_jobs.lab.fitting.second_look.observing import Looked, Observed, Observer
from unposed_jobs.pose.second_look import identity
from unposed_jobs.pose.second_look.estimator import of_ladder

_WHAT = ("catalogue", "people", "objects")


def main(arguments: Sequence[str] | None = None) -> int:
    """Fit, print the figures by kind of picture, write the gate."""
    parser = argparse.ArgumentParser(
        prog="python -m unposed_jobs.lab.fitting.second_look.fit",
        description="Fit the gate of the second look on pictures whose truth is known.",
    )
    parser.add_argument("--catalogue", nargs="+", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--people", nargs="*", type=Path, default=[], metavar="FOLDER")
    parser.add_argument("--objects", nargs="*", type=Path, default=[], metavar="FOLDER")
    parser.add_argument(
        "--out", type=Path, default=Path(identity.__file__).with_name(identity.FILE)
    )
    given = parser.parse_args(arguments)
    try:
        settings = config.load().pose
        observer = Observer(settings)
        looks = list(_look(given, observer))
        shipped, apart = firsts.fit(
            [(one.example, of_ladder(one.seen)) for one in looks if one.seen is not None]
        )
        print("looking again", file=sys.stderr, flush=True)
        known = [observer.observed(one, apart(one.example.group)) for one in looks]
        content, judged = models.fit(known, shipped)
        content["fitted_on"] = summary(known)
        content["out_of_fold"] = figures(
            known, judged, content["clear_from"], settings.min_person_probability
        )
        given.out.write_text(text(content), encoding="utf-8")
    except (UnposedError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    for row in content["out_of_fold"]:
        print(row)
    print(f"written to {given.out}")
    return 0


def _look(given: argparse.Namespace, observer: Observer) -> Iterator[Looked]:
    for what in _WHAT:
        for folder in getattr(given, what):
            print(f"looking at {folder}", file=sys.stderr, flush=True)
            yield from getattr(observer, what)(folder)


def summary(known: Sequence[Observed]) -> list[dict[str, Any]]:
    """What was looked at: pictures by origin and kind."""
    counts: dict[tuple[str, str], int] = defaultdict(int)
    for one in known:
        counts[one.origin, one.kind] += 1
    return [
        {"origin": origin, "kind": kind, "pictures": count}
        for (origin, kind), count in sorted(counts.items())
    ]


def figures(
    known: Sequence[Observed], judged: models.Judged, clear_from: float, threshold: float
) -> list[dict[str, Any]]:
    """Shares of each kind of picture, before (the detector alone) and after."""
    rows = defaultdict(list)
    for index, one in enumerate(known):
        looked = one.sighted is not None
        passed = judged.clear[index] >= clear_from or not looked
        found = passed or (judged.there[index] >= threshold and not one.stopped)
        right = bool(one.found_right) if passed else found and bool(judged.right[index])
        before = one.found is not None, bool(one.found_right)
        rows[one.origin, one.kind].append(
            (*before, found, right, not passed, one.stopped and not passed)
        )
    names = ("found_before", "right_before", "found", "right", "second_look", "stopped")
    return [
        {"origin": origin, "kind": kind}
        | dict(zip(names, np.mean(values, axis=0).round(3).tolist(), strict=True))
        for (origin, kind), values in sorted(rows.items())
    ]


def text(content: dict[str, Any]) -> str:
    """JSON with a line for each weight and each figure, so that changes can be read."""
    flat = json.dumps(content, indent=1)
    # Objects and lists that hold no other are put on one line.
    return re.sub(r"[\[{][^\[\]{}]*[\]}]", lambda m: re.sub(r"\n\s*", " ", m[0]), flat) + "\n"


if __name__ == "__main__":
    sys.exit(main())
