"""Judges orientation, videos and attributes: ``python -m unposed_jobs.lab.evaluation.videos``.

On rendered people of a seed that nothing was fitted on, from 100 on judged once. What the networks
saw of each video is kept below --work: what was broken off goes on, and other heads are judged on
the same.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

from unposed_jobs import config
from unposed_jobs.errors import UnposedError
from unposed_jobs.lab.evaluation.videos import figures, golden
from unposed_jobs.lab.evaluation.videos.clips import Judged, Taken, judged, taken
from unposed_jobs.lab.fitting.orientation.examples import Examples, examples
from unposed_jobs.lab.sample import turntables
from unposed_jobs.orientation import head
from unposed_jobs.pose import estimators
from unposed_jobs.videos.reading import VideoReader


def main(arguments: Sequence[str] | None = None) -> int:
    """Render, read, judge, print."""
    parser = argparse.ArgumentParser(prog="python -m unposed_jobs.lab.evaluation.videos")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--people", type=int, default=40, help="whose pictures are judged")
    parser.add_argument("--videos", type=int, default=30, help="of one other person each")
    parser.add_argument("--height", type=int, default=320, help="of the frames, pixels")
    parser.add_argument("--data", type=Path, help="real data: the squat video")
    parser.add_argument("--work", type=Path, required=True, metavar="DIR", help="what is done")
    parser.add_argument("--json", type=Path, help="also write the figures")
    given = parser.parse_args(arguments)
    settings = config.load()
    try:
        found = judge(given, settings)
    except (UnposedError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    text = json.dumps(found, indent=1)
    print(text)
    if given.json:
        given.json.write_text(text + "\n", encoding="utf-8")
    return 0


def judge(given: argparse.Namespace, settings: config.Settings) -> dict[str, Any]:
    """All figures, by what they are of."""
    pictures = stills(given, settings.pose)
    facing = head.head()(pictures.inputs(head.head()))
    found: dict[str, Any] = {
        "seed": given.seed,
        "day": f"{date.today()}",
        "found": len(pictures.angles) / pictures.of,
        "orientation": figures.of_orientation(facing, pictures.angles, pictures.people),
    }
    reader = VideoReader(estimators.create(settings.pose), settings.pose, settings.videos)
    videos = []
    for number in range(given.videos):
        videos.append(_one(reader, settings, given, number))
        print(f"video {number + 1} of {given.videos}", file=sys.stderr, flush=True)
    if videos:
        found["videos"] = figures.of_videos(videos)
        found["attributes"] = figures.of_attributes(videos)
    if given.data:
        found["squats"] = golden.squats(given.data / "blazepose-golden", reader, settings.videos)
    return found


def stills(given: argparse.Namespace, pose: config.PoseSettings) -> Examples:
    """Pictures of people, as a video would show them; kept below --work."""
    path = given.work / f"stills-{given.seed}-{given.people}-{given.height}.npz"
    if not path.is_file():
        made = examples(
            given.seed, range(1000, 1000 + given.people), given.height, pose, turntables.FRAMINGS
        )
        made.save(path)
    return Examples.load([path])


def _one(
    reader: VideoReader, settings: config.Settings, given: argparse.Namespace, number: int
) -> Judged:
    """A judged video; what the networks saw of it is kept below --work."""
    name = f"video-{given.seed}-{given.height}-{number}.npz"
    path = given.work / name
    if not path.is_file():
        taken(reader, settings.videos, given.seed, number, given.height).save(path)
    return judged(reader, settings.videos, Taken.load(path))


if __name__ == "__main__":
    sys.exit(main())
