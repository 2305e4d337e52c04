"""The weights folder.

Each file is named by its content, and ``<name>.json`` names the one in use with its sha256. The
file is written first and the JSON last, both by renaming, so a reader never sees half of a fetch,
however many processes fetch at once.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from unposed_jobs.errors import UnposedError


@dataclass(frozen=True)
class Bundle:
    """Fetched weights: their name, the file in the weights folder, its sha256, its origin."""

    name: str
    file: str
    sha256: str
    source: str


def write(folder: Path, name: str, suffix: str, data: bytes, source: str) -> Bundle:
    """Put weights into the folder. Raises UnposedError where it cannot be written."""
    digest = hashlib.sha256(data).hexdigest()
    bundle = Bundle(name=name, file=f"{name}-{digest[:12]}.{suffix}", sha256=digest, source=source)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _replace(folder / bundle.file, data)
        description = json.dumps(asdict(bundle), indent=2) + "\n"
        _replace(folder / f"{name}.json", description.encode())
    except OSError as error:
        raise UnposedError(
            f"cannot write the weights to {folder}: {error.strerror}; "
            "set [pose] weights to a folder you may write"
        ) from None
    return bundle


def manifest(folder: Path, name: str) -> Bundle | None:
    """The folder's record of these weights; None where there is none that can be read."""
    try:
        raw = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
        bundle = Bundle(**{key: str(raw[key]) for key in ("name", "file", "sha256", "source")})
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return bundle if bundle.name == name and Path(bundle.file).name == bundle.file else None


def inventory(folder: Path) -> list[Bundle]:
    """All records of the folder, by name; not verified."""
    found = (manifest(folder, path.stem) for path in sorted(folder.glob("*.json")))
    return [bundle for bundle in found if bundle is not None]


def _replace(path: Path, data: bytes) -> None:
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
