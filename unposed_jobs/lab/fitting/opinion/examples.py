"""People cut off and pictures of nobody, as the gate and EfficientNet see them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt

from unposed_jobs.attributes.reading import Features
from unposed_jobs.config import PoseSettings
from unposed_jobs.lab.fitting.second_look import examples as known
from unposed_jobs.lab.fitting.second_look.examples import Example, enlarged
from unposed_jobs.lab.fitting.second_look.windows import windows
from unposed_jobs.networks import engines, weights
from unposed_jobs.pose.estimator import PoseEstimate
from unposed_jobs.pose.second_look.estimator import climb, of_ladder, screen
from unposed_jobs.pose.second_look.first import First
from unposed_jobs.pose.second_look.gate import load, of_inside

RENDERED, REAL = 1.0, 12.0
"""Windows for each rendered and each real person."""
_HEADLESS, _ALTERED = 0.05, 0.35
"""Shares of the rendered people who are cut off below the mouth as well, and of the pictures of
nobody that are cropped and turned."""
_SHARES = {"fabric": 0.4, "size_chart": 0.4}
"""Kinds of which a rendered catalogue holds more than is needed."""
_BATCH = 16


@dataclass(frozen=True)
class Doubtful:
    """N pictures: EfficientNet's `values` (N, 1280), the gate's evidence `inside` (N, 2), whether
    it is `stopped` (N,) at the first squares, whether anybody is there, `person` (N,); `origins`,
    `kinds` and `groups` (N,), the last of which must not be parted."""

    values: npt.NDArray[np.float64]
    inside: npt.NDArray[np.float64]
    stopped: npt.NDArray[np.bool_]
    person: npt.NDArray[np.bool_]
    origins: npt.NDArray[np.str_]
    kinds: npt.NDArray[np.str_]
    groups: npt.NDArray[np.str_]


def catalogue(folder: Path, settings: PoseSettings) -> Iterator[Example]:
    """Of a rendered catalogue the people cut off in any measure, and what shows nobody.

    Raises UnposedError where it is none.
    """
    rng = _dice(folder)
    for one in known.rendered(folder, settings):
        if one.joints is None:
            if rng.random() < _SHARES.get(one.kind, 1.0):
                yield one
                if rng.random() < _ALTERED:
                    yield from known.altered(one, rng)
            continue
        if one.kind in ("chest", "legs"):
            yield one
        if rng.random() < _HEADLESS:
            yield from known.headless(one, rng)
        yield from windows(one, rng, RENDERED)


def people(folder: Path, settings: PoseSettings) -> Iterator[Example]:
    """Windows over the people of `annotations.json`.

    Raises UnposedError where it cannot be read.
    """
    rng = _dice(folder)
    for one in known.everybody(folder, settings):
        large = enlarged(one)
        if large is not None:
            yield from windows(large, rng, REAL)


def objects(folder: Path, settings: PoseSettings) -> Iterator[Example]:
    """A folder of pictures of nobody, whole and altered."""
    rng = _dice(folder)
    for one in known.objects(folder, settings):
        yield one
        yield from known.altered(one, rng)


def read(examples: Iterable[Example], settings: PoseSettings) -> Doubtful:
    """What the gate's first squares and EfficientNet say of them.

    Raises UnposedError for missing weights.
    """
    engine, features = engines.create(weights.load(settings)[1]), Features(settings)
    first = load().first
    values, inside, stopped, told = [], [], [], []
    waiting = iter(examples)
    while batch := list(islice(waiting, _BATCH)):
        pictures = [one.picture for one in batch]
        values.append(features(pictures).astype(np.float64))
        for evidence, hopeless in _looked(engine, first, pictures):
            inside.append(evidence)
            stopped.append(hopeless)
        told += [(one.joints is not None, one.origin, one.kind, one.group) for one in batch]
    person, origins, kinds, groups = (np.array(column) for column in zip(*told, strict=True))
    return Doubtful(
        np.concatenate(values), np.stack(inside), np.array(stopped), person, origins, kinds, groups
    )


def joined(parts: Iterable[Doubtful]) -> Doubtful:
    """All of several."""
    columns = zip(*(vars(part).values() for part in parts), strict=True)
    return Doubtful(*(np.concatenate(column) for column in columns))


def _looked(
    engine: engines.Engine, first: First, pictures: list[npt.NDArray[np.uint8]]
) -> Iterator[tuple[npt.NDArray[np.float64], bool]]:
    nobody = PoseEstimate(None, 0.0, 0)
    screened = screen(engine, pictures)
    shown = [(picture, nobody, seen) for picture, seen in zip(pictures, screened, strict=True)]
    for few, seen in zip(screened, climb(engine, shown), strict=True):
        yield of_inside(first.inside(of_ladder(seen))), first.chance(few)[1]


def _dice(folder: Path) -> np.random.Generator:
    """A folder's own: what else is fitted on does not change its examples."""
    return np.random.default_rng(sum(folder.name.encode()))
