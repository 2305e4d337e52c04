"""A video's frames through the networks: landmarks, angles over time, attributes, the best frames.

    bytes -> frames (a process of its own) -> the different ones -> networks in batches
          -> angles, smoothed over time -> eight bins, attributes, coverage

Pixels of a batch of frames are held, and small JPEGs of the frames that may be chosen.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

import cv2
import numpy as np
import numpy.typing as npt

from unposed_jobs.attributes import heads
from unposed_jobs.attributes.reading import AttributeReader
from unposed_jobs.config import PoseSettings
from unposed_jobs.config.videos import VideoSettings
from unposed_jobs.errors import UnposedError
from unposed_jobs.orientation import circle
from unposed_jobs.orientation import head as orientation
from unposed_jobs.pose.estimator import PoseEstimate, PoseEstimator
from unposed_jobs.videos import choice, decoding, sharpness, smoothing
from unposed_jobs.videos.decoding import Frame, Header

VERSION = 1
"""Raised when the rows of an equal video would change."""

ANGLE = "angle"
"""What an angle's frame is chosen for; else it is an attribute's name."""
_BATCH = 16
_PREVIEW = 240
_POINTS = 33


@dataclass(frozen=True)
class ChosenFrame:
    """One frame that is kept.

    `reason` is ``angle`` or an attribute's name, `value` the bin (`circle.NAMES`) or the
    attribute's value, `certainty` its probability (of an attribute, one less its entropy over the
    most there can be). `angle` in degrees and `concentration` are None where nobody stands;
    `sharpness` is a share of the video's sharp frames'. `landmarks` (33, 5) of the frame,
    `preview` a small JPEG.
    """

    reason: str
    value: str
    second: float
    certainty: float
    angle: float | None
    concentration: float | None
    sharpness: float
    person_confidence: float
    landmarks: npt.NDArray[np.float32] | None = field(repr=False)
    preview: bytes = field(repr=False)


@dataclass(frozen=True)
class VideoReading:
    """What a video shows. `looked_at` frames went through the networks, `with_person` of them show
    somebody; `coverage` (72,) are seconds of each angle (`choice.coverage`)."""

    header: Header
    seconds: float
    looked_at: int
    with_person: int
    coverage: npt.NDArray[np.float32]
    chosen: tuple[ChosenFrame, ...]


@dataclass(frozen=True)
class Looked:
    """N frames as the networks saw them: `seconds` (N,), calibrated angles `cells` (N, 72),
    `concentrations` (N,), `sharp` (N,), `shares` of attributes (N, K) by name, and for each frame
    its estimate and a small JPEG."""

    seconds: npt.NDArray[np.float64]
    cells: npt.NDArray[np.float64]
    concentrations: npt.NDArray[np.float64]
    sharp: npt.NDArray[np.float64]
    shares: dict[str, npt.NDArray[np.float64]]
    estimates: list[PoseEstimate]
    previews: list[bytes]


def version(settings: VideoSettings, estimator_id: str, attributes: str) -> str:
    """The reader's id: all that decides its rows beside the video."""
    parts = (
        str(VERSION), estimator_id, orientation.identity(), attributes,
        f"{settings.frames_per_second:g} {settings.frame_side} {settings.min_certainty:g}",
    )  # fmt: skip
    return f"videos-{VERSION}-{hashlib.sha256('|'.join(parts).encode()).hexdigest()[:12]}"


class VideoReader:
    """Reads videos one after the other. One instance belongs to one thread."""

    def __init__(
        self, estimator: PoseEstimator, pose: PoseSettings, settings: VideoSettings
    ) -> None:
        """Raises UnposedError for an estimator of other points than BlazePose's, or weights that
        are missing."""
        check_estimator(pose)
        self._estimator = estimator
        self._settings = settings
        self._attributes = AttributeReader(pose, settings.attributes)
        self.version = version(settings, estimator.estimator_id, self._attributes.identity)

    def attribute_values(self, name: str) -> tuple[str, ...]:
        """The values of an attribute, in the order of `Looked.shares`."""
        return self._attributes.values(name)

    def __call__(self, data: bytes) -> VideoReading:
        """Of a video's bytes. Raises UnreadableVideo."""
        with decoding.opened(data, self._settings) as (header, frames):
            looked = self.look(decoding.different(frames))
        return self.choose(header, looked)

    def look(self, frames: Iterable[Frame]) -> Looked:
        """What the networks see in frames, in order."""
        parts = [self._batch(batch) for batch in _batches(frames)]
        names = parts[0].shares if parts else {}
        return Looked(
            _joined([one.seconds for one in parts]),
            _joined([one.cells for one in parts], circle.CELLS),
            _joined([one.concentrations for one in parts]),
            _joined([one.sharp for one in parts]),
            {name: np.concatenate([one.shares[name] for one in parts]) for name in names},
            [estimate for one in parts for estimate in one.estimates],
            [preview for one in parts for preview in one.previews],
        )

    def _batch(self, frames: Sequence[Frame]) -> Looked:
        pictures = [frame.picture for frame in frames]
        estimates = self._estimator.estimate(pictures)
        cells = np.full((len(frames), circle.CELLS), 1 / circle.CELLS)
        sharp = np.zeros(len(frames))
        found = [number for number, one in enumerate(estimates) if _standing(one)]
        concentrations = np.full(len(frames), np.nan)
        if found:
            points = np.stack([_points(estimates[number]) for number in found])
            sizes = [pictures[number].shape[1::-1] for number in found]
            facing = orientation.head()(points, sizes)
            cells[found], concentrations[found] = facing.cells, facing.concentrations
        for number, picture in enumerate(pictures):
            sharp[number] = sharpness.sharpness(picture, _box(estimates[number]))
        return Looked(
            np.array([frame.second for frame in frames]),
            cells,
            concentrations,
            sharp,
            self._attributes(pictures),
            estimates,
            [_preview(picture) for picture in pictures],
        )

    def choose(self, header: Header, looked: Looked) -> VideoReading:
        """The best frames and the coverage of what was looked at."""
        step = 1 / self._settings.frames_per_second
        with_person = ~np.isnan(looked.concentrations)
        cells = smoothing.smoothed(looked.cells, looked.seconds)
        spans = choice.spans(looked.seconds, step) if len(cells) else np.empty(0)
        # Where nobody stands nothing is seen, whatever the neighbours say.
        told = np.where(with_person, spans, 0.0)
        quality = np.where(with_person, sharpness.qualities(looked.sharp), 0.0)
        there = np.flatnonzero(with_person)
        chosen = [
            self._frame(looked, cells, quality, int(there[one.frame]),
                        (ANGLE, circle.NAMES[one.bin], one.certainty))
            for one in choice.of_angles(
                cells[there], quality[there], self._settings.min_certainty
            )
        ]  # fmt: skip
        for name, shares in looked.shares.items():
            certainty = heads.certainty(shares)
            best = int(certainty.argmax())
            value = self._attributes.values(name)[int(shares[best].argmax())]
            why = (name, value, float(certainty[best]))
            chosen.append(self._frame(looked, cells, quality, best, why))
        end = float(looked.seconds[-1] + step) if len(looked.seconds) else 0.0
        return VideoReading(
            header,
            max(header.seconds, end),
            len(looked.seconds),
            int(with_person.sum()),
            choice.coverage(cells, told),
            tuple(chosen),
        )

    def _frame(
        self,
        looked: Looked,
        cells: npt.NDArray[np.float64],
        quality: npt.NDArray[np.float64],
        number: int,
        why: tuple[str, str, float],
    ) -> ChosenFrame:
        standing = not np.isnan(looked.concentrations[number])
        estimate = looked.estimates[number]
        return ChosenFrame(
            *why[:2],
            second=round(float(looked.seconds[number]), 3),
            certainty=round(why[2], 6),
            angle=round(float(circle.mean(cells[number])[0]), 2) if standing else None,
            concentration=round(float(looked.concentrations[number]), 3) if standing else None,
            sharpness=round(float(quality[number]), 4),
            person_confidence=float(estimate.person_confidence),
            landmarks=estimate.landmarks,
            preview=looked.previews[number],
        )


def check_estimator(pose: PoseSettings) -> None:
    """Raise UnposedError where the estimator gives no depth: angles need BlazePose's points."""
    if not pose.estimator.startswith(("blazepose", "mediapipe", "champion")):
        raise UnposedError(
            f"videos need BlazePose's 33 points, and {pose.estimator} gives 17; set "
            '[pose] estimator = "blazepose-full", or leave [catalogue] videos empty'
        )


def frames_at(
    data: bytes, seconds: Sequence[float], settings: VideoSettings
) -> dict[float, npt.NDArray[np.uint8]]:
    """Of each of `seconds` the nearest frame (height, width, 3) of those that are looked at, as it
    is in the video. Raises UnreadableVideo.
    """
    best: dict[float, Frame] = {}
    with decoding.opened(data, settings, side=0) as (_, frames):
        for frame in frames:
            for second in seconds:
                known = best.get(second)
                if known is None or abs(frame.second - second) < abs(known.second - second):
                    best[second] = frame
            if frame.second > max(seconds, default=0.0) + 1 / settings.frames_per_second:
                break
    return {second: frame.picture for second, frame in best.items()}


def _batches(frames: Iterable[Frame]) -> Iterator[list[Frame]]:
    waiting = iter(frames)
    while batch := list(islice(waiting, _BATCH)):
        yield batch


def _standing(estimate: PoseEstimate) -> bool:
    return estimate.landmarks is not None and len(estimate.landmarks) == _POINTS


def _points(estimate: PoseEstimate) -> npt.NDArray[np.float32]:
    assert estimate.landmarks is not None
    return estimate.landmarks


def _box(estimate: PoseEstimate) -> tuple[float, float, float, float]:
    if estimate.landmarks is None:
        return (0.0, 0.0, 1.0, 1.0)
    low, high = estimate.landmarks[:, :2].min(0), estimate.landmarks[:, :2].max(0)
    return (float(low[0]), float(low[1]), float(high[0]), float(high[1]))


def _preview(picture: npt.NDArray[np.uint8]) -> bytes:
    scale = _PREVIEW / max(picture.shape[:2])
    if scale < 1:
        size = (round(picture.shape[1] * scale), round(picture.shape[0] * scale))
        picture = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
    return jpeg(picture, 75)


def jpeg(picture: npt.NDArray[np.uint8], quality: int = 92) -> bytes:
    """The picture (height, width, 3), RGB, as a JPEG."""
    import simplejpeg

    return bytes(simplejpeg.encode_jpeg(np.ascontiguousarray(picture), quality, colorspace="RGB"))


def _joined(parts: list[npt.NDArray[np.float64]], width: int = 0) -> npt.NDArray[np.float64]:
    if not parts:
        return np.empty((0, width) if width else 0)
    return np.concatenate(parts)
