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
from unposed_jobs.attributes.reading import Features, all_heads
from unposed_jobs.config import PoseSettings
from unposed_jobs.config.videos import VideoSettings
from unposed_jobs.errors import UnposedError
from unposed_jobs.orientation import circle
from unposed_jobs.orientation import head as orientation
from unposed_jobs.orientation.body import BodyReader
from unposed_jobs.pose.estimator import PoseEstimate, PoseEstimator
from unposed_jobs.videos import choice, decoding, sharpness, smoothing
from unposed_jobs.videos.decoding import Frame, Header

VERSION = 4
"""Raised when the rows of an equal video would change."""

ANGLE = "angle"
"""What an angle's frame is chosen for; else it is an attribute's name."""
_BATCH = 16
_PREVIEW = 240
_POINTS = 33
_KIND = "kind"


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
class Seen:
    """N frames as the networks saw them: `seconds` (N,), `standing` (N, W) what angles are told by
    (`orientation.head.Head.inputs`), NaN where nobody stands, `sharp` (N,) (`sharpness`),
    `features` (N, 1280) of `attributes`, and of each its estimate and a small JPEG."""

    seconds: npt.NDArray[np.float64]
    standing: npt.NDArray[np.float32]
    sharp: npt.NDArray[np.float64]
    features: npt.NDArray[np.float32]
    estimates: list[PoseEstimate]
    previews: list[bytes]


@dataclass(frozen=True)
class Predictions:
    """What is said of N seen frames, each by itself: calibrated angles `cells` (N, 72), all alike
    where nobody stands, `concentrations` (N,), NaN there, and `shares` (N, K) of attributes."""

    cells: npt.NDArray[np.float64]
    concentrations: npt.NDArray[np.float64]
    shares: dict[str, npt.NDArray[np.float64]]


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
        self._features = Features(pose)
        self._bodies = BodyReader(pose)
        self.attributes = {head.name: head for head in all_heads(settings.attributes)}
        digest = heads.digest(list(self.attributes.values()))
        self.version = version(settings, estimator.estimator_id, digest)

    def __call__(self, data: bytes) -> VideoReading:
        """Of a video's bytes. Raises UnreadableVideo."""
        with decoding.opened(data, self._settings) as (header, frames):
            seen = self.see(decoding.different(frames))
        return self.choose(header, seen, self.predict(seen))

    def see(self, frames: Iterable[Frame]) -> Seen:
        """Frames through the networks, in batches, in order."""
        parts = [self._batch(batch) for batch in _batches(frames)]
        if not parts:
            empty = np.empty(0)
            nobody = np.empty((0, orientation.head().width), np.float32)
            return Seen(empty, nobody, empty, self._features([]), [], [])
        return Seen(
            np.concatenate([one.seconds for one in parts]),
            np.concatenate([one.standing for one in parts]),
            np.concatenate([one.sharp for one in parts]),
            np.concatenate([one.features for one in parts]),
            [estimate for one in parts for estimate in one.estimates],
            [preview for one in parts for preview in one.previews],
        )

    def _batch(self, frames: Sequence[Frame]) -> Seen:
        pictures = [frame.picture for frame in frames]
        estimates = self._estimator.estimate(pictures)
        sharp = [
            sharpness.sharpness(picture, _box(estimate))
            for picture, estimate in zip(pictures, estimates, strict=True)
        ]
        return Seen(
            np.array([frame.second for frame in frames]),
            self._standing(pictures, estimates),
            np.array(sharp),
            self._features(pictures),
            estimates,
            [_preview(picture) for picture in pictures],
        )

    def _standing(
        self, pictures: Sequence[npt.NDArray[np.uint8]], estimates: Sequence[PoseEstimate]
    ) -> npt.NDArray[np.float32]:
        """`Seen.standing` of a batch."""
        head = orientation.head()
        table = np.full((len(pictures), head.width), np.nan, np.float32)
        found = [number for number, one in enumerate(estimates) if _stands(one)]
        if found:
            shown = [pictures[number] for number in found]
            points = np.stack([_points(estimates[number]) for number in found])
            sizes = [picture.shape[1::-1] for picture in shown]
            table[found] = head.inputs(points, sizes, self._bodies(shown, points))
        return table

    def predict(self, seen: Seen) -> Predictions:
        """Angles and attributes of each seen frame."""
        count = len(seen.estimates)
        cells = np.full((count, circle.CELLS), 1 / circle.CELLS)
        concentrations = np.full(count, np.nan)
        found = np.flatnonzero(~np.isnan(seen.standing).any(1))
        if len(found):
            facing = orientation.head()(seen.standing[found])
            cells[found], concentrations[found] = facing.cells, facing.concentrations
        shares = {name: head(seen.features) for name, head in self.attributes.items()}
        return Predictions(cells, concentrations, shares if count else {})

    def choose(self, header: Header, seen: Seen, predicted: Predictions) -> VideoReading:
        """The best frames and the coverage of what was seen."""
        step = 1 / self._settings.frames_per_second
        with_person = ~np.isnan(predicted.concentrations)
        cells = smoothing.smoothed(predicted.cells, seen.seconds)
        spans = choice.spans(seen.seconds, step) if len(cells) else np.empty(0)
        quality = np.where(with_person, sharpness.qualities(seen.sharp), 0.0)
        there = np.flatnonzero(with_person)
        angles = choice.of_angles(cells[there], quality[there], self._settings.min_certainty)
        wanted = [
            (ANGLE, circle.NAMES[one.bin], one.certainty, int(there[one.frame])) for one in angles
        ]
        for name, shares in predicted.shares.items():
            # The kind is of a picture without a person: elsewhere it means nothing.
            certainty = np.where(with_person & (name == _KIND), -1, heads.certainty(shares))
            if certainty.max() < 0:
                continue
            best = int(certainty.argmax())
            value = self.attributes[name].values[int(shares[best].argmax())]
            wanted.append((name, value, float(certainty[best]), best))
        off = choice.misread(np.nan_to_num(predicted.concentrations))
        end = float(seen.seconds[-1] + step) if len(seen.seconds) else 0.0
        return VideoReading(
            header,
            max(header.seconds, end),
            len(seen.seconds),
            len(there),
            # Where nobody stands nothing is seen, whatever the neighbours say.
            choice.coverage(cells, np.where(with_person, spans, 0.0), off),
            tuple(_chosen(one, seen, predicted, cells, quality) for one in wanted),
        )


def _chosen(
    wanted: tuple[str, str, float, int],
    seen: Seen,
    predicted: Predictions,
    cells: npt.NDArray[np.float64],
    quality: npt.NDArray[np.float64],
) -> ChosenFrame:
    reason, value, certainty, number = wanted
    estimate, concentration = seen.estimates[number], float(predicted.concentrations[number])
    standing = not np.isnan(concentration)
    return ChosenFrame(
        reason,
        value,
        second=round(float(seen.seconds[number]), 3),
        certainty=round(certainty, 6),
        angle=round(float(circle.mean(cells[number])[0]), 2) if standing else None,
        concentration=round(concentration, 3) if standing else None,
        sharpness=round(float(quality[number]), 4),
        person_confidence=float(estimate.person_confidence),
        landmarks=estimate.landmarks,
        preview=seen.previews[number],
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


def _stands(estimate: PoseEstimate) -> bool:
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
