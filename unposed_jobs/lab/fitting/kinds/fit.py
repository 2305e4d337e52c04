"""Fits the head anew: ``python -m unposed_jobs.lab.fitting.kinds.fit``.

On rendered pictures alone (`examples`), of seeds below 100; no real picture is looked at.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy import optimize

from unposed_jobs import config
from unposed_jobs.errors import UnposedError
from unposed_jobs.lab.fitting.kinds.examples import examples
from unposed_jobs.networks import weights
from unposed_jobs.pose import statistics
from unposed_jobs.pose.kinds import efficientnet, identity, reading
from unposed_jobs.pose.kinds.estimator import squared

Floats = npt.NDArray[np.float64]

STRENGTH = 0.1
"""Inverse of the squared weights' penalty."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Render, fit, write the head."""
    parser = argparse.ArgumentParser(
        prog="python -m unposed_jobs.lab.fitting.kinds.fit",
        description="Fit the kinds of pictures without a person on rendered pictures.",
    )
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--rounds", type=int, default=130, help="of about 14 pictures each")
    parser.add_argument("--out", type=Path, default=Path(reading.__file__).with_name(reading.FILE))
    given = parser.parse_args(arguments)
    try:
        _, data = weights.load(config.load().pose, identity.WEIGHTS)
        network, classifier = efficientnet.create(data), efficientnet.classifier(data)
        grids, means, plain, kinds = [], [], [], []
        for seed in given.seeds:
            for example in examples(seed, given.rounds):
                grid, mean = network(squared(np.asarray(example.picture))[None])
                grids.append(grid[0].astype(np.float16))
                means.append(mean[0])
                plain.append(statistics.describe(example.picture))
                kinds.append(reading.KINDS.index(example.kind))
        head = fitted(
            np.stack(grids), np.stack(means), np.stack(plain), np.array(kinds), classifier
        )
        given.out.write_text(json.dumps(head.state()) + "\n", encoding="utf-8")
    except (UnposedError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"fitted on {len(kinds)} pictures")
    return 0


def fitted(
    grids: npt.NDArray[np.float16],
    means: npt.NDArray[np.float32],
    plain: npt.NDArray[np.float32],
    kinds: npt.NDArray[np.int64],
    classifier: reading.Classifier,
) -> reading.Head:
    """The head for N pictures' network values and statistics, `kinds` (N,) in `KINDS`."""
    usual = grids.astype(np.float32).mean((0, 1, 2))
    values = np.stack(
        [
            np.concatenate(
                [reading.evidence(grid.astype(np.float32), mean, classifier, usual), own]
            )
            for grid, mean, own in zip(grids, means, plain, strict=True)
        ]
    ).astype(np.float64)
    middle, spread = values.mean(0), np.maximum(values.std(0), 1e-6)
    weight, bias = regression((values - middle) / spread, kinds, len(reading.KINDS))
    single = [item.astype(np.float32) for item in (usual, middle, spread, weight, bias)]
    return reading.Head(*single)


def regression(values: Floats, kinds: npt.NDArray[np.int64], count: int) -> tuple[Floats, Floats]:
    """Multinomial logistic regression with a penalty: weights (count, F) and biases (count,)."""
    truth = np.eye(count)[kinds]
    width = values.shape[1]

    def loss(flat: Floats) -> tuple[float, Floats]:
        weight, bias = flat[:-count].reshape(count, width), flat[-count:]
        logits = values @ weight.T + bias
        logits -= logits.max(1, keepdims=True)
        logs = logits - np.log(np.exp(logits).sum(1, keepdims=True))
        wrong = np.exp(logs) - truth
        cost = -STRENGTH * float((truth * logs).sum()) + 0.5 * float((weight**2).sum())
        slope = STRENGTH * wrong.T @ values + weight
        return cost, np.concatenate([slope.ravel(), STRENGTH * wrong.sum(0)])

    start = np.zeros(count * (width + 1))
    found = optimize.minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 500})
    return found.x[:-count].reshape(count, width), found.x[-count:]


if __name__ == "__main__":
    sys.exit(main())
