"""The paper's autoencoder (section 4.3.1): 77 or 61 values to 8, by a batch-wise contrastive loss.

Encoder of four fully connected layers, decoder of two, AdamW with decay 0.001 from a rate of 0.1,
batches of 2,048 or of the whole set where it is smaller. The paper does not say what is
contrasted. Here, within a batch and for two variations a and b of each picture
(`embedding.augmentation`):

    contrast = cross entropy( softmax_j(-|x_i - x_j|^2 / t_x),  softmax_j(-|a_i - b_j|^2 / t_z) )

with x the weighted features and a, b the codes. The two variations of a picture attract each other
and all others repel it, but each by how much it differs in pose: ten front views are ten examples
of one pose, and the usual one-against-all target (NT-Xent), which drives them apart, costs k-means
the very clusters it is to find. The second term is the reconstruction of the unvaried features from
each variation's code.

A rate of 0.1 is far above what Adam usually bears. It is stable here because every layer but the
last is followed by batch normalisation, which makes the loss blind to the size of its weights,
because gradients are clipped, and because the rate warms up and then falls along a cosine.

PyTorch is needed to learn only; encoding is four matrix products in NumPy.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from unposed_jobs.config import TrainingSettings
from unposed_jobs.embedding.scaler import Scaler
from unposed_jobs.embedding.topology import Floats
from unposed_jobs.errors import UnposedError

if TYPE_CHECKING:
    import torch

LOG = logging.getLogger(__name__)

BOTTLENECK = 8
HIDDEN = (64, 64, 32)
MIN_PICTURES = 16
"""Fewer cannot teach eight values anything."""
MAX_STEPS = 250
"""Optimiser steps after which more epochs of a large set change nothing that clusters notice."""

_CODE_TEMPERATURE = 2.0  # a quarter of the codes' total variance, which normalisation fixes at 8
_POSE_TEMPERATURE = 0.1  # in parts of the features' total variance: only like poses attract
_WARM_UP = 0.05  # of the steps
_CLIP = 1.0  # gradient norm
_CHUNK = 65_536  # rows encoded at a time: bounds memory


@dataclass(frozen=True)
class Autoencoder:
    """A learned autoencoder. `layers` holds "<part>.<layer>.weight|bias" as float32 arrays.

    Normalisation is folded into the weights. `losses` is the course of the loss while learning;
    it is not part of the state.
    """

    FILE: ClassVar[str] = "autoencoder.safetensors"

    scaler: Scaler
    layers: dict[str, Floats]
    losses: tuple[float, ...] = ()

    @property
    def dimensions(self) -> int:
        """Values of an embedding: 8."""
        return len(self.layers["encoder.3.bias"])

    def encode(self, features: Floats) -> Floats:
        """Features (N, D) of `pose_features` -> (N, 8) float32.

        Raises ValueError for a width other than that learned from.
        """
        values = np.asarray(features, dtype=np.float32)
        codes = np.empty((len(values), self.dimensions), dtype=np.float32)
        for start in range(0, len(values), _CHUNK):
            part = slice(start, start + _CHUNK)
            codes[part] = self._run("encoder", 4, self.scaler.encode(values[part]))
        return codes

    def decode(self, codes: Floats) -> Floats:
        """Codes (N, 8) -> the weighted features (N, D) that they stand for."""
        return self._run("decoder", 2, np.asarray(codes, dtype=np.float32))

    def _run(self, part: str, depth: int, values: Floats) -> Floats:
        for index in range(depth):
            weight = self.layers[f"{part}.{index}.weight"]
            values = values @ weight.T + self.layers[f"{part}.{index}.bias"]
            if index < depth - 1:
                values = np.maximum(values, 0)
        return values

    def state(self) -> dict[str, Floats]:
        """The layers' arrays by name; the scaler has a state of its own."""
        return dict(self.layers)

    @classmethod
    def from_state(cls, state: dict[str, Floats], scaler: Scaler) -> Autoencoder:
        """The inverse of `state`."""
        return cls(scaler, dict(state))


def fit(
    features: Floats,
    settings: TrainingSettings,
    views: Floats | None = None,
    scaler: Scaler | None = None,
) -> Autoencoder:
    """Learn from the reference set.

    features: (N, 77) or (N, 61), N >= `MIN_PICTURES`. views: (V, N, D), V >= 2, features of
    variations of the same pictures; without them the features are varied themselves. Uses
    `epochs`, `batch_size`, `learning_rate`, `weight_decay` and `seed`; the same input gives the
    same weights on the same machine. At most `MAX_STEPS` steps are taken.

    Raises UnposedError for too few pictures, or where the rate makes learning diverge.
    """
    if len(features) < MIN_PICTURES:
        raise UnposedError(
            f"the autoencoder needs {MIN_PICTURES} pictures with a person, not {len(features)}; "
            'add pictures or set [training] embedding = "features"'
        )
    scaler = scaler or Scaler.fit(features)
    clean = scaler.encode(features)
    if views is None:
        rng = np.random.default_rng(settings.seed)
        spread = 0.3 * clean.std(axis=0)
        varied = clean + spread * rng.standard_normal((4, *clean.shape)).astype(np.float32)
    else:
        varied = np.stack([scaler.encode(view) for view in views])
    with _repeatable(settings.seed):
        layers, losses = _learn(clean, varied.astype(np.float32), settings)
    if not all(np.isfinite(array).all() for array in layers.values()):
        raise UnposedError(
            f"the autoencoder diverged at a learning rate of {settings.learning_rate:g}; "
            "lower [training] learning_rate"
        )
    return Autoencoder(scaler, layers, losses)


def _learn(
    clean: Floats, varied: Floats, settings: TrainingSettings
) -> tuple[dict[str, Floats], tuple[float, ...]]:
    import torch

    torch.manual_seed(settings.seed)
    order = torch.Generator().manual_seed(settings.seed)
    encoder, decoder = _network(clean.shape[1])
    parameters = [*encoder.parameters(), *decoder.parameters()]
    rows = len(clean)
    batch = min(settings.batch_size, rows)
    steps = min(settings.epochs * max(1, rows // batch), MAX_STEPS)
    optimiser = torch.optim.AdamW(
        parameters, lr=settings.learning_rate, weight_decay=settings.weight_decay
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: _rate(step, steps))
    pose, views = torch.from_numpy(clean), torch.from_numpy(varied)
    variance = pose.var(dim=0, unbiased=False).sum().clamp_min(1e-6)
    # A batch of the whole set is always the same one, and so is its target.
    whole = _target(pose, variance) if batch == rows else None
    losses = []
    for _ in range(steps):
        chosen = torch.randperm(rows, generator=order)[:batch] if whole is None else slice(None)
        first, second = torch.randperm(len(views), generator=order)[:2]
        x = pose[chosen]
        codes = encoder(torch.cat([views[first][chosen], views[second][chosen]]))
        error = (decoder(codes) - x.repeat(2, 1)).square().sum(dim=1).mean() / variance
        target = _target(x, variance) if whole is None else whole
        logits = _negative_squares(codes[:batch], codes[batch:]) / _CODE_TEMPERATURE
        loss = error + torch.nn.functional.cross_entropy(logits, target)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, _CLIP)
        optimiser.step()
        schedule.step()
        losses.append(float(loss.detach()))
    LOG.info("autoencoder: %d steps, loss %.3f to %.3f", steps, losses[0], losses[-1])
    layers = {f"encoder.{name}": value for name, value in _fold(encoder).items()}
    layers |= {f"decoder.{name}": value for name, value in _fold(decoder).items()}
    return layers, tuple(losses)


def _network(width: int) -> tuple[torch.nn.Sequential, torch.nn.Sequential]:
    from torch import nn

    blocks: list[nn.Module] = []
    for inputs, outputs in zip((width, *HIDDEN), HIDDEN, strict=False):
        blocks += [nn.Linear(inputs, outputs), nn.BatchNorm1d(outputs), nn.ReLU()]
    blocks += [nn.Linear(HIDDEN[-1], BOTTLENECK), nn.BatchNorm1d(BOTTLENECK, affine=False)]
    decoder = nn.Sequential(
        nn.Linear(BOTTLENECK, HIDDEN[0]),
        nn.BatchNorm1d(HIDDEN[0]),
        nn.ReLU(),
        nn.Linear(HIDDEN[0], width),
    )
    return nn.Sequential(*blocks), decoder


def _rate(step: int, steps: int) -> float:
    """Warm-up and cosine, as a factor of the starting rate."""
    warm = max(1, round(_WARM_UP * steps))
    return min(1.0, (step + 1) / warm) * 0.5 * (1 + math.cos(math.pi * step / steps))


def _negative_squares(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    squares = a.square().sum(1, keepdim=True) + b.square().sum(1) - 2 * a @ b.T
    return -squares.clamp_min(0)


def _target(pose: torch.Tensor, variance: torch.Tensor) -> torch.Tensor:
    return (_negative_squares(pose, pose) / (_POSE_TEMPERATURE * variance)).softmax(dim=1)


def _fold(network: torch.nn.Sequential) -> dict[str, Floats]:
    """The linear layers, with the batch normalisation that follows each folded in."""
    from torch import nn

    folded: dict[str, Any] = {}
    blocks = list(network)
    linear = [index for index, block in enumerate(blocks) if isinstance(block, nn.Linear)]
    for layer, index in enumerate(linear):
        block: Any = blocks[index]
        weight = block.weight.detach().double().numpy()
        bias = block.bias.detach().double().numpy()
        following = blocks[index + 1] if index + 1 < len(blocks) else None
        if isinstance(following, nn.BatchNorm1d):
            norm: Any = following
            deviation = np.sqrt(norm.running_var.double().numpy() + norm.eps)
            gain = 1.0 if norm.weight is None else norm.weight.detach().double().numpy()
            offset = 0.0 if norm.bias is None else norm.bias.detach().double().numpy()
            gain = gain / deviation
            weight = weight * gain[:, None]
            bias = (bias - norm.running_mean.double().numpy()) * gain + offset
        folded[f"{layer}.weight"] = weight.astype(np.float32)
        folded[f"{layer}.bias"] = bias.astype(np.float32)
    return folded


@contextmanager
def _repeatable(seed: int) -> Iterator[None]:
    """One thread, since sums depend on how they are split; the caller's state is given back."""
    import torch

    threads = torch.get_num_threads()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        torch.set_num_threads(1)
        try:
            yield
        finally:
            torch.set_num_threads(threads)
