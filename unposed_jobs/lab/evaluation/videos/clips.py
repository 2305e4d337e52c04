"""Rendered turntable videos: each goes through the reader as a file, and its truth is known."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from unposed_jobs.attributes import heads
from unposed_jobs.config.videos import VideoSettings
from unposed_jobs.lab.fitting.orientation.examples import view
from unposed_jobs.lab.sample.turntables import Clip, clip, random_turntable
from unposed_jobs.orientation import circle
from unposed_jobs.videos import choice, decoding, sharpness, smoothing
from unposed_jobs.videos.reading import ANGLE, VideoReader

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
    height, width = made.frames.shape[1:3]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.mp4"
        code = cv2.VideoWriter.fourcc(*"mp4v")
        writer = cv2.VideoWriter(str(path), code, made.rate, (width, height))
        for frame in made.frames:
            writer.write(np.ascontiguousarray(frame[:, :, ::-1]))
        writer.release()
        return path.read_bytes()


def judged(
    reader: VideoReader, settings: VideoSettings, seed: int, number: int, height: int
) -> Judged:
    """Render person `number` of `seed` as a video, read it, hold it against the truth."""
    rng = np.random.default_rng([seed, 33, number])
    table = random_turntable(seed, number, height)
    made = clip(table, rng, float(rng.uniform(5, 9)), RATE)
    with decoding.opened(encoded(made), settings) as (header, frames):
        looked = reader.look(decoding.different(frames))
    told = reader.choose(header, looked)
    places = np.clip(np.round(looked.seconds * made.rate).astype(int), 0, len(made.angles) - 1)
    angles = made.angles[places]
    at = {round(float(second), 3): number for number, second in enumerate(looked.seconds)}
    chosen = tuple(
        (circle.NAMES.index(one.value), float(angles[at[one.second]]), one.certainty)
        for one in told.chosen
        if one.reason == ANGLE
    )
    truth = choice.coverage(_exactly(made.angles), np.full(len(made.angles), 1 / made.rate))
    labels = {
        "garment": [table.garment.kind] * len(angles),
        "sleeve": [table.garment.sleeve] * len(angles),
        "framing": [table.framing] * len(angles),
        "view": [view(float(angle)) for angle in angles],
    }
    right = {
        name: _right(reader, looked.shares[name], labels[name], looked.sharp, name)
        for name in labels
        if name in looked.shares
    }
    return Judged(
        made.angles,
        angles,
        smoothing.smoothed(looked.cells, looked.seconds),
        chosen,
        _first(looked.cells, angles, settings.min_certainty),
        told.coverage.astype(np.float64),
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
    reader: VideoReader, shares: Floats, labels: list[str], sharp: Floats, name: str
) -> tuple[float, float, float]:
    values = reader.attribute_values(name)
    right = np.array([values[best] for best in shares.argmax(1)]) == np.array(labels)
    surest = int(heads.certainty(shares).argmax())
    sharpest = int(sharpness.qualities(sharp).argmax())
    return float(right[surest]), float(right.mean()), float(right[sharpest])
