"""The class of real pictures, out of fold: a picture is judged by a head that has not seen it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from unposed_jobs.config import PoseSettings
from unposed_jobs.lab.evaluation.pictures.cases import Case
from unposed_jobs.lab.evaluation.pictures.figures import Score
from unposed_jobs.lab.fitting.image_class import examples as known
from unposed_jobs.lab.fitting.image_class import fit
from unposed_jobs.pictures import classes
from unposed_jobs.pictures.facts import Seen

FOLDS = 5


def judged(
    data: Path, looked: Iterable[tuple[Case, Seen]], settings: PoseSettings, seed: int
) -> Iterator[Score]:
    """Each real picture of `data`, by heads fitted on the others and on the rendered ones `looked`.

    Those of one photograph are in one fold.
    """
    own = list(known.real(data, settings))
    if not own:
        return
    rendered, beside = [], []
    for case, saw in looked:
        rendered.append(known.of_rendered(case.picture, case.row))
        assert saw.evidence is not None
        beside.append(saw.evidence)
    seen = known.evidence(own, settings)
    groups = sorted({one.group for one in own})
    order = np.random.default_rng(seed).permutation(len(groups))
    fold = {groups[row]: number % FOLDS for number, row in enumerate(order)}
    for number in range(FOLDS):
        rest = [row for row, one in enumerate(own) if fold[one.group] != number]
        head = fit.fitted(
            [own[row] for row in rest] + rendered, [seen[row] for row in rest] + beside
        )
        for row, one in enumerate(own):
            if fold[one.group] == number:
                label = classes.CLASSES[int(head.probabilities(seen[row]).argmax())]
                yield from _scores(one, label, classes.by_rule(seen[row]))


def _scores(one: known.Example, label: str, by_rule: str) -> Iterator[Score]:
    right, rule = float(label == one.image_class), float(by_rule == one.image_class)
    names = ["image class", f"class of {one.of}"]
    if one.of == "flat-lay":
        names.append("flat-lays")
    for name in names:
        yield Score(f"real: {name}", one.group, right)
        yield Score(f"real: {name}, the source's rule", one.group, rule)
