"""An estimator that looks a second time where the first look saw nobody, or somebody doubtful."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from unposed_jobs.config import PoseSettings
from unposed_jobs.networks import engines, weights
from unposed_jobs.pose.batches import LONGEST_SIDE
from unposed_jobs.pose.blazepose.estimator import BlazePoseEstimator
from unposed_jobs.pose.estimator import PoseEstimate, PoseEstimator
from unposed_jobs.pose.principal import pose_score
from unposed_jobs.pose.second_look import (
    evidence,
    headless,
    identity,
    keeping,
    opinion,
    readings,
    squares,
)
from unposed_jobs.pose.second_look.correction import Correction
from unposed_jobs.pose.second_look.evidence import Inside
from unposed_jobs.pose.second_look.gate import Gate, load, of_inside
from unposed_jobs.pose.second_look.headless import HeadlessReader
from unposed_jobs.pose.second_look.looking import Sightings, look, stacked
from unposed_jobs.pose.second_look.opinion import Opinion

GROUP = 64
"""Pictures that are looked at again at once: a GPU's networks run full batches, and NumPy takes
for one person most of what it takes for several."""

_Picture = npt.NDArray[np.uint8]


class Look(NamedTuple):
    """What a second look at a picture has seen, of which the detector said `result`."""

    picture: _Picture
    result: PoseEstimate
    seen: Sightings
    inside: Inside


class Asked(NamedTuple):
    """The probability that anybody is `there`; and what `climb` has seen with what its inner values
    say. Both are None where the screening leaves no doubt that nobody is; `there` is then its own.
    """

    there: float
    seen: Sightings | None = None
    inside: Inside | None = None


def wrap(inner: PoseEstimator, settings: PoseSettings) -> WholeFrameEstimator:
    """`inner` with a second look, by the full landmark network and the shipped gate.

    Where `inner` runs that network itself, one engine serves both. Raises UnposedError for missing
    or damaged weights or gate.
    """
    bundle, data = weights.load(settings)

    def engine() -> engines.Engine:
        own = inner.shared(bundle.sha256) if isinstance(inner, BlazePoseEstimator) else None
        return engines.create(data) if own is None else own

    return WholeFrameEstimator(
        inner,
        engine,
        load(),
        settings.min_person_probability,
        identity.identify(inner.estimator_id, settings),
        headless_reader=headless.create(settings),
        second=opinion.create(settings),
    )


class WholeFrameEstimator:
    """Wraps an estimator of 33 landmarks. Fulfils `PoseEstimator`.

    A person of whom the landmarks alone leave no doubt is passed on. Every other picture is shown
    whole to the landmark network; the gate says whether there is anybody, where it leaves that open
    with `opinion`, and which reading is most likely placed right. What the detector saw is one of
    the sightings, and is believed where it has seen a head (`keeping`). Of people whose head is not
    in the picture `headless` refines it.
    """

    def __init__(
        self,
        inner: PoseEstimator,
        engine: Callable[[], engines.Engine],
        gate: Gate,
        threshold: float,
        estimator_id: str,
        *,
        headless_reader: HeadlessReader | None = None,
        second: Opinion | None = None,
    ) -> None:
        self._id = estimator_id
        self._opinion = second
        self._headless = headless_reader
        self._inner = inner
        self._make_engine = engine
        self._engine: engines.Engine | None = None
        self._gate = gate
        self._threshold = threshold

    @property
    def estimator_id(self) -> str:
        """The inner estimator's, with whatever can change the second look's answer."""
        return self._id

    def estimate(self, pictures: Sequence[_Picture]) -> list[PoseEstimate]:
        """See `PoseEstimator.estimate`. Landmarks are (33, 5) float32."""
        results = self._inner.estimate(pictures)
        doubtful, sure_of = [], []
        clear = self._clear(pictures, results)
        for index, (picture, result) in enumerate(zip(pictures, results, strict=True)):
            if result.error is not None or max(picture.shape[:2]) > LONGEST_SIDE:
                continue
            sure = clear.get(index, -1.0)
            if sure >= self._gate.clear_from:
                results[index] = replace(
                    result,
                    person_confidence=sure,
                    found_by="detector",
                    person_probability=sure,
                )
                sure_of.append(index)
            else:
                doubtful.append(index)
        for start in range(0, len(doubtful), GROUP):
            group = doubtful[start : start + GROUP]
            judged = self._look_again([pictures[i] for i in group], [results[i] for i in group])
            for index, result in zip(group, judged, strict=True):
                results[index] = result
        for start in range(0, len(sure_of) if self._headless else 0, GROUP):
            self._refine(pictures, results, sure_of[start : start + GROUP])
        return results

    def close(self) -> None:
        """Give the networks back; the estimator cannot be used afterwards."""
        self._engine = self._headless = self._opinion = None
        self._inner.close()

    def _look_again(
        self, pictures: Sequence[_Picture], results: Sequence[PoseEstimate]
    ) -> list[PoseEstimate]:
        if self._engine is None:
            self._engine = self._make_engine()
        asked = ask(self._engine, self._gate, pictures, results, self._opinion)
        judged = [PoseEstimate(None, 0.0, 0, person_probability=one.there) for one in asked]
        kept = [row for row, one in enumerate(asked) if one.seen and one.there >= self._threshold]
        if not kept:
            return judged
        shown = [pictures[row] for row in kept]
        climbed = [seen for row in kept if (seen := asked[row].seen) is not None]
        followed = follow(self._engine, self._gate.first.correction, shown, climbed)
        looks = [
            Look(pictures[row], results[row], seen, inside)
            for row, seen in zip(kept, followed, strict=True)
            if (inside := asked[row].inside) is not None
        ]
        placed = self._placed(looks)
        if self._headless is not None:
            placed = self._headless(shown, placed, doubted=True)
        for row, one in zip(kept, placed, strict=True):
            judged[row] = replace(one, person_probability=asked[row].there)
        return judged

    def _refine(
        self, pictures: Sequence[_Picture], results: list[PoseEstimate], rows: Sequence[int]
    ) -> None:
        """Refine, in place, those of these rows whose head is not in the picture."""
        assert self._headless is not None
        refined = self._headless([pictures[row] for row in rows], [results[row] for row in rows])
        for row, one in zip(rows, refined, strict=True):
            results[row] = one

    def _clear(
        self, pictures: Sequence[_Picture], results: Sequence[PoseEstimate]
    ) -> dict[int, float]:
        """Probability that a person is there and placed right, of each picture with landmarks."""
        found = {i: one.landmarks for i, one in enumerate(results) if one.landmarks is not None}
        if not found:
            return {}
        sizes = [pictures[index].shape[1::-1] for index in found]
        features = evidence.of_landmarks(np.stack(list(found.values())), sizes)
        sure = self._gate.clear.probability(features)
        return dict(zip(found, sure.tolist(), strict=True))

    def _placed(self, looks: Sequence[Look]) -> list[PoseEstimate]:
        """Of each look the reading that is most likely right."""
        alike = defaultdict(list)
        for index, one in enumerate(looks):
            alike[detector_row(one.result)].append(index)
        placed: dict[int, PoseEstimate] = {}
        for detector, indices in alike.items():
            # Together: most of what NumPy takes is for its calls, not for the numbers.
            group = [looks[index] for index in indices]
            placed |= zip(indices, self._placed_alike(group, detector), strict=True)
        return [placed[index] for index in range(len(looks))]

    def _placed_alike(self, looks: Sequence[Look], detector: int | None) -> list[PoseEstimate]:
        """As `_placed`, where all or none have a detector's person, in this row."""
        seen = stacked([one.seen for one in looks])
        sizes = np.array([one.picture.shape[1::-1] for one in looks])
        inside = Inside(*np.transpose([one.inside for one in looks]))
        corrected = self._gate.first.correction.corrected(seen, sizes)
        features = evidence.of_sightings(seen, corrected, inside, detector, sizes)
        placed = self._gate.placed.probability(features.reshape(-1, features.shape[-1]))
        placed = placed.reshape(features.shape[:-1])
        best = placed.argmax(-1)
        read = readings.averaged(readings.every(seen, corrected), sizes).chosen(best)
        own = () if detector is None else (detector, detector + 2 * len(seen))
        estimates = []
        for row, one in enumerate(looks):
            landmarks = read.take(row).table(0, *sizes[row])
            estimate = PoseEstimate(
                landmarks,
                pose_score(landmarks),
                max(one.result.person_count, 1),
                person_confidence=float(placed[row, best[row]]),
                found_by="detector" if best[row] in own else "whole_frame",
            )
            estimates.append(_kept(one.result, estimate, sizes[row]))
        return estimates


def ask(
    engine: engines.Engine,
    gate: Gate,
    pictures: Sequence[_Picture],
    results: Sequence[PoseEstimate],
    second: Opinion | None = None,
) -> list[Asked]:
    """Of each picture, of which the detector said `results`, whether anybody is there, by the gate
    and, where that leaves it open, by the `second` network.
    """
    first = gate.first
    screened = screen(engine, pictures)
    chances = [first.chance(seen) for seen in screened]
    asked = [Asked(chance) if hopeless else None for chance, hopeless in chances]
    hopeful = [row for row, one in enumerate(asked) if one is None]
    shown = [(pictures[row], results[row], screened[row]) for row in hopeful]
    for row, seen in zip(hopeful, climb(engine, shown) if shown else [], strict=True):
        inside = first.inside(of_ladder(seen))
        asked[row] = Asked(float(gate.there.probability(of_inside(inside))), seen, inside)
    judged = [one for one in asked if one is not None]
    if second is None:
        return judged
    there = second(pictures, [one.there for one in judged], [one.inside for one in judged])
    return [one._replace(there=chance) for one, chance in zip(judged, there, strict=True)]


def _kept(detector: PoseEstimate, second: PoseEstimate, size: npt.NDArray[np.intp]) -> PoseEstimate:
    """Of what both looks say of a picture of this width and height, what is believed."""
    if detector.landmarks is None or second.landmarks is None:
        return second
    both = detector.landmarks[None], second.landmarks[None]
    kept = keeping.kept(*both, [second.person_confidence], size[0] / size[1])
    sure = float(kept.confidence[0])
    if not kept.detector[0]:
        return replace(second, person_confidence=sure)
    return replace(
        second,
        landmarks=detector.landmarks,
        pose_score=detector.pose_score,
        person_confidence=sure,
        found_by="detector",
        outline=detector.outline,
    )


def screen(engine: engines.Engine, pictures: Sequence[_Picture]) -> list[Sightings]:
    """Each picture's sightings in the squares of `squares.SCREENING`."""
    return _look_at(engine, pictures, [_ladder(picture)[_SCREENING] for picture in pictures])


def climb(
    engine: engines.Engine, shown: Sequence[tuple[_Picture, PoseEstimate, Sightings]]
) -> list[Sightings]:
    """Each picture's sightings of the whole ladder and of the detector's person, if any. `shown`
    are pictures, what the detector found, and the screening.
    """
    pictures = [picture for picture, _, _ in shown]
    rest = [_rest(picture, result) for picture, result, _ in shown]
    return [
        one.joined(other).take(_in_order(len(one) + len(other)))
        for (_, _, one), other in zip(shown, _look_at(engine, pictures, rest), strict=True)
    ]


def follow(
    engine: engines.Engine,
    moves: Correction,
    pictures: Sequence[_Picture],
    seen: Sequence[Sightings],
) -> list[Sightings]:
    """What `climb` has seen of each picture, and two more, where it says that somebody is."""
    again = [_again(moves, *pair) for pair in zip(pictures, seen, strict=True)]
    return [
        one.joined(other)
        for one, other in zip(seen, _look_at(engine, pictures, again), strict=True)
    ]


def of_ladder(seen: Sightings) -> Sightings:
    """Those of the ladder's squares."""
    return seen.take(slice(0, len(squares.LADDER)))


def detector_row(result: PoseEstimate) -> int | None:
    """Which sighting is of the detector's person."""
    return None if result.landmarks is None else len(squares.LADDER)


_SCREENING = list(squares.SCREENING)
_OTHERS = [row for row in range(len(squares.LADDER)) if row not in squares.SCREENING]


def _ladder(picture: _Picture) -> npt.NDArray[np.float32]:
    height, width = picture.shape[:2]
    return squares.ladder(width, height)


def _rest(picture: _Picture, result: PoseEstimate) -> npt.NDArray[np.float32]:
    """What the screening has left out: the ladder's other squares, and the detector's person."""
    regions = _ladder(picture)[_OTHERS]
    if result.landmarks is None:
        return regions
    height, width = picture.shape[:2]
    return np.concatenate([regions, squares.around(result.landmarks, width, height)])


def _in_order(count: int) -> npt.NDArray[np.intp]:
    """Rows that bring `count` sightings, the screening's first, into the ladder's order."""
    ladder = np.argsort([*_SCREENING, *_OTHERS])
    return np.concatenate([ladder, np.arange(len(ladder), count)])


def _again(moves: Correction, picture: _Picture, seen: Sightings) -> npt.NDArray[np.float32]:
    """Where to look once more: (2, 4), at what the squares agree on and at the surest of them."""
    corrected = moves.corrected(seen, picture.shape[1::-1])
    surest = int(of_ladder(seen).scores.argmax())
    agreed = int(readings.agreed(corrected))
    return squares.following(np.stack([corrected.points[agreed], seen.points[surest]]))


def _look_at(
    engine: engines.Engine,
    pictures: Sequence[_Picture],
    regions: list[npt.NDArray[np.float32]],
) -> list[Sightings]:
    indices = [index for index, part in enumerate(regions) for _ in part]
    seen = look(engine, pictures, indices, np.concatenate(regions))
    ends = np.cumsum([len(part) for part in regions])
    return [seen.take(slice(end - len(part), end)) for part, end in zip(regions, ends, strict=True)]
