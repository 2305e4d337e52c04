"""A folder of somebody's own pictures: found, read, looked at in batches, one after the other."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from unposed_jobs.config import PoseSettings
from unposed_jobs.errors import UnposedError
from unposed_jobs.pictures import rows
from unposed_jobs.pictures.facts import FactsReader, Seen
from unposed_jobs.pose import estimators, pipeline

SUFFIXES = (
    ".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif", ".heic", ".heif",
)  # fmt: skip
_NUMBERED = re.compile(r"^(?P<product>.+?)[\s_.-]+(?:[A-Za-z]{0,4}\d{1,3}|front|back|side|main)$")
_ONLY_A_NUMBER = re.compile(r"^(?:[A-Za-z]{0,4}\d{1,3}|front|back|side|main)$")


@dataclass(frozen=True)
class Found:
    """A picture's file: where it is, its name below the folder, the product that it is of."""

    path: Path
    name: str
    product: str


@dataclass(frozen=True)
class Looked:
    """A found picture with what was seen, or why nothing was; `file_format` as Pillow names it."""

    found: Found
    seen: Seen | None
    error: str | None
    file_bytes: int
    file_format: str


def pictures(folder: Path) -> list[Found]:
    """All pictures in a folder and below, by name, or the one file; hidden ones are left out.

    A subfolder is a product; in the folder itself ``ABC_1.jpg`` and ``ABC_2.jpg`` are one's, and
    ``1.jpg`` and ``2.jpg`` the folder's own.
    Raises UnposedError where there is none.
    """
    if folder.is_file():
        return [Found(folder, folder.name, _product(folder))]
    if not folder.is_dir():
        raise UnposedError(f"no folder {folder}")
    found = []
    for base, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files, key=_natural):
            path = Path(base, name)
            if name.startswith(".") or path.suffix.lower() not in SUFFIXES:
                continue
            below = path.relative_to(folder)
            product = str(below.parent) if len(below.parts) > 1 else _product(path)
            found.append(Found(path, str(below), product))
    if not found:
        raise UnposedError(f"no pictures in {folder}; read are {', '.join(SUFFIXES)}")
    return found


def look(
    found: Sequence[Found],
    settings: PoseSettings,
    reader: FactsReader,
    part_of: Callable[[Found], str | None] = lambda one: None,
    advance: Callable[[], None] = lambda: None,
) -> Iterator[Looked]:
    """Each picture with its facts, in order. An unreadable one has its reason, and stops nothing.

    `advance` is called after each. Raises UnposedError for missing weights.
    """
    estimator = estimators.create(settings, outlines=True)
    sizes: dict[str, tuple[int, str]] = {}

    def load(one: Found) -> bytes | None:
        try:
            data = one.path.read_bytes()
        except OSError:
            return None
        sizes[one.name] = (len(data), rows.file_format(data))
        return data

    try:
        for batch in pipeline.estimate_stream(found, load, estimator, settings):
            yield from _batch(batch, sizes, reader, part_of, advance)
    finally:
        estimator.close()


def _batch(
    batch: Sequence[pipeline.Seen[Found]],
    sizes: dict[str, tuple[int, str]],
    reader: FactsReader,
    part_of: Callable[[Found], str | None],
    advance: Callable[[], None],
) -> Iterator[Looked]:
    sound = [
        (one.item, one.picture, one.estimate, one.row.content_sha256)
        for one in batch
        if one.row is not None
        and one.picture is not None
        and one.estimate is not None
        and one.estimate.error is None
    ]
    seen = reader(
        [picture for _, picture, _, _ in sound],
        [estimate for _, _, estimate, _ in sound],
        [digest for _, _, _, digest in sound],
        [part_of(item) for item, _, _, _ in sound],
    )
    by_name = {item.name: one for (item, *_), one in zip(sound, seen, strict=True)}
    for one in batch:
        size, kind = sizes.pop(one.item.name, (0, ""))
        yield Looked(one.item, by_name.get(one.item.name), _error(one), size, kind)
        advance()


def _error(one: pipeline.Seen[Found]) -> str | None:
    if one.row is None:
        return "missing: the file cannot be read"
    if one.picture is None:
        return str(one.row.error)
    if one.estimate is not None and one.estimate.error is not None:
        return f"estimator_failed: {one.estimate.error}"
    return None


def _product(path: Path) -> str:
    if _ONLY_A_NUMBER.match(path.stem):
        return path.absolute().parent.name
    match = _NUMBERED.match(path.stem)
    return match["product"] if match else path.stem


def _natural(name: str) -> list[tuple[int, str]]:
    """``2.jpg`` before ``10.jpg``."""
    return [
        (int(part), "") if part.isdigit() else (-1, part.lower())
        for part in re.split(r"(\d+)", name)
        if part
    ]
