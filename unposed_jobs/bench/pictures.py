"""What the benchmarks look at: a folder of pictures, or the sample catalogue rendered for it."""

from __future__ import annotations

import tempfile
from itertools import cycle, islice
from pathlib import Path

from unposed_jobs import config
from unposed_jobs.config import PoseSettings
from unposed_jobs.errors import UnposedError

HEIGHT = 1280
"""Of rendered pictures, in pixels; the width is 0.8 to 1 of it. Shops ask for 1,000 and more."""

_PICTURES_OF_A_PRODUCT = 4
_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}


def load(folder: str | Path | None, count: int, height: int = HEIGHT) -> list[bytes]:
    """The bytes of at most `count` pictures of a folder, or of a sample rendered into the cache.

    Raises UnposedError where the folder holds no picture.
    """
    root = Path(folder) if folder is not None else _rendered(count, height)
    paths = sorted(path for path in root.rglob("*") if path.suffix.lower() in _SUFFIXES)
    if not paths:
        raise UnposedError(f"no pictures in {root}; name a folder that has some")
    return [path.read_bytes() for path in paths[:count]]


def repeated(contents: list[bytes], count: int) -> list[bytes]:
    """Exactly `count` pictures, over and over again where there are fewer."""
    return list(islice(cycle(contents), count))


def pose_settings() -> PoseSettings:
    """The default settings of the pose room."""
    return config.load().pose


def _rendered(count: int, height: int) -> Path:
    from unposed_jobs.catalogue.sample.writer import SampleSettings, write_sample

    products = max(1, -(-count // _PICTURES_OF_A_PRODUCT))
    out = config.cache() / "bench" / f"sample-{products}-{height}"
    if not out.is_dir():
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=out.parent) as folder:
            made = Path(folder) / "sample"
            write_sample(made, SampleSettings(products=products, size=height), progress=False)
            made.rename(out)
    return out
