"""Fits the head anew: ``python -m unposed_jobs.lab.fitting.orientation.fit FILE ... ``.

The files are of `examples`, of seeds below 100. The network is fitted by maximum likelihood; then
five more, each without a fifth of the people, say of those what calibrates it.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from scipy import optimize
from torch import nn

from unposed_jobs.errors import UnposedError
from unposed_jobs.lab.fitting.orientation.examples import Examples
from unposed_jobs.orientation import circle, head
from unposed_jobs.orientation.circle import Floats
from unposed_jobs.orientation.head import Calibration, Head

WIDTHS = (96, 96)
EPOCHS, BATCH, RATE, DECAY, DROPPED = 60, 256, 2e-3, 1e-2, 0.15
NOISE = 0.012
"""Torsos by which points are moved at random while fitting."""
FOLDS = 5
_ASTRAY = 0.01
"""Of the likelihood while fitting: one misread body must not decide."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Fit, calibrate, write the head."""
    parser = argparse.ArgumentParser(prog="python -m unposed_jobs.lab.fitting.orientation.fit")
    parser.add_argument("files", nargs="+", type=Path, help="of ...orientation.examples")
    parser.add_argument("--out", type=Path, default=Path(head.__file__).with_name(head.FILE))
    given = parser.parse_args(arguments)
    try:
        examples = Examples.load(given.files)
        values = head.features(examples.landmarks, examples.sizes)
        fitted, out_of_fold = fit(values, examples.angles, examples.people)
        given.out.write_text(json.dumps(fitted.state()) + "\n", encoding="utf-8")
    except (UnposedError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    wrong = circle.apart(out_of_fold, examples.angles)
    print(
        f"fitted on {len(wrong)} pictures of {len(np.unique(examples.people))} people; out of "
        f"fold: median {np.median(wrong):.1f} degrees, turned about {(wrong > 90).mean():.1%}"
    )
    return 0


def fit(values: Floats, angles: Floats, people: npt.NDArray[np.int64]) -> tuple[Head, Floats]:
    """The head for N pictures' features, and what others said of people they did not know."""
    predicted, sharp = np.zeros(len(angles)), np.zeros(len(angles))
    fold = np.unique(people, return_inverse=True)[1] % FOLDS
    for number in range(FOLDS):
        kept = fold != number
        part = network(values[kept], angles[kept], number)
        facing = part.of_features(values[~kept])
        predicted[~kept], sharp[~kept] = facing.angles, facing.concentrations
    whole = network(values, angles, FOLDS)
    return replace(whole, calibration=calibrated(predicted, sharp, angles)), predicted


def network(values: Floats, angles: Floats, seed: int) -> Head:
    """A network by itself, not calibrated."""
    torch.manual_seed(seed)
    both = np.concatenate([values, head.mirrored(values)])
    turns = np.deg2rad(np.concatenate([angles, -angles]))
    mean, scale = both.mean(0), np.maximum(both.std(0), 1e-3)
    inputs = torch.tensor(both, dtype=torch.float32)
    wanted = torch.tensor(np.stack([np.cos(turns), np.sin(turns)], 1), dtype=torch.float32)
    middle, spread = (torch.tensor(one, dtype=torch.float32) for one in (mean, scale))
    parts: list[nn.Module] = []
    for first, second in zip((both.shape[1], *WIDTHS), WIDTHS, strict=False):
        parts += [nn.Linear(first, second), nn.ReLU(), nn.Dropout(DROPPED)]
    model = nn.Sequential(*parts, nn.Linear(WIDTHS[-1], 2))
    optimizer = torch.optim.AdamW(model.parameters(), RATE, weight_decay=DECAY)
    steps = EPOCHS * -(-len(both) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps)
    points = 3 * (both.shape[1] // 4)
    for _ in range(EPOCHS):
        for rows in torch.split(torch.randperm(len(both)), BATCH):
            part = inputs[rows].clone()
            part[:, :points] += NOISE * torch.randn(len(rows), points)
            loss = -likelihood(model((part - middle) / spread), wanted[rows]).mean()
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            optimizer.step()
            schedule.step()
    linear = [one for one in model if isinstance(one, nn.Linear)]
    layers = tuple(
        (one.weight.detach().double().numpy(), one.bias.detach().double().numpy()) for one in linear
    )
    return Head(mean, scale, layers, Calibration())


def likelihood(natural: torch.Tensor, turns: torch.Tensor) -> torch.Tensor:
    """Log density of directions (N, 2) in von Mises of natural parameters (N, 2), a small share
    of which may be anywhere."""
    sharp = natural.norm(dim=1).clamp_min(1e-6)
    own = (natural * turns).sum(1) - sharp - torch.log(torch.special.i0e(sharp))
    sides = torch.stack([own + np.log1p(-_ASTRAY), torch.full_like(own, float(np.log(_ASTRAY)))])
    return torch.logsumexp(sides, 0)


def calibrated(predicted: Floats, sharp: Floats, angles: Floats) -> Calibration:
    """What makes the predictions likeliest that were made without knowing the people."""
    cell = np.round(angles / circle.CELL).astype(int) % circle.CELLS
    rows = np.arange(len(angles))

    def cost(flat: Floats) -> float:
        cells = Calibration(*flat).cells(predicted, sharp)
        # Weakly held to what it says of itself.
        prior = 1e-3 * float(((flat - (0, 1, -4, -0.5)) ** 2).sum())
        return -float(np.log(cells[rows, cell]).mean()) + prior

    start = np.array([0.0, 1.0, -4.0, -0.5])
    found = optimize.minimize(cost, start, method="Nelder-Mead", options={"maxiter": 400})
    return Calibration(*(float(one) for one in found.x))


if __name__ == "__main__":
    sys.exit(main())
