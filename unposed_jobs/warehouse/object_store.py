"""The tables' own reader of S3: its endpoint, region and patience, where settings name none."""

from __future__ import annotations

import errno
import io
import os
from collections.abc import Mapping

import pyarrow as pa
from pyarrow.fs import (
    AwsStandardS3RetryStrategy,
    FileInfo,
    FileSelector,
    FileSystem,
    FileSystemHandler,
    PyFileSystem,
)
from pyiceberg.io import InputStream
from pyiceberg.io.pyarrow import PyArrowFile, PyArrowFileIO

from unposed_jobs.storage import StorageError, objects

ATTEMPTS = 6
_CONNECT_SECONDS, _REQUEST_SECONDS = "5", "10"


class Patient(AwsStandardS3RetryStrategy):
    """More tries than Arrow's three, with growing pauses."""

    def __init__(self) -> None:
        super().__init__(max_attempts=ATTEMPTS)


class VerifiedFileIO(PyArrowFileIO):
    """What is read of S3 is read as pictures are: by length and digest, and again where they are
    not right. Of data files over 8 MiB only the pieces are read that are wanted, by their lengths.
    """

    def new_input(self, location: str) -> PyArrowFile:
        """See pyiceberg's. Metadata, manifest lists and manifests."""
        found = super().new_input(location)
        if not location.startswith("s3://"):
            return found
        return _Verified(location, found._path, found._filesystem, found._buffer_size)

    def _initialize_fs(self, scheme: str, netloc: str | None = None) -> FileSystem:
        found = super()._initialize_fs(scheme, netloc)
        return PyFileSystem(_VerifiedReads(found)) if scheme == "s3" else found


class _VerifiedReads(FileSystemHandler):
    """Arrow's own S3, but for what is read."""

    def __init__(self, s3: FileSystem) -> None:
        self._s3 = s3

    def open_input_file(self, path: str) -> pa.PythonFile:
        try:
            return pa.PythonFile(_Pieces(f"s3://{path}"), mode="r")
        except StorageError as error:
            raise _as_system(error) from None

    open_input_stream = open_input_file

    def get_type_name(self) -> str:
        return str(self._s3.type_name)

    def normalize_path(self, path: str) -> str:
        return str(self._s3.normalize_path(path))

    def get_file_info(self, paths: list[str]) -> list[FileInfo]:
        return self._s3.get_file_info(paths)

    def get_file_info_selector(self, selector: FileSelector) -> list[FileInfo]:
        return self._s3.get_file_info(selector)

    def open_output_stream(self, path: str, metadata: Mapping[str, str]) -> pa.NativeFile:
        return self._s3.open_output_stream(path, metadata=metadata)

    def open_append_stream(self, path: str, metadata: Mapping[str, str]) -> pa.NativeFile:
        return self._s3.open_append_stream(path, metadata=metadata)

    def create_dir(self, path: str, recursive: bool) -> None:
        self._s3.create_dir(path, recursive=recursive)

    def delete_dir(self, path: str) -> None:
        self._s3.delete_dir(path)

    def delete_dir_contents(self, path: str, missing_dir_ok: bool = False) -> None:
        self._s3.delete_dir_contents(path, missing_dir_ok=missing_dir_ok)

    def delete_root_dir_contents(self) -> None:
        raise PermissionError("a whole store is not emptied")

    def delete_file(self, path: str) -> None:
        self._s3.delete_file(path)

    def move(self, src: str, dest: str) -> None:
        self._s3.move(src, dest)

    def copy_file(self, src: str, dest: str) -> None:
        self._s3.copy_file(src, dest)


class _Pieces:
    """What Arrow asks of a file; its errors are such as Arrow and `machine` know."""

    def __init__(self, uri: str) -> None:
        self._file = objects.open_pieces(uri)
        self.seek, self.tell, self.close = self._file.seek, self._file.tell, self._file.close

    @property
    def closed(self) -> bool:
        return self._file.closed

    def read(self, size: int = -1) -> bytes:
        try:
            return self._file.read(size) or b""
        except StorageError as error:
            raise _as_system(error) from None


def _as_system(error: StorageError) -> OSError:
    if error.status == "missing":
        return FileNotFoundError(errno.ENOENT, f"{os.strerror(errno.ENOENT)}: {error}")
    return ConnectionError(f"Network error: {error}")


class _Verified(PyArrowFile):
    def open(self, seekable: bool = True) -> InputStream:
        return io.BytesIO(objects.read_bytes(self.location, None))


def defaults(given: Mapping[str, str]) -> dict[str, str]:
    """Properties of pyiceberg's, from the environment that boto3 reads for the pictures; `given`
    are those of the settings, which may mean another store than that.

    pyiceberg knows neither ``AWS_ENDPOINT_URL`` nor the region's variables, and would ask AWS for
    the region of a bucket that is elsewhere.
    """
    found = {
        "s3.connect-timeout": _CONNECT_SECONDS,
        "s3.request-timeout": _REQUEST_SECONDS,
        "s3.retry-strategy-impl": f"{__name__}.{Patient.__name__}",
    }
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    if endpoint := objects.endpoint():
        found["s3.endpoint"] = endpoint
        region = region or "us-east-1"
    if region:
        found["s3.region"] = region
    if not any(name.startswith("s3.") and name != "s3.region" for name in given):
        found["py-io-impl"] = f"{__name__}.{VerifiedFileIO.__name__}"
    return found
