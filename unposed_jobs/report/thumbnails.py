"""Small pictures for the pages: at most 320 pixels a side, one file for each content."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from unposed_jobs import storage
from unposed_jobs.config import PoseSettings
from unposed_jobs.pose.decoding import UnreadablePicture, decode
from unposed_jobs.report import addresses, parts

SIDE = 320
FOLDER = "thumbs"
REASONS: dict[str, str] = {
    "missing": "File is missing",
    "gone": "Removed by its host",
    "forbidden": "Host denies access",
    "rate_limited": "Host is too busy",
    "server_error": "Host is in trouble",
    "timeout": "No answer in time",
    "unreachable": "Storage did not answer",
    "refused": "Address not allowed",
    "too_large": "File too large",
    "not_a_picture": "A page, not a picture",
}


@dataclass(frozen=True)
class Thumbnail:
    """A picture's thumbnail, or why there is none."""

    path: str | None
    """Relative to the gallery's folder, with forward slashes; or an address on the web."""
    reason: str = ""


def make_all(
    uris: Iterable[str],
    folder: Path,
    settings: PoseSettings,
    *,
    contents: Mapping[str, str],
    link: bool = False,
    previous: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Thumbnail]:
    """Make the thumbnails of pictures in a thread pool.

    `contents` maps an address to the sha256 of its bytes, where it is known: a thumbnail of
    that content in the gallery `previous` is taken over without reading the picture again. A
    picture that cannot be read or decoded gets a reason, never an exception. With `link` those on
    the web are shown from where they are, but for parts of them (`parts`).
    """
    made: dict[str, Thumbnail] = {}
    wanted = list(dict.fromkeys(uris))
    if link:
        made = {
            uri: Thumbnail(address)
            for uri in wanted
            if parts.split(uri)[1] is None and (address := addresses.on_the_web(uri))
        }
        wanted = [uri for uri in wanted if uri not in made]
    with ThreadPoolExecutor(max(settings.read_threads, 1)) as pool:
        jobs = {
            pool.submit(
                _make, uri, contents.get(parts.split(uri)[0]), folder, previous, settings
            ): uri
            for uri in wanted
        }
        for done, job in enumerate(as_completed(jobs), start=1):
            made[jobs[job]] = job.result()
            if progress is not None:
                progress(done, len(wanted))
    return made


def _make(
    uri: str, content: str | None, folder: Path, previous: Path | None, settings: PoseSettings
) -> Thumbnail:
    whole, part = parts.split(uri)
    if content and _is_digest(content):
        path = _path(content, part)
        if (folder / path).is_file() or _take_over(path, folder, previous):
            return Thumbnail(path)
    try:
        data = storage.pictures.read_bytes(whole, settings.max_bytes)
    except storage.StorageError as error:
        return Thumbnail(None, REASONS[error.status])
    path = _path(hashlib.sha256(data).hexdigest(), part)
    if (folder / path).is_file() or _take_over(path, folder, previous):
        return Thumbnail(path)
    try:
        image = Image.fromarray(parts.cut(decode(data, settings), part))
    except UnreadablePicture:
        return Thumbnail(None, "Not a readable picture")
    image.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS, reducing_gap=2.0)
    encoded = io.BytesIO()
    image.save(encoded, "WEBP", quality=80, method=2)
    target = folder / path
    target.parent.mkdir(parents=True, exist_ok=True)
    # Two addresses may have the same content: whoever renames last writes the same bytes.
    unfinished = target.with_name(f"{target.name}.{hashlib.sha256(uri.encode()).hexdigest()[:16]}")
    unfinished.write_bytes(encoded.getvalue())
    unfinished.replace(target)
    return Thumbnail(path)


def _take_over(path: str, folder: Path, previous: Path | None) -> bool:
    if previous is None or not (previous / path).is_file():
        return False
    target = folder / path
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(previous / path, target)
    except FileExistsError:
        return True
    except OSError:  # Another file system, or one without hard links.
        shutil.copyfile(previous / path, target)
    return True


def _path(content: str, part: parts.Box | None) -> str:
    if part is not None:
        content = hashlib.sha256(f"{content} {part}".encode()).hexdigest()
    # 128 of the 256 bits separate contents; the pages name thousands of these.
    return f"{FOLDER}/{content[:2]}/{content[2:32]}.webp"


def _is_digest(content: str) -> bool:
    # It becomes a file name, so it must be nothing else.
    return len(content) == 64 and set(content) <= set("0123456789abcdef")
