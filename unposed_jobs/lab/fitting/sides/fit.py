"""Fits the regressions anew: ``python -m unposed_jobs.lab.fitting.sides.fit FOLDER ... ``.

On rendered catalogues of seeds below 100; --people names real ones, on whom it is not fitted but
judged. How much the heat counts beside the inner values is set by hand, see `HEAT`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import GroupKFold

from unposed_jobs import config
from unposed_jobs.errors import UnposedError
from unposed_jobs.lab.fitting.second_look.fit import text
from unposed_jobs.lab.fitting.second_look.weighting import logistic_regression
from unposed_jobs.lab.fitting.sides import examples
from unposed_jobs.lab.fitting.sides.examples import Sides
from unposed_jobs.networks import weights
from unposed_jobs.pose import logistic
from unposed_jobs.pose.logistic import Logistic
from unposed_jobs.pose.movenet import sides
from unposed_jobs.pose.movenet.network import SIDES, MoveNet

Floats = npt.NDArray[np.float64]
STRENGTH = 0.01
"""Inverse of the squared weights' penalty."""
HEAT = {"thunder": 0.15, "lightning": 0.3}
"""Log odds of one unit of the heat's evidence. Rendered people alone would want none: Thunder's
inner values are right in .93 by themselves, but in .81 of real people's windows, where heat is
right in .86. Together .93 and .87; so both count."""
FOLDS = 5


def main(arguments: Sequence[str] | None = None) -> int:
    """Look, fit, write, print how often they are right."""
    parser = argparse.ArgumentParser(prog="python -m unposed_jobs.lab.fitting.sides.fit")
    parser.add_argument("folders", nargs="+", type=Path, help="sample catalogues, seeds below 100")
    parser.add_argument("--people", type=Path, help="real people: judged, not fitted on")
    parser.add_argument("--out", type=Path, default=Path(sides.__file__).with_name(sides.FILE))
    given = parser.parse_args(arguments)
    settings = config.load().pose
    try:
        content = {}
        for kind in SIDES:
            network = MoveNet(weights.load(settings, f"movenet-{kind}")[1], kind, sided=True)
            windows = (one for at in given.folders for one in examples.rendered(at, settings))
            known = examples.read(network, windows)
            fitted, left_out = fit(known, HEAT[kind])
            print(kind, "rendered, people left out:", figures(known, left_out))
            if given.people:
                judged = examples.read(network, examples.real(given.people, settings))
                print(kind, "real:", figures(judged, fitted.logit(columns(judged))))
            content[kind] = logistic.as_json(fitted, sides.evidence(known.torso.shape[1]))
        given.out.write_text(text(content), encoding="utf-8")
    except (UnposedError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def columns(known: Sides) -> Floats:
    """What a regression takes: (N, C + 1)."""
    return np.column_stack([known.torso, known.heat]).astype(np.float64)


def fit(known: Sides, heat: float) -> tuple[Logistic, Floats]:
    """The regression, and log odds (N,) by others that did not know the people."""
    left_out = np.zeros(len(known.left))
    values = columns(known)
    for rows, apart in GroupKFold(FOLDS).split(values, groups=known.people):
        left_out[apart] = _of(known, rows, heat).logit(values[apart])
    return _of(known, np.arange(len(known.left)), heat), left_out


def _of(known: Sides, rows: npt.NDArray[np.intp], heat: float) -> Logistic:
    left = known.left[rows]
    # Fronts and backs weigh the same.
    even = np.where(left, 0.5 / left.mean(), 0.5 / (1 - left.mean()))
    inner = logistic_regression(known.torso[rows].astype(np.float64), left, even, STRENGTH)
    spread = float(known.heat[rows].std())
    return Logistic(
        np.append(inner.mean, 0.0),
        np.append(inner.scale, spread),
        np.append(inner.weights, heat * spread),
        inner.intercept,
    )


def figures(known: Sides, odds: Floats) -> str:
    """How often sides are right, by the regression and by heat alone."""
    found = []
    for name, said in (("regression", odds), ("heat alone", known.heat)):
        right = (said > 0) == known.left
        found.append(
            f"{name} {right.mean():.3f} (fronts {right[~known.left].mean():.3f}, "
            f"backs {right[known.left].mean():.3f})"
        )
    people = len(np.unique(known.people))
    return f"{', '.join(found)} of {len(known.left)} windows of {people} people"


if __name__ == "__main__":
    sys.exit(main())
