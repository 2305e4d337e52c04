"""Probabilistic heads on frozen features: one small regression for each attribute.

How sure a head is says how well a picture shows the attribute: what tells the values apart is in
sight. Certainty is one less the entropy of the values' probabilities over the most there can be.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import save
from scipy import special

from unposed_jobs.errors import UnposedError

Floats = npt.NDArray[np.float64]

WIDTH = 1280
"""Values of a picture: the mean of EfficientNet's last layer."""
_PARTS = ("mean", "scale", "weight", "bias")


@dataclass(frozen=True)
class Head:
    """One attribute: logits are ((x - mean) / scale) weight' + bias, for features x (1280,).

    `values` are its K values; `mean` and `scale` (1280,), `weight` (K, 1280), `bias` (K,), divided
    by the temperature that calibrates it.
    """

    name: str
    values: tuple[str, ...]
    mean: npt.NDArray[np.float32]
    scale: npt.NDArray[np.float32]
    weight: npt.NDArray[np.float32]
    bias: npt.NDArray[np.float32]

    def __call__(self, features: npt.NDArray[np.float32]) -> Floats:
        """Probabilities (N, K) of features (N, 1280)."""
        logits = ((features - self.mean) / self.scale) @ self.weight.T + self.bias
        return np.asarray(special.softmax(logits.astype(np.float64), axis=-1))


def certainty(shares: Floats) -> Floats:
    """(N,) in [0, 1] of probabilities (N, K): 1 where one value is sure, 0 where all are alike."""
    most = np.log(shares.shape[-1])
    return np.asarray(1 - special.entr(shares).sum(-1) / most)


def to_bytes(heads: Sequence[Head]) -> bytes:
    """As a safetensors file, in half precision; the values are its metadata."""
    tensors = {
        f"{head.name}/{part}": getattr(head, part).astype(np.float16)
        for head in heads
        for part in _PARTS
    }
    metadata = {head.name: json.dumps(head.values) for head in heads}
    return bytes(save(tensors, metadata))


def from_bytes(data: bytes, where: str) -> list[Head]:
    """The heads of such a file, by name. Raises UnposedError where it is none."""
    from safetensors.numpy import load

    try:
        tensors = load(data)
        size = int.from_bytes(data[:8], "little")
        metadata = json.loads(data[8 : 8 + size]).get("__metadata__") or {}
        heads = [
            Head(
                name,
                tuple(str(value) for value in json.loads(values)),
                *(tensors[f"{name}/{part}"].astype(np.float32) for part in _PARTS),
            )
            for name, values in sorted(metadata.items())
        ]
    except (SafetensorError, KeyError, ValueError, TypeError) as error:
        raise UnposedError(_none(where, str(error))) from None
    for head in heads:
        shapes = (head.mean.shape, head.scale.shape, head.weight.shape, head.bias.shape)
        count = len(head.values)
        if count < 2 or shapes != ((WIDTH,), (WIDTH,), (count, WIDTH), (count,)):
            raise UnposedError(_none(where, f"wrong sizes of {head.name}"))
    if not heads:
        raise UnposedError(_none(where, "it holds none"))
    return heads


def _none(where: str, why: str) -> str:
    return f"{where} holds no attribute heads ({why}); make them: unposed attributes train FOLDER"


def digest(heads: Sequence[Head]) -> str:
    """Names what decides the answers of these heads, whatever their order."""
    made = hashlib.sha256()
    # Not the file's bytes: the order of its metadata is another one each time.
    for head in sorted(heads, key=lambda one: one.name):
        made.update(json.dumps([head.name, head.values]).encode())
        for part in _PARTS:
            made.update(getattr(head, part).astype("<f2").tobytes())
    return made.hexdigest()[:10]
