"""Write the best frames of a video as JPEGs: one for each of eight angles, one for each attribute.

Of a file, or of all videos of a folder, nothing of a catalogue is needed: DIR/NAME has the frames,
coverage.svg (from which angles the person is seen) and video.json. Without PATH the frames that
close a gap of the last published day are written, DIR/PRODUCT/, from the videos of the catalogue.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unposed_jobs.arguments import day
from unposed_jobs.cli import _pictures
from unposed_jobs.errors import UnposedError

if TYPE_CHECKING:
    from unposed_jobs.config import Settings
    from unposed_jobs.videos.reading import ChosenFrame, VideoReading

_SHOWN = ("video", "seconds", "looked at", "with a person", "angles")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's flags."""
    parser.add_argument("path", type=Path, nargs="?", metavar="PATH", help="a video, or a folder")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="where to write")
    parser.add_argument(
        "--date", type=day, metavar="YYYY-MM-DD",
        help="without PATH: the published day (default: the last one)",
    )  # fmt: skip


def run(arguments: argparse.Namespace) -> int:
    """Read, choose, write; 1 where a video could not be read."""
    from unposed_jobs import config

    settings = config.load(arguments.config)
    if arguments.path is None:
        return _of_gaps(settings, arguments)
    if arguments.date is not None:
        raise UnposedError("--date is of a published day: give no PATH with it")
    return _of_files(settings, arguments)


def _of_files(settings: Settings, arguments: argparse.Namespace) -> int:
    from unposed_jobs.pose import estimators
    from unposed_jobs.videos.decoding import UnreadableVideo
    from unposed_jobs.videos.reading import VideoReader

    found = _videos(arguments.path)
    estimator = estimators.create(settings.pose)
    reader = VideoReader(estimator, settings.pose, settings.videos)
    rows, unread, used = [], 0, set[Path]()
    for path in found:
        try:
            data = _bytes(path, settings.videos.max_bytes)
            reading = reader(data)
            folder = _pictures.apart(arguments.out / path.stem, used)
            _write(folder, path, data, reading, settings)
        except UnreadableVideo as error:
            unread += 1
            print(f"{path.name}: {error}", file=sys.stderr)
            continue
        rows.append(_row(path, reading))
    estimator.close()
    if rows:
        _pictures.table(_SHOWN, rows)
    return int(unread > 0)


def _videos(path: Path) -> list[Path]:
    from unposed_jobs.videos.decoding import SUFFIXES

    if path.is_file():
        return [path]
    if not path.is_dir():
        raise UnposedError(f"no video or folder {path}")
    found = sorted(one for one in path.rglob("*") if one.suffix.lower() in SUFFIXES)
    if not found:
        raise UnposedError(f"no videos in {path}; read are {', '.join(SUFFIXES)}")
    return found


def _bytes(path: Path, most: int) -> bytes:
    from unposed_jobs.videos.decoding import UnreadableVideo

    try:
        size = path.stat().st_size
        if size > most:
            raise UnreadableVideo("too_large", f"{size} bytes, over [videos] max_bytes = {most}")
        return path.read_bytes()
    except OSError as error:
        raise UnreadableVideo("unreadable", str(error.strerror)) from None


def _write(
    folder: Path, path: Path, data: bytes, reading: VideoReading, settings: Settings
) -> None:
    from unposed_jobs.videos import picture
    from unposed_jobs.videos.reading import ANGLE, frames_at, jpeg

    pictures = frames_at(data, [one.second for one in reading.chosen], settings.videos)
    names = [f"{number:02d}-{_name(one)}" for number, one in enumerate(reading.chosen, start=1)]
    for name, one in zip(names, reading.chosen, strict=True):
        _pictures.write(folder / name, jpeg(pictures[one.second]))
    filled = [one.value for one in reading.chosen if one.reason == ANGLE]
    svg = picture.coverage_svg(reading.coverage.tolist(), filled)
    _pictures.write(folder / "coverage.svg", svg.encode())
    summary = {
        "video": str(path),
        "seconds": round(reading.seconds, 3),
        "frames_looked_at": reading.looked_at,
        "frames_with_person": reading.with_person,
        "coverage": [round(float(value), 3) for value in reading.coverage],
        "frames": [
            {"file": name} | _columns_of(one)
            for name, one in zip(names, reading.chosen, strict=True)
        ],
    }
    _pictures.write(folder / "video.json", (json.dumps(summary, indent=1) + "\n").encode())


def _name(one: ChosenFrame) -> str:
    return re.sub(r"[^\w-]+", "_", f"{one.reason}-{one.value}") + ".jpg"


def _columns_of(one: ChosenFrame) -> dict[str, Any]:
    names = ("reason", "value", "second", "certainty", "angle", "sharpness")
    return {name: getattr(one, name) for name in names}


def _row(path: Path, reading: VideoReading) -> list[str]:
    from unposed_jobs.videos.reading import ANGLE

    angles = [one.value.replace("_", " ") for one in reading.chosen if one.reason == ANGLE]
    return [
        path.name, f"{reading.seconds:.1f}", str(reading.looked_at), str(reading.with_person),
        f"{len(angles)} of 8: {', '.join(angles)}" if angles else "none",
    ]  # fmt: skip


_GAPS = """
SELECT f.product_id, coalesce(f.ask_name, f.pose_name) AS ask, f.remedy_uri AS video,
    f.remedy_seconds AS second
FROM pose_flags f WHERE f.run_date = ? AND f.state = 'missing' AND f.remedy = 'frame'
ORDER BY f.remedy_uri, f.product_id, f.rank, ask
"""


def _of_gaps(settings: Settings, arguments: argparse.Namespace) -> int:
    from unposed_jobs import storage
    from unposed_jobs.catalogue import places
    from unposed_jobs.sql import published
    from unposed_jobs.videos.decoding import UnreadableVideo
    from unposed_jobs.videos.reading import frames_at, jpeg

    storage.configure(places.allowed(settings))
    with published.open_views(settings.warehouse) as views:
        last = views.sql("SELECT max(run_date) FROM published_days").fetchall()[0][0]
        when = arguments.date or last
        if when is None:
            raise UnposedError("no day is published; run: unposed audit")
        gaps = views.execute(_GAPS, [when]).fetchall()
    if not gaps:
        raise UnposedError(
            f"no frame of a video closes a gap of {when}; are videos listed ([catalogue] videos) "
            "and read (unposed videos)?"
        )
    unread, written, used = 0, 0, set[Path]()
    for video, wanted in _by_video(gaps):
        try:
            data = storage.pictures.read_bytes(video, settings.videos.max_bytes)
            pictures = frames_at(data, [second for *_, second in wanted], settings.videos)
        except (storage.StorageError, UnreadableVideo) as error:
            unread += 1
            print(f"{storage.shown(video)}: {error}", file=sys.stderr)
            continue
        for product, ask, second in wanted:
            name = re.sub(r"[^\w.-]+", "_", product).strip(".") or "product"
            file = re.sub(r"[^\w-]+", "_", ask) + ".jpg"
            _pictures.write(
                _pictures.apart(arguments.out / name / file, used), jpeg(pictures[second])
            )
            written += 1
    print(f"{written} frames of {when}: {arguments.out}")
    return int(unread > 0)


def _by_video(
    gaps: list[tuple[str, str, str, float]],
) -> Iterator[tuple[str, list[tuple[str, str, float]]]]:
    videos: dict[str, list[tuple[str, str, float]]] = {}
    for product, ask, video, second in gaps:
        videos.setdefault(video, []).append((product, ask, second))
    yield from videos.items()
