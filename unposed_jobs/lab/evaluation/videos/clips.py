"""Rendered turntable videos: each goes through the reader as a file, and its truth is known."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from unposed_jobs.attributes import heads
from unposed_jobs.config.videos import VideoSettings
from unposed_jobs.lab.fitting.orientation.examples import view
from unposed_jobs.lab.sample.turntables import Clip, clip, random_turntable, write_mp4
from unposed_jobs.orientation import circle
from unposed_jobs.pose.estimator import PoseEstimate
from unposed_jobs.videos import choice, decoding, smoothing
from unposed_jobs.videos.decoding import Header
from unposed_jobs.videos.reading import ANGLE, Seen, VideoReader

Floats = npt.NDArray[np.float64]
RATE = 5.0
CLOSE = 15.0
"""Degrees of a bin's middle within which a frame shows it well."""


@dataclass(frozen=True)
class Judged:
    """One video. `angles` (N,) are the truth of the frames looked at and `cells` (N, 72) what is
    said of them; `chosen` are (bin, true angle, certainty); `first` the same of the first frame
    above the bound, without neighbours; `right` whether the frame chosen for an attribute by
    certainty, at random (a share) and by sharpness is right, by its name."""

    every: Floats
    angles: Floats
    cells: Floats
    chosen: tuple[tuple[int, float, float], ...]
    first: tuple[tuple[int, float, float], ...]
    coverage: Floats
    truth: Floats
    right: dict[str, tuple[float, float, float]]


def encoded(made: Clip) -> bytes:
    """The clip as an MP4 file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.mp4"
        write_mp4(path, made.frames, made.rate)
        return path.read_bytes()


@dataclass(frozen=True)
class Taken:
    """A rendered video as the networks saw it, and its truth: `angles` (M,) in degrees of all its
    frames, `labels` of garment, sleeve and framing."""

    header: Header
    seen: Seen
    angles: Floats
    labels: dict[str, str]

    def save(self, path: Path) -> None:
        """Keep it: rendering and the networks take nearly all of the time."""
        path.parent.mkdir(parents=True, exist_ok=True)
        points = [one.landmarks for one in self.seen.estimates]
        nobody = np.full((33, 5), np.nan, np.float32)
        np.savez_compressed(
            path,
            seconds=self.seen.seconds, standing=self.seen.standing, sharp=self.seen.sharp,
            features=self.seen.features,
            landmarks=np.stack([nobody if one is None else one for one in points]),
            angles=self.angles,
            about=np.array(json.dumps({"header": vars(self.header), "labels": self.labels})),
        )  # fmt: skip

    @staticmethod
    def load(path: Path) -> Taken:
        """What `save` kept; the small JPEGs are not."""
        kept = dict(np.load(path, allow_pickle=False))
        about = json.loads(str(kept["about"]))
        estimates = [
            PoseEstimate(None if np.isnan(one).any() else one, 1.0, 1) for one in kept["landmarks"]
        ]
        seen = Seen(
            kept["seconds"], kept["standing"], kept["sharp"], kept["features"], estimates,
            [b""] * len(estimates),
        )  # fmt: skip
        return Taken(Header(**about["header"]), seen, kept["angles"], about["labels"])


def taken(
    reader: VideoReader, settings: VideoSettings, seed: int, number: int, height: int
) -> Taken:
    """Person `number` of `seed` as a video file, read as any other."""
    rng = np.random.default_rng([seed, 33, number])
    table = random_turntable(seed, number, height)
    made = clip(table, rng, float(rng.uniform(5, 9)), RATE)
    with decoding.opened(encoded(made), settings) as (header, frames):
        seen = reader.see(decoding.different(frames))
    garment = table.garment
    labels = {"garment": garment.kind, "sleeve": garment.sleeve, "framing": table.framing}
    return Taken(header, seen, made.angles, labels)


def judged(reader: VideoReader, settings: VideoSettings, video: Taken) -> Judged:
    """What is said of a video, held against its truth."""
    seen, predicted = video.seen, reader.predict(video.seen)
    reading = reader.choose(video.header, seen, predicted)
    places = np.clip(np.round(seen.seconds * RATE).astype(int), 0, len(video.angles) - 1)
    angles = video.angles[places]
    at = {round(float(second), 3): number for number, second in enumerate(seen.seconds)}
    chosen = tuple(
        (circle.NAMES.index(one.value), float(angles[at[one.second]]), one.certainty)
        for one in reading.chosen
        if one.reason == ANGLE
    )
    truth = choice.coverage(_exactly(video.angles), np.full(len(video.angles), 1 / RATE))
    labels = {name: [value] * len(angles) for name, value in video.labels.items()}
    labels["view"] = [view(float(angle)) for angle in angles]
    right = {
        name: _right(reader.attributes[name], predicted.shares[name], labels[name], seen.sharp)
        for name in labels
        if name in predicted.shares
    }
    return Judged(
        video.angles,
        angles,
        smoothing.smoothed(predicted.cells, seen.seconds),
        chosen,
        _first(predicted.cells, angles, settings.min_certainty),
        reading.coverage.astype(np.float64),
        truth.astype(np.float64),
        right,
    )


def _exactly(angles: Floats) -> Floats:
    """(N, 72) all in the cell of each angle."""
    cells = np.zeros((len(angles), circle.CELLS))
    at = np.round(angles / circle.CELL).astype(int) % circle.CELLS
    cells[np.arange(len(angles)), at] = 1.0
    return cells


def _first(cells: Floats, angles: Floats, least: float) -> tuple[tuple[int, float, float], ...]:
    """The source's rule: the first frame that fills an empty bin."""
    found: dict[int, tuple[int, float, float]] = {}
    for number, shares in enumerate(circle.bins(cells)):
        best = int(shares.argmax())
        if shares[best] >= least and best not in found:
            found[best] = (best, float(angles[number]), float(shares[best]))
    return tuple(found.values())


def _right(
    head: heads.Head, shares: Floats, labels: list[str], sharp: Floats
) -> tuple[float, float, float]:
    right = np.array([head.values[best] for best in shares.argmax(1)]) == np.array(labels)
    surest = int(heads.certainty(shares).argmax())
    return float(right[surest]), float(right.mean()), float(right[int(sharp.argmax())])
