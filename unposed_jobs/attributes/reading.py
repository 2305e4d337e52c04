"""Pictures to the features that the heads take, and the heads that are known."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib import resources
from pathlib import Path

import numpy as np
import numpy.typing as npt

from unposed_jobs.attributes import heads
from unposed_jobs.attributes.heads import Head
from unposed_jobs.config import PoseSettings
from unposed_jobs.errors import UnposedError
from unposed_jobs.networks import weights
from unposed_jobs.networks.threads import threads
from unposed_jobs.pose.kinds import identity
from unposed_jobs.pose.kinds.estimator import squared

FILE = "heads.safetensors"
"""The heads that come with it, in this package; `lab.fitting.attributes` makes them."""


class Features:
    """The frozen network: pictures to (N, 1280) features. One instance belongs to one thread."""

    def __init__(self, settings: PoseSettings) -> None:
        """Raises UnposedError for missing or damaged weights."""
        from unposed_jobs.pose.kinds import efficientnet  # PyTorch takes seconds to import.

        _, data = weights.load(settings, identity.WEIGHTS)
        self._network = efficientnet.create(data, threads())

    def __call__(self, pictures: Sequence[npt.NDArray[np.uint8]]) -> npt.NDArray[np.float32]:
        """Of upright RGB pictures, each (height, width, 3) uint8."""
        if not len(pictures):
            return np.empty((0, heads.WIDTH), np.float32)
        return self._network(np.stack([squared(picture) for picture in pictures]))[1]


def all_heads(further: Sequence[str] = ()) -> list[Head]:
    """The heads that come with it and those of the files; a later one takes an earlier's place.

    Raises UnposedError for a file that cannot be read or holds none.
    """
    found = {head.name: head for head in _shipped()}
    for name in further:
        try:
            data = Path(name).read_bytes()
        except OSError as error:
            raise UnposedError(f"cannot read the attributes {name}: {error.strerror}") from None
        found |= {head.name: head for head in heads.from_bytes(data, name)}
    return list(found.values())


@cache
def _shipped() -> tuple[Head, ...]:
    data = resources.files(__package__ or "").joinpath(FILE).read_bytes()
    return tuple(heads.from_bytes(data, FILE))
