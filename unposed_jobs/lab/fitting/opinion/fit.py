"""Fits both regressions anew: ``python -m unposed_jobs.lab.fitting.opinion.fit --catalogue ...``.

On rendered catalogues of seeds below 100, photographs of people with `annotations.json`, and
photographs of nobody. It prints whom the gate finds by itself and whom both find, each picture
judged by regressions that did not know its product or person.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import GroupKFold

from unposed_jobs import config
from unposed_jobs.config import PoseSettings
from unposed_jobs.errors import UnposedError
from unposed_jobs.lab.fitting.opinion import examples
from unposed_jobs.lab.fitting.opinion.examples import Doubtful
from unposed_jobs.lab.fitting.second_look.fit import text
from unposed_jobs.lab.fitting.second_look.weighting import balanced, logistic_regression
from unposed_jobs.pose import logistic
from unposed_jobs.pose.second_look import gate, identity, opinion
from unposed_jobs.pose.second_look.opinion import Regressions

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.intp]
STRENGTH, TOGETHER = 0.01, 0.3
"""Inverse of the squared weights' penalty."""
OBJECTS = 1.25
"""A false person is worse than one lost."""
FOLDS = 5
_WHAT = ("catalogue", "people", "objects")


def main(arguments: Sequence[str] | None = None) -> int:
    """Look, fit, write, print who is found."""
    parser = argparse.ArgumentParser(prog="python -m unposed_jobs.lab.fitting.opinion.fit")
    for what in _WHAT:
        parser.add_argument(f"--{what}", nargs="*", type=Path, default=[], metavar="FOLDER")
    parser.add_argument(
        "--out", type=Path, default=Path(opinion.__file__).with_name(identity.OPINION)
    )
    given = parser.parse_args(arguments)
    settings = config.load().pose
    try:
        known = examples.joined(_looks(given, settings))
        given.out.write_text(_content(fit(known)), encoding="utf-8")
    except (UnposedError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    threshold = settings.min_person_probability
    print("not fitted on the same people and products:")
    print(figures(known, left_out(known), threshold))
    rendered = np.flatnonzero(known.origins == "rendered")
    if len(rendered) < len(known.person):
        print("photographs, fitted on rendered pictures alone:")
        said = fit(known, rendered).probability(known.values, known.inside)
        said[rendered] = 0.0
        print(figures(known, said, threshold, origin="real"))
    print(f"written to {given.out}")
    return 0


def fit(known: Doubtful, rows: Rows | None = None) -> Regressions:
    """Both regressions, fitted on these rows; the second on what firsts say that did not know the
    picture."""
    rows = np.arange(len(known.person)) if rows is None else rows
    worth = balanced(
        [(str(known.origins[i]), bool(known.person[i]), str(known.kinds[i])) for i in rows]
    )
    values, person = known.values[rows], known.person[rows]
    odds = np.zeros(len(rows))
    for some, others in GroupKFold(FOLDS).split(rows, groups=known.groups[rows]):
        part = logistic_regression(values[some], person[some], worth[some], STRENGTH)
        odds[others] = part.logit(values[others])
    dear = np.where(person, worth, OBJECTS * worth)
    columns = np.column_stack([odds, known.inside[rows]])
    return Regressions(
        logistic_regression(values, person, worth, STRENGTH),
        logistic_regression(columns, person, dear, TOGETHER),
    )


def left_out(known: Doubtful) -> Floats:
    """Probabilities (N,) by regressions that did not know the person or product."""
    said = np.zeros(len(known.person))
    for some, others in GroupKFold(FOLDS).split(said, groups=known.groups):
        said[others] = fit(known, some).probability(known.values[others], known.inside[others])
    return said


def figures(known: Doubtful, said: Floats, threshold: float, *, origin: str = "") -> str:
    """A line for each kind of picture: how many are found to show somebody, and were before."""
    alone = np.where(known.stopped, 0.0, gate.load().there.probability(known.inside))
    asked = ~known.stopped & (alone >= opinion.OPEN_FROM)
    both = (alone >= threshold) | (asked & (said >= threshold))
    lines = [f"{'':42} {'pictures':>8} {'gate':>6} {'both':>6}"]
    for name, own in _groups(known):
        if name.startswith(origin):
            share = (alone[own] >= threshold).mean(), both[own].mean()
            lines.append(f"{name:42} {own.sum():8d} {share[0]:6.3f} {share[1]:6.3f}")
    return "\n".join(lines)


def _groups(known: Doubtful) -> Iterator[tuple[str, npt.NDArray[np.bool_]]]:
    for origin in np.unique(known.origins):
        for there, words in ((True, "somebody"), (False, "nobody")):
            side = (known.origins == origin) & (known.person == there)
            if side.any():
                yield f"{origin}, {words}", side
            for kind in np.unique(known.kinds[side]):
                yield f"{origin}, {words}: {kind}", side & (known.kinds == kind)


def _looks(given: argparse.Namespace, settings: PoseSettings) -> Iterator[Doubtful]:
    for what in _WHAT:
        for folder in getattr(given, what):
            print(f"looking at {folder}", file=sys.stderr, flush=True)
            yield examples.read(getattr(examples, what)(folder, settings), settings)


def _content(fitted: Regressions) -> str:
    content: dict[str, Any] = {
        "what": "the second network's opinion; made by unposed_jobs.lab.fitting.opinion.fit",
        "seen": logistic.as_json(fitted.seen, opinion.SEEN),
        "together": logistic.as_json(fitted.together, opinion.TOGETHER),
    }
    return text(content)


if __name__ == "__main__":
    sys.exit(main())
