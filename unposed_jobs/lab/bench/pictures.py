"""What the benchmarks look at: a folder of pictures, or the sample catalogue rendered for it."""

from __future__ import annotations

import contextlib
import io
import tempfile
from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path

from PIL import Image

from unposed_jobs import config
from unposed_jobs.config import PoseSettings
from unposed_jobs.errors import UnposedError

HEIGHT = 1280
"""Of rendered pictures, in pixels; the width is 0.8 to 1 of it. Shops ask for 1,000 and more."""

SMALL = 640
"""Of the many pictures that the whole job is timed on."""

_PICTURES_OF_A_PRODUCT = 4
_RENDERED = 96
_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}


def load(folder: str | Path | None, count: int, height: int = HEIGHT) -> list[bytes]:
    """The bytes of at most `count` pictures of a folder, or of a sample rendered into the cache.

    Raises UnposedError where the folder holds no picture.
    """
    products = max(1, -(-count // _PICTURES_OF_A_PRODUCT))
    root = Path(folder) if folder is not None else catalogue(products, height)
    paths = sorted(path for path in root.rglob("*") if path.suffix.lower() in _SUFFIXES)
    if not paths:
        raise UnposedError(f"no pictures in {root}; name a folder that has some")
    return [path.read_bytes() for path in paths[:count]]


def load_sound(folder: str | Path | None, count: int, height: int = HEIGHT) -> list[bytes]:
    """As `load`, without what Pillow cannot read: a plain loop knows no other way than to stop."""
    return [data for data in load(folder, count, height) if _opened(data)]


def catalogue(products: int, height: int = SMALL) -> Path:
    """The folder of a rendered catalogue of so many products, made once into the cache."""
    out = config.cache() / "bench" / f"sample-{products}-{height}"
    if not out.is_dir():
        from unposed_jobs.lab.sample.writer import SampleSettings, write_sample

        with _made(out) as folder:
            write_sample(folder, SampleSettings(products=products, size=height), progress=False)
    return out


def repeated(contents: list[bytes], count: int) -> list[bytes]:
    """Exactly `count` pictures, over and over again where there are fewer."""
    return list(islice(cycle(contents), count))


def many(count: int, height: int = SMALL) -> Path:
    """A folder of exactly `count` JPEGs with contents of their own, made once into the cache.

    A few rendered pictures, each over and over again with other margins cut away and another
    quality: cheap to make, and as much work to extract as any.
    """
    out = config.cache() / "bench" / f"many-{count}-{height}"
    if not out.is_dir():
        # A catalogue lists some pictures twice: as the same bytes they would be one content.
        found = list(dict.fromkeys(load_sound(None, _RENDERED, height)))
        with _made(out) as folder:
            for number in range(count):
                turn, index = divmod(number, len(found))
                (folder / f"{number:07}.jpg").write_bytes(varied(found[index], turn))
    return out


def varied(data: bytes, turn: int) -> bytes:
    """The picture as another JPEG for each `turn`: of another crop, and of quality 86 to 95."""
    image = Image.open(io.BytesIO(data)).convert("RGB")
    margin, quality = divmod(turn, 10)
    left, top = margin % 8, margin // 8
    target = io.BytesIO()
    image.crop((left, top, image.width, image.height)).save(target, "JPEG", quality=86 + quality)
    return target.getvalue()


def pose_settings() -> PoseSettings:
    """The default settings of the pose room."""
    return config.load().pose


@contextlib.contextmanager
def _made(out: Path) -> Iterator[Path]:
    """A folder to fill, which becomes `out` when it is whole."""
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent) as folder:
        made = Path(folder) / "made"
        made.mkdir()
        yield made
        made.rename(out)


def _opened(data: bytes) -> bool:
    try:
        Image.open(io.BytesIO(data)).load()
    except (OSError, SyntaxError, Image.DecompressionBombError):
        return False
    return True
