"""MediaPipe's own squat video with its expected world landmarks: a real person, no known angle.

What is held against each other are the head's angle and that of the expected world points of
shoulders and hips, which are metres from the hips in three dimensions.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from unposed_jobs.config.videos import VideoSettings
from unposed_jobs.orientation import circle
from unposed_jobs.videos import decoding, smoothing
from unposed_jobs.videos.reading import VideoReader

VIDEO, WORLD = "pose_squats.mp4", "pose_squats_3d.full.json"
_LEFT, _RIGHT = (11, 23), (12, 24)


def squats(folder: Path, reader: VideoReader, settings: VideoSettings) -> dict[str, Any] | None:
    """Degrees between both angles over all frames; None where the video is not at hand."""
    if not (folder / VIDEO).is_file():
        return None
    expected = np.array(json.loads((folder / WORLD).read_text(encoding="utf-8")), np.float64)
    across = expected[:, _LEFT, :3].mean(1) - expected[:, _RIGHT, :3].mean(1)
    # Facing the camera the left side has the larger x; turned to its right side the larger z.
    world = np.rad2deg(np.arctan2(across[:, 2], across[:, 0]))
    with decoding.opened((folder / VIDEO).read_bytes(), settings) as (header, frames):
        seen = reader.see(frames)
    facing = reader.predict(seen)
    angles = circle.mean(smoothing.smoothed(facing.cells, seen.seconds))[0]
    places = np.clip(np.round(seen.seconds * header.rate).astype(int), 0, len(world) - 1)
    apart = circle.apart(angles, world[places])
    reading = reader.choose(header, seen, facing)
    return {
        "frames": len(apart),
        "with_person": reading.with_person,
        "median_between": float(np.median(apart)),
        "p90_between": float(np.quantile(apart, 0.9)),
        "angles_filled": [one.value for one in reading.chosen if one.reason == "angle"],
    }
