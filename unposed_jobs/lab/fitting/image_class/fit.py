"""Fits the head anew: ``python -m unposed_jobs.lab.fitting.image_class.fit FOLDER ... --data DIR``.

On rendered catalogues of seeds below 100, and on real pictures where they are at hand; each kind
of picture weighs the same. What real pictures say of it is judged out of fold
(`lab.evaluation.pictures`).
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression

from unposed_jobs import config
from unposed_jobs.errors import UnposedError
from unposed_jobs.lab.fitting.image_class import examples as known
from unposed_jobs.pictures import classes
from unposed_jobs.pictures.classes import Evidence, Head

STRENGTH = 1.0
"""Inverse of the squared weights' penalty."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Look, fit, write the head."""
    parser = argparse.ArgumentParser(
        prog="python -m unposed_jobs.lab.fitting.image_class.fit",
        description="Fit the class of a picture on rendered and real pictures.",
    )
    parser.add_argument("folders", nargs="+", type=Path, help="sample catalogues, seeds below 100")
    parser.add_argument("--data", type=Path, help="real pictures")
    parser.add_argument("--out", type=Path, default=Path(classes.__file__).with_name(classes.FILE))
    given = parser.parse_args(arguments)
    settings = config.load().pose
    try:
        examples = [one for folder in given.folders for one in known.rendered(folder, settings)]
        if given.data:
            examples += known.real(given.data, settings)
        head = fitted(examples, known.evidence(examples, settings))
        given.out.write_text(json.dumps(head.state()) + "\n", encoding="utf-8")
    except (UnposedError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"fitted on {len(examples)} pictures")
    return 0


def fitted(examples: Sequence[known.Example], evidence: Sequence[Evidence]) -> Head:
    """The regression of these examples, of which the detectors said `evidence`."""
    values = np.stack([classes.features(one) for one in evidence])
    truth = np.array([classes.CLASSES.index(one.image_class) for one in examples])
    mean, scale = values.mean(0), np.maximum(values.std(0), 1e-3)
    model = LogisticRegression(C=STRENGTH, max_iter=2000)
    model.fit((values - mean) / scale, truth, sample_weight=_weights(examples))
    return Head(mean, scale, model.coef_, model.intercept_)


def _weights(examples: Sequence[known.Example]) -> npt.NDArray[np.float64]:
    kinds = [one.of for one in examples]
    counts = {kind: kinds.count(kind) for kind in set(kinds)}
    return np.array([len(kinds) / len(counts) / counts[kind] for kind in kinds])


if __name__ == "__main__":
    sys.exit(main())
