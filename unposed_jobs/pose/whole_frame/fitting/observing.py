"""What the networks say of examples: what correction and gate are fitted on, and its truth."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from unposed_jobs.config import PoseSettings
from unposed_jobs.pose import estimators, weights
from unposed_jobs.pose.blazepose import engines
from unposed_jobs.pose.estimator import PoseEstimate
from unposed_jobs.pose.whole_frame import evidence, readings, squares
from unposed_jobs.pose.whole_frame.estimator import detector_row, glance, of_ladder, sight
from unposed_jobs.pose.whole_frame.first import First
from unposed_jobs.pose.whole_frame.fitting import examples
from unposed_jobs.pose.whole_frame.fitting.examples import Example
from unposed_jobs.pose.whole_frame.fitting.windows import windows
from unposed_jobs.pose.whole_frame.looking import Sightings, look

SHARE = 0.15
"""Of the rendered people whom the detector places right, so many are looked at again."""

SURE = 0.9
"""Pose score from which the detector's landmarks of a real picture are taken for the truth."""

_TAKEN = {"full": 0.25, "upper": 0.25, "fabric": 0.3, "size_chart": 0.3}
"""Kinds of which a rendered catalogue holds more than is needed: the share that is looked at."""

_CUT = 0.12
"""Of the rendered people, so many are cut off as well."""

_LADDER = {"full": 0.6, "upper": 0.6, "fabric": 0.5, "size_chart": 0.5}
"""The same, where only the first squares are looked at."""

_WINDOWS, _WINDOWS_REAL = 0.35, 8.0
"""Windows for each rendered and each real person that the gate learns from."""


@dataclass(frozen=True)
class Looked:
    """An example, what the detector found, and the second look where there was one: with what
    its first squares were judged, and whether it would have ended there.
    """

    example: Example
    estimate: PoseEstimate
    seen: Sightings | None = None
    first: First | None = None
    stopped: bool = False

    @property
    def right(self) -> bool:
        """Whether the detector's person is placed right."""
        if self.example.joints is None or self.estimate.landmarks is None:
            return False
        points = self.estimate.landmarks[None, :, :2] * self.example.size
        return bool(examples.right(points, self.example.joints, self.example.size)[0])


@dataclass(frozen=True)
class Observed:
    """One example's evidence. `found` (F,) and `found_right` are None where the detector saw
    nobody; `sighted` (4 P, F) and `sighted_right` (4 P,) where there was no second look. It is
    `stopped` where the second look would have ended at the first squares.
    """

    origin: str
    kind: str
    group: str
    person: bool
    found: npt.NDArray[np.float64] | None
    found_right: bool | None
    sighted: npt.NDArray[np.float64] | None
    sighted_right: npt.NDArray[np.bool_] | None
    stopped: bool = False


def observed(looked: Looked) -> Observed:
    """The evidence of what was looked at, with the truth."""
    example, landmarks = looked.example, looked.estimate.landmarks
    seen, first = looked.seen, looked.first
    width, height = map(int, example.size)
    found = found_right = sighted = sighted_right = None
    if landmarks is not None:
        found = evidence.of_landmarks(landmarks, width, height)
        found_right = looked.right
    if seen is not None and first is not None:
        corrected = first.correction.corrected(seen, width, height)
        inside = first.inside(of_ladder(seen))
        detector = detector_row(looked.estimate)
        sighted = evidence.of_sightings(seen, corrected, inside, detector, (width, height))
        read = readings.averaged(readings.every(seen, corrected), width, height)
        sighted_right = np.zeros(len(read), bool)
        if example.joints is not None:
            sighted_right = examples.right(read.points, example.joints, example.size)
    person = example.joints is not None
    where = example.origin, example.kind, example.group
    return Observed(*where, person, found, found_right, sighted, sighted_right, looked.stopped)


class Observer:
    """Runs the configured estimator and the second look over examples.

    First `ladders` over all folders; what is made of them is `first`, for each group fitted
    without it, that `catalogue`, `people` and `objects` want.
    """

    def __init__(self, settings: PoseSettings) -> None:
        self._estimator = estimators.create(replace(settings, second_look=False))
        self._engine = engines.create(weights.load(settings)[1], inside=True)
        self._settings = settings
        self._rng = np.random.default_rng(20221012)
        self.first: Callable[[str], First] | None = None

    def ladders(self, folder: Path, what: str) -> Iterator[tuple[Example, Sightings]]:
        """Examples without their pixels, whole and cut off in many ways, and what the ladder's
        squares show of them. `what` is catalogue, people or objects.
        """
        read = {"catalogue": self._rendered, "people": self._known, "objects": self._objects}
        for example in read[what](folder):
            several = [example]
            if example.joints is None:
                several += examples.altered(example, self._rng)
            else:
                rendered = example.origin == "rendered"
                several += windows(example, self._rng, 1.0 if rendered else _WINDOWS_REAL)
                if not rendered or self._rng.random() < 2 * _CUT:
                    several += examples.headless(example, self._rng)
            for one in several:
                height, width = one.picture.shape[:2]
                regions = squares.ladder(width, height)
                seen = look(self._engine, [one.picture], [0] * len(regions), regions)
                own = one.origin == "rendered" or one.kind.startswith(folder.name)
                kind = one.kind if own else f"{folder.name} {one.kind}"
                yield replace(one, picture=np.empty((height, width, 0), np.uint8), kind=kind), seen

    def _rendered(self, folder: Path) -> Iterator[Example]:
        for example in examples.rendered(folder, self._settings):
            if self._rng.random() < _LADDER.get(example.kind, 1.0):
                yield example

    def _objects(self, folder: Path) -> Iterator[Example]:
        return examples.objects(folder, self._settings)

    def catalogue(self, folder: Path) -> Iterator[Looked]:
        """A rendered catalogue: its pictures, people cut off, objects altered."""
        for example in examples.rendered(folder, self._settings):
            if self._rng.random() < _TAKEN.get(example.kind, 1.0):
                yield self._look(example)
                if example.joints is None:
                    yield from map(self._look, examples.altered(example, self._rng))
            if example.joints is not None:
                yield from self._some(examples.headless(example, self._rng), _CUT)
                yield from map(self._look, windows(example, self._rng, _WINDOWS))

    def objects(self, folder: Path) -> Iterator[Looked]:
        """A folder of pictures of nobody, whole and altered."""
        for example in examples.objects(folder, self._settings):
            yield self._look(example)
            for _ in range(2):
                yield from map(self._look, examples.altered(example, self._rng))

    def people(self, folder: Path) -> Iterator[Looked]:
        """A folder of people, whole and cut off. Their truth is in `annotations.json`; without
        that file it is the detector's own landmarks, where it is sure of the whole person.
        """
        for example in self._known(folder):
            yield self._look(example)
            for part in (
                examples.headless(example, self._rng),
                examples.legs(example),
                windows(example, self._rng, _WINDOWS_REAL),
            ):
                for cut in part:
                    yield self._look(replace(cut, kind=f"{folder.name} {cut.kind}"))

    def _known(self, folder: Path) -> Iterator[Example]:
        if (folder / "annotations.json").exists():
            yield from examples.people(folder, self._settings)
            return
        for example in examples.objects(folder, self._settings):
            (estimate,) = self._estimator.estimate([example.picture])
            if estimate.landmarks is not None and estimate.pose_score >= SURE:
                joints = estimate.landmarks[examples.LANDMARKS, :2].astype(float)
                yield replace(example, joints=joints)

    def _some(self, several: Iterable[Example], share: float) -> Iterator[Looked]:
        for example in several:
            if self._rng.random() < share:
                yield self._look(example)

    def _look(self, example: Example) -> Looked:
        assert self.first is not None
        (estimate,) = self._estimator.estimate([example.picture])
        looked = Looked(example, estimate)
        if looked.right and example.origin == "rendered" and self._rng.random() > SHARE:
            return looked
        first = self.first(example.group)
        glanced = glance(self._engine, [example.picture])
        shown = [(example.picture, estimate, glanced[0])]
        (seen,) = sight(self._engine, first.correction, shown)
        return replace(looked, seen=seen, first=first, stopped=first.hopeless(glanced[0]))
