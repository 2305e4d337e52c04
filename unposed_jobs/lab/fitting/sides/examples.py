"""People cut off below the mouth, as MoveNet reads them, and which of their sides lies left."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt

from unposed_jobs.config import PoseSettings
from unposed_jobs.lab.fitting.second_look import examples as known
from unposed_jobs.lab.fitting.second_look.examples import Example
from unposed_jobs.lab.fitting.second_look.windows import windows
from unposed_jobs.pose.movenet import left_right
from unposed_jobs.pose.movenet.network import MoveNet

RENDERED, REAL = 4.0, 24.0
"""Windows for each rendered and each real person, of which half are of a torso."""
_KINDS = ("window chest", "window body")
_APART = 0.08
"""Torsos that the shoulders lie apart, at least: closer, no side is left."""
_BATCH = 32


@dataclass(frozen=True)
class Sides:
    """N windows: `torso` (N, C) and `heat` (N,) as `left_right.evidence` has them, whether what
    lies left is the person's `left` (N,), and `people` (N,), who must not be parted.
    """

    torso: npt.NDArray[np.float32]
    heat: npt.NDArray[np.float64]
    left: npt.NDArray[np.bool_]
    people: npt.NDArray[np.str_]


def rendered(folder: Path, settings: PoseSettings) -> Iterator[Example]:
    """Windows over a rendered catalogue's people. Raises UnposedError where it is none."""
    rng = np.random.default_rng(sum(str(folder.name).encode()))
    for one in known.rendered(folder, settings):
        if one.joints is not None:
            yield from _torsos(windows(one, rng, RENDERED))


def real(folder: Path, settings: PoseSettings) -> Iterator[Example]:
    """Windows over the people of `annotations.json`, each with some of the picture round them.

    Raises UnposedError where it cannot be read.
    """
    rng = np.random.default_rng(1)
    for one in known.everybody(folder, settings):
        large = known.enlarged(one)
        if large is not None:
            yield from _torsos(windows(large, rng, REAL))


def _torsos(found: Iterable[Example]) -> Iterator[Example]:
    for one in found:
        torso = known.known_torso(one)
        if torso is None or one.kind not in _KINDS:
            continue
        if abs(torso[0, 0] - torso[1, 0]) > _APART * known.torso_length(one):
            yield one


def read(network: MoveNet, windows_: Iterable[Example]) -> Sides:
    """What a network, one that is sided, says of them."""
    torso, heat, left, people = [], [], [], []
    waiting = iter(windows_)
    while batch := list(islice(waiting, _BATCH)):
        inner, warm = left_right.evidence(
            left_right.deciding(network, [one.picture for one in batch])
        )
        torso.append(inner)
        heat.append(warm)
        for one in batch:
            shoulders = known.known_torso(one)
            assert shoulders is not None
            left.append(bool(shoulders[0, 0] < shoulders[1, 0]))
            people.append(one.group)
    return Sides(np.concatenate(torso), np.concatenate(heat), np.array(left), np.array(people))
