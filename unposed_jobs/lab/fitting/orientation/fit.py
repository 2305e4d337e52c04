"""Fits the head anew: ``python -m unposed_jobs.lab.fitting.orientation.fit FILE ... ``.

The files are of `examples`, of seeds below 100. The network is fitted by maximum likelihood; then
five more, each without a fifth of the people, say of those what calibrates it. MoveNet's inner
values become few numbers first, by principal components: of a cell's values, then of all cells.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from scipy import optimize
from torch import nn

from unposed_jobs.errors import UnposedError
from unposed_jobs.lab.fitting.orientation.examples import Examples
from unposed_jobs.orientation import circle, head
from unposed_jobs.orientation.circle import Floats
from unposed_jobs.orientation.head import Calibration, Head, Summary

WIDTHS = (96, 96)
EPOCHS, BATCH, RATE, DECAY, DROPPED = 40, 256, 2e-3, 1e-2, 0.15
C, K = 32, 96
"""Numbers that tell a cell's inner values, and those of all cells."""
_CELLS, _ROWS = 60_000, 9_000
"""So many are enough to find their components."""
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
        fitted, out_of_fold = fit(examples)
        given.out.write_bytes(fitted.to_bytes())
    except (UnposedError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    wrong = circle.apart(out_of_fold, examples.angles)
    print(
        f"fitted on {len(wrong)} pictures of {len(np.unique(examples.people))} people; out of "
        f"fold: median {np.median(wrong):.1f} degrees, turned about {(wrong > 90).mean():.1%}"
    )
    return 0


def fit(examples: Examples) -> tuple[Head, Floats]:
    """The head, and what others said of the angles of people they did not know, (N,) degrees."""
    blank = Head(summary(examples.inner), np.empty(0), np.empty(0), (), Calibration())
    values, angles = examples.inputs(blank).astype(np.float64), examples.angles
    predicted, sharp = np.zeros(len(angles)), np.zeros(len(angles))
    fold = np.unique(examples.people, return_inverse=True)[1] % FOLDS
    for number in range(FOLDS):
        kept = fold != number
        facing = replace(blank, **network(values[kept], angles[kept], number))(values[~kept])
        predicted[~kept], sharp[~kept] = facing.angles, facing.concentrations
    whole = replace(blank, **network(values, angles, FOLDS))
    return replace(whole, calibration=calibrated(predicted, sharp, angles)), predicted


def summary(inner: npt.NDArray[np.float16]) -> Summary:
    """Of examples' inner values (N, 8, 8, 280) the directions in which most of them vary."""
    rng = np.random.default_rng(0)
    cells = inner.reshape(-1, inner.shape[-1])
    cells = cells[rng.choice(len(cells), min(len(cells), _CELLS), replace=False)]
    channels, _ = components(cells.astype(np.float64), C)
    rows = np.sort(rng.choice(len(inner), min(len(inner), _ROWS), replace=False))
    told = inner[rows].astype(np.float64) @ channels
    places, shift = components(told.reshape(len(rows), -1), K)
    return Summary(channels, places, shift)


def components(values: Floats, count: int) -> tuple[Floats, Floats]:
    """The first principal components of standardised values (N, D), as (D, count) and (count,):
    ``values @ first + second`` have mean 0 and deviation 1."""
    mean, scale = values.mean(0), values.std(0) + 1e-3
    standard = (values - mean) / scale
    _, vectors = np.linalg.eigh(standard.T @ standard / len(standard))
    directions = vectors[:, ::-1][:, :count]
    directions = directions / (standard @ directions).std(0) / scale[:, None]
    return directions, -mean @ directions


def network(values: Floats, angles: Floats, seed: int) -> dict[str, Any]:
    """A network by itself, not calibrated: `mean`, `scale` and `layers` of a head."""
    torch.manual_seed(seed)
    turns = np.deg2rad(angles)
    mean, scale = values.mean(0), np.maximum(values.std(0), 1e-3)
    inputs = torch.tensor((values - mean) / scale, dtype=torch.float32)
    wanted = torch.tensor(np.stack([np.cos(turns), np.sin(turns)], 1), dtype=torch.float32)
    moved = NOISE / torch.tensor(scale, dtype=torch.float32)
    moved[-K:] = 0.0
    parts: list[nn.Module] = []
    for first, second in zip((values.shape[1], *WIDTHS), WIDTHS, strict=False):
        parts += [nn.Linear(first, second), nn.ReLU(), nn.Dropout(DROPPED)]
    model = nn.Sequential(*parts, nn.Linear(WIDTHS[-1], 2))
    optimizer = torch.optim.AdamW(model.parameters(), RATE, weight_decay=DECAY)
    steps = EPOCHS * -(-len(inputs) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps)
    for _ in range(EPOCHS):
        for rows in torch.split(torch.randperm(len(inputs)), BATCH):
            shown = inputs[rows] + moved * torch.randn(len(rows), len(moved))
            loss = -likelihood(model(shown), wanted[rows]).mean()
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            optimizer.step()
            schedule.step()
    linear = [one for one in model if isinstance(one, nn.Linear)]
    layers = tuple(
        (one.weight.detach().double().numpy(), one.bias.detach().double().numpy()) for one in linear
    )
    return {"mean": mean, "scale": scale, "layers": layers}


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
