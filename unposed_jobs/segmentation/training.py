"""Learn a network from examples: epoch by epoch, with a checkpoint that another run goes on from.

A run that ended and goes on gives the same network as one that did not end: what an epoch sees is
drawn from the seed and the epoch's number alone. A checkpoint is a folder of plain files, replaced
as a whole, so that none is ever half written; nothing is unpickled.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from unposed_jobs.config import PoseSettings
from unposed_jobs.errors import UnposedError
from unposed_jobs.segmentation.coco import Examples
from unposed_jobs.segmentation.losses import Truth, loss
from unposed_jobs.segmentation.network import Shape, Yolact

WEIGHTS, MANIFEST = "network.safetensors", "manifest.json"
FORMAT = 1
_MOMENTUM = "momentum."
_WARM_UP = 0.05
"""Share of the steps in which the rate rises."""


@dataclass(frozen=True)
class Plan:
    """How a network is learned: `rate` at its highest, then along a cosine to nothing."""

    epochs: int = 30
    batch: int = 8
    rate: float = 0.01
    momentum: float = 0.9
    decay: float = 5e-4
    seed: int = 0


@dataclass(frozen=True)
class Progress:
    """An epoch that is done: its mean loss, and seconds of it."""

    epoch: int
    of: int
    loss: float
    seconds: float


def device() -> torch.device:
    """The GPU where there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def train(
    examples: Examples,
    shape: Shape,
    plan: Plan,
    out: Path,
    *,
    pose: PoseSettings,
    tell: Callable[[Progress], None] = lambda progress: None,
) -> Yolact:
    """Learn, or go on with what `out` holds; returns the network, ready to be asked.

    Raises UnposedError where `out` holds something else, or a picture cannot be read.
    """
    place = device()
    torch.manual_seed(plan.seed)
    network = Yolact(shape).to(place)
    optimiser = torch.optim.SGD(
        network.parameters(), plan.rate, plan.momentum, weight_decay=plan.decay
    )
    learner = _Learner(network, optimiser, shape, plan)
    begun = learner.resume(out)
    held = [examples.example(row, shape.side, pose) for row in range(len(examples))]
    steps = -(-len(held) // plan.batch)
    for epoch in range(begun, plan.epochs):
        started, total = time.monotonic(), 0.0
        rng = np.random.default_rng([plan.seed, epoch])
        network.train()
        order = rng.permutation(len(held))
        for step in range(steps):
            rows = order[step * plan.batch : (step + 1) * plan.batch]
            pictures, truths = _batch(held, rows, rng.random(len(rows)) < 0.5, place)
            for group in optimiser.param_groups:
                group["lr"] = plan.rate * _share(epoch * steps + step, plan.epochs * steps)
            optimiser.zero_grad()
            found = loss(network(pictures), truths, network.anchors)
            found.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(network.parameters(), 10.0)
            optimiser.step()
            total += float(found.detach())
        learner.keep(out, epoch + 1, examples.names)
        tell(Progress(epoch + 1, plan.epochs, total / steps, time.monotonic() - started))
    return network.eval()


def load(folder: Path) -> tuple[Yolact, tuple[str, ...]]:
    """A network that was learned, and its classes' names.

    Raises UnposedError for a folder without one, or with files that were changed.
    """
    manifest, tensors = _read(folder)
    network = Yolact(Shape(**manifest["shape"])).to(device())
    own = {name: one for name, one in tensors.items() if not name.startswith(_MOMENTUM)}
    network.load_state_dict(own)
    return network.eval(), tuple(manifest["names"])


def _share(step: int, of: int) -> float:
    warm = max(1, round(_WARM_UP * of))
    rising = min(1.0, (step + 1) / warm)
    return rising * (0.5 + 0.5 * math.cos(math.pi * step / max(of, 1)))


def _batch(
    held: list[tuple[torch.Tensor, Truth]],
    rows: Any,
    mirrored: Any,
    place: torch.device,
) -> tuple[torch.Tensor, list[Truth]]:
    pictures, truths = [], []
    for row, turned in zip(rows, mirrored, strict=True):
        picture, truth = held[row]
        if turned:
            picture, boxes = picture.flip(-1), truth.boxes.clone()
            boxes[:, [0, 2]] = 1 - truth.boxes[:, [2, 0]]
            truth = Truth(boxes, truth.labels, truth.masks.flip(-1))
        pictures.append(picture)
        parts = (one.to(place) for one in (truth.boxes, truth.labels, truth.masks))
        truths.append(Truth(*parts))
    return torch.stack(pictures).to(place), truths


@dataclass(frozen=True)
class _Learner:
    """A network while it learns, as a folder holds it."""

    network: Yolact
    optimiser: torch.optim.SGD
    shape: Shape
    plan: Plan

    def keep(self, out: Path, epochs: int, names: tuple[str, ...]) -> None:
        """Replace the folder by what is learned now."""
        beside = out.with_name(f".{out.name}.making")
        shutil.rmtree(beside, ignore_errors=True)
        beside.mkdir(parents=True)
        tensors = {name: one.detach().cpu() for name, one in self.network.state_dict().items()}
        for name, parameter in self.network.named_parameters():
            held = self.optimiser.state[parameter].get("momentum_buffer")
            if held is not None:
                tensors[_MOMENTUM + name] = held.detach().cpu()
        save_file({name: one.contiguous() for name, one in tensors.items()}, beside / WEIGHTS)
        manifest = {
            "format": FORMAT,
            "epochs": epochs,
            "names": list(names),
            "shape": self.shape.state(),
            "plan": dataclasses.asdict(self.plan),
            "sha256": hashlib.sha256((beside / WEIGHTS).read_bytes()).hexdigest(),
        }
        (beside / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
        before = _before(out)
        shutil.rmtree(before, ignore_errors=True)
        if out.exists():
            out.rename(before)
        beside.rename(out)
        shutil.rmtree(before, ignore_errors=True)

    def resume(self, out: Path) -> int:
        """Take up what the folder holds; the epochs that are done, 0 for a new folder."""
        if not out.exists() and _before(out).exists():  # It ended between both renames.
            _before(out).rename(out)
        if not out.exists():
            return 0
        manifest, tensors = _read(out)
        asked = (self.shape.state(), dataclasses.asdict(self.plan))
        if (manifest["shape"], manifest["plan"]) != asked:
            raise UnposedError(
                f"{out} holds a network that was learned in another way; give --out another folder"
            )
        own = {name: one for name, one in tensors.items() if not name.startswith(_MOMENTUM)}
        self.network.load_state_dict(own)
        for name, parameter in self.network.named_parameters():
            held = tensors.get(_MOMENTUM + name)
            if held is not None:
                self.optimiser.state[parameter]["momentum_buffer"] = held.to(parameter.device)
        return int(manifest["epochs"])


def _before(out: Path) -> Path:
    return out.with_name(f".{out.name}.before")


def _read(folder: Path) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        data = (folder / WEIGHTS).read_bytes()
        if manifest["format"] != FORMAT:
            raise UnposedError(f"{folder} is of another version; learn it again")
        if hashlib.sha256(data).hexdigest() != manifest["sha256"]:
            raise UnposedError(f"{folder}/{WEIGHTS} was changed since it was written")
        return manifest, load_file(folder / WEIGHTS)
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        raise UnposedError(
            f"{folder} holds no network: {error}; run: unposed segment train"
        ) from None
