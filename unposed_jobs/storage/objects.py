"""Objects of S3, or of what speaks its protocol (``AWS_ENDPOINT_URL``), through boto3.

boto3 tries a request again, but not a body: so nothing is left to it, and a request and its body
are tried again together (`retrying`). A body counts where it has the announced length, and
the digest, where the tag is one.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import io
import os
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, BinaryIO, NoReturn, TypeVar, cast

from unposed_jobs.storage.addresses import ObjectStat, StorageError, bucket_and_key, shown
from unposed_jobs.storage.pacing import Patience
from unposed_jobs.storage.process import Process
from unposed_jobs.storage.retrying import Passing, Time, Tries

if TYPE_CHECKING:
    from botocore.client import BaseClient

ATTEMPTS = 8
"""Tries of one object, with growing pauses."""
CONNECT_SECONDS = 5.0
_BLOCK = 8 * 1024 * 1024
_PIECE = 1024 * 1024
_NO_SUCH = {"404", "NoSuchKey", "NoSuchBucket", "NotFound"}
_BUSY = {
    "RequestTimeout",
    "RequestTimeoutException",
    "PriorRequestNotComplete",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "RequestThrottled",
    "RequestLimitExceeded",
    "BandwidthLimitExceeded",
}
"""Codes that pass, whatever their HTTP status."""
_LOCK = threading.Lock()
_Found = TypeVar("_Found")


def client() -> BaseClient:
    """The S3 client of this process: threads share it, a forked worker makes its own."""
    with _LOCK:
        return _client(os.getpid(), endpoint(), Process.settings.request_seconds)


def endpoint() -> str | None:
    """Where S3 is, by the environment; None: at AWS."""
    return os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")


@functools.lru_cache(maxsize=4)
def _client(_process: int, endpoint: str | None, seconds: float) -> BaseClient:
    import boto3
    from botocore.config import Config

    config = Config(
        retries={"mode": "standard", "total_max_attempts": 1},
        connect_timeout=min(CONNECT_SECONDS, seconds),
        read_timeout=seconds,
        max_pool_connections=32,
        # Stores other than AWS seldom answer at bucket.host.
        s3={"addressing_style": "path"} if endpoint else None,
    )
    return boto3.session.Session().client("s3", config=config)


def aws_options() -> dict[str, str]:
    """What libraries that do not ask through boto3 need to find the same store, as ``AWS_...``.
    Raises StorageError where boto3 does not know.
    """
    import boto3

    with _storage_errors("s3:", "ask"):
        session = boto3.session.Session()
        found = session.get_credentials()
        held = found.get_frozen_credentials() if found else None
    options = {"AWS_REGION": session.region_name or "us-east-1"}
    if held is not None:
        options |= {
            "AWS_ACCESS_KEY_ID": held.access_key or "",
            "AWS_SECRET_ACCESS_KEY": held.secret_key or "",
        }
        if held.token:
            options["AWS_SESSION_TOKEN"] = held.token
    at = endpoint()
    if at:
        options |= {"AWS_ENDPOINT_URL": at}
        if at.lower().startswith("http:"):
            options["AWS_ALLOW_HTTP"] = "true"
    return options


@functools.lru_cache(maxsize=4)
def _patience(_process: int, _endpoint: str | None) -> Patience:
    return Patience()


def _tried(uri: str, doing: str, ask: Callable[[Time], _Found]) -> _Found:
    """What `ask` returns, tried again where that may help; raises StorageError."""
    bucket, _ = bucket_and_key(uri)
    tries = Tries(
        _patience(os.getpid(), endpoint()),
        f"the store of {bucket}",
        ATTEMPTS,
        Process.settings.picture_seconds,
    )

    def within_time(time: Time) -> _Found:
        with _storage_errors(uri, doing):
            return ask(time)

    return tries(uri, within_time)


@contextlib.contextmanager
def _storage_errors(uri: str, doing: str) -> Iterator[None]:
    """Map boto3's errors; only their names are shown, as their texts may quote the endpoint."""
    from botocore import exceptions
    from urllib3.exceptions import HTTPError

    try:
        yield
    except exceptions.ClientError as error:
        _answered(error, uri, doing)
    except exceptions.ParamValidationError:
        raise StorageError("refused", f"{shown(uri)}: not a valid bucket or key") from None
    except (exceptions.NoCredentialsError, exceptions.PartialCredentialsError):
        raise StorageError(
            "unreachable",
            f"cannot {doing} {shown(uri)}: no AWS credentials; set AWS_PROFILE or its like",
        ) from None
    except (exceptions.HTTPClientError, HTTPError, OSError) as error:
        why = type(error).__name__
        silent = isinstance(
            error,
            exceptions.ConnectTimeoutError
            | exceptions.ReadTimeoutError
            | exceptions.EndpointConnectionError
            | TimeoutError,
        )
        raise Passing(
            StorageError("unreachable", f"cannot {doing} {shown(uri)}: {why}"), silent=silent
        ) from None
    except (exceptions.BotoCoreError, ValueError) as error:
        # ValueError: what boto3 raises for a malformed AWS_ENDPOINT_URL.
        failure = StorageError(
            "unreachable", f"cannot {doing} {shown(uri)}: {type(error).__name__}"
        )
        if isinstance(error, exceptions.IncompleteReadError | exceptions.FlexibleChecksumError):
            raise Passing(failure) from None
        raise failure from None


def _answered(error: Any, uri: str, doing: str) -> NoReturn:
    """The store's own word."""
    code = str(error.response.get("Error", {}).get("Code", ""))
    http = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    if code in _NO_SUCH:
        what = "bucket of" if code == "NoSuchBucket" else "object"
        raise StorageError("missing", f"no {what} {shown(uri)}") from None
    if http == 412:
        raise StorageError("unreachable", f"{shown(uri)} changed while it was read") from None
    why = f"{code} (HTTP {http})" if code != str(http) else f"HTTP {http}"
    failure = StorageError("unreachable", f"cannot {doing} {shown(uri)}: {why}")
    if code in _BUSY or http == 429 or (isinstance(http, int) and http >= 500):
        raise Passing(failure) from None
    raise failure from None


def _place(uri: str) -> dict[str, str]:
    bucket, key = bucket_and_key(uri)
    if not key or key.endswith("/"):
        raise StorageError("refused", f"{shown(uri)} is a folder, not an object")
    return {"Bucket": bucket, "Key": key}


def _stat(answer: dict[str, Any]) -> ObjectStat:
    return ObjectStat(
        answer["ContentLength"], answer.get("ETag", "").strip('"') or None, answer["LastModified"]
    )


def stat(uri: str) -> ObjectStat:
    """See `unposed_jobs.storage.stat`."""
    place = _place(uri)
    return _tried(uri, "read the state of", lambda _: _stat(client().head_object(**place)))


def stat_unless(uri: str, etag: str) -> ObjectStat | None:
    """See `unposed_jobs.storage.stat_if_changed`."""
    from botocore.exceptions import ClientError

    place = _place(uri)

    def ask(_: Time) -> ObjectStat | None:
        try:
            return _stat(client().head_object(**place, IfNoneMatch=f'"{etag}"'))
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] == 304:
                return None
            raise

    return _tried(uri, "read the state of", ask)


def read_bytes(uri: str, max_bytes: int | None) -> bytes:
    """See `unposed_jobs.storage.read_bytes`."""
    place = _place(uri)
    seen: Counter[str] = Counter()

    def ask(time: Time) -> bytes:
        answer = client().get_object(**place)
        size = answer["ContentLength"]
        if max_bytes is not None and size > max_bytes:
            answer["Body"].close()
            raise StorageError("too_large", f"{shown(uri)} has {size} bytes, over {max_bytes}")
        data = _body(answer, uri, time)
        _check_digest(answer, data, uri, seen)
        return data

    return _tried(uri, "read", ask)


def _body(answer: dict[str, Any], uri: str, time: Time) -> bytes:
    """The whole body, in the time that is left; raises Passing where it is not of its length.

    Read below botocore, whose own reading has no end where a byte comes now and then.
    """
    data, size = bytearray(), answer["ContentLength"]
    with contextlib.closing(answer["Body"]) as body:
        read = getattr(getattr(body, "_raw_stream", None), "read1", body.read)
        while piece := read(_PIECE):
            data += piece
            if time.over():
                raise Passing(
                    StorageError("timeout", f"{shown(uri)}: no whole answer in time"), silent=True
                )
    if len(data) != size:
        raise Passing(
            StorageError("unreachable", f"{shown(uri)}: {len(data)} of {size} bytes came")
        )
    return bytes(data)


def _check_digest(answer: dict[str, Any], data: bytes, uri: str, seen: Counter[str]) -> None:
    """Raise Passing where a whole body is not that of its tag; `seen` counts its digests."""
    wanted, digest = _tag(answer), _digest(data, answer)
    seen[digest] += 1
    # Three times the same other digest: the tag is none.
    if wanted not in (None, digest) and seen[digest] < 3:
        raise Passing(
            StorageError("unreachable", f"{shown(uri)}: its bytes are not those of its tag")
        )


def _digest(data: bytes, answer: dict[str, Any]) -> str:
    """What the tag of these bytes is: MD5, or of an object sent in one part the MD5 of that."""
    made = hashlib.md5(data, usedforsecurity=False)
    if str(answer.get("ETag", "")).strip('"').endswith("-1"):
        return hashlib.md5(made.digest(), usedforsecurity=False).hexdigest() + "-1"
    return made.hexdigest()


def _tag(answer: dict[str, Any]) -> str | None:
    """The tag where it is a digest of the bytes: not of objects in several parts, nor of those
    encrypted by a key of the customer's or of KMS.
    """
    tag = str(answer.get("ETag", "")).strip('"').lower()
    encrypted = answer.get("SSECustomerAlgorithm") or answer.get("ServerSideEncryption", "AES256")
    return tag if encrypted == "AES256" and re.fullmatch("[0-9a-f]{32}(-1)?", tag) else None


def remove_folder(uri: str) -> int:
    """See `unposed_jobs.storage.remove_folder`."""
    bucket, keys = _keys(uri)
    if not bucket_and_key(uri)[1].strip("/"):
        raise StorageError("refused", f"{shown(uri)} is not removed: it is a whole bucket")

    def remove(_: Time) -> None:
        for start in range(0, len(keys), 1000):
            objects = [{"Key": key} for key in keys[start : start + 1000]]
            wanted = {"Objects": objects, "Quiet": True}
            left = client().delete_objects(Bucket=bucket, Delete=wanted).get("Errors", [])
            if left:
                code = left[0].get("Code", "no reason given")
                raise StorageError(
                    "unreachable", f"cannot remove {len(left)} objects of {shown(uri)}: {code}"
                )

    _tried(uri, "remove", remove)
    return len(keys)


def exists(uri: str) -> bool:
    """See `unposed_jobs.storage.exists`."""
    try:
        stat(uri)
    except StorageError as error:
        if error.status == "missing":
            return False
        raise
    return True


def write_bytes(uri: str, data: bytes) -> None:
    """See `unposed_jobs.storage.write_bytes`."""
    place = _place(uri)
    _tried(uri, "write", lambda _: client().put_object(**place, Body=data))


def _keys(uri: str, limit: int | None = None) -> tuple[str, list[str]]:
    bucket, key = bucket_and_key(uri)
    prefix = f"{key.rstrip('/')}/" if key else ""
    pages = {"MaxItems": limit}

    def ask(_: Time) -> list[str]:
        listed = client().get_paginator("list_objects_v2")
        found = listed.paginate(Bucket=bucket, Prefix=prefix, PaginationConfig=pages)
        return [item["Key"] for page in found for item in page.get("Contents", [])]

    keys = _tried(uri, "list", ask)
    return bucket, [key for key in keys if not key.endswith("/")]


def is_folder(uri: str) -> bool:
    """See `unposed_jobs.storage.is_folder`."""
    return bool(_keys(uri, limit=2)[1])


def list_files(uri: str) -> list[str]:
    """See `unposed_jobs.storage.list_files`."""
    bucket, keys = _keys(uri)
    if keys:
        return sorted(f"s3://{bucket}/{key}" for key in keys)
    if not bucket_and_key(uri)[1]:
        raise StorageError("missing", f"nothing in the bucket {shown(uri)}")
    stat(uri.rstrip("/"))
    return [uri.rstrip("/")]


class _Object(io.RawIOBase):
    """One object as a seekable file: each read is a ranged request for the version first seen."""

    def __init__(self, uri: str) -> None:
        self._uri = uri
        self._place = _place(uri)
        seen = stat(uri)
        self._size = seen.size
        self._match = {"IfMatch": f'"{seen.etag}"'} if seen.etag else {}
        self._position = 0
        self._whole: bytes | None = None

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = max(0, start + offset)
        return self._position

    def readinto(self, buffer: Any) -> int:
        end = min(self._position + len(buffer), self._size)
        if end <= self._position:
            return 0
        if self._size > _BLOCK:
            data = self._part(self._position, end)
        else:
            # A small one whole, so that it can be held to its tag.
            self._whole = self._whole or self._part(0, self._size)
            data = self._whole[self._position : end]
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)

    def _part(self, start: int, end: int) -> bytes:
        seen: Counter[str] = Counter()

        def ask(time: Time) -> bytes:
            wanted = {"Range": f"bytes={start}-{end - 1}"} if end - start < self._size else {}
            answer = client().get_object(**self._place, **self._match, **wanted)
            data = _body(answer, self._uri, time)
            if not wanted:
                _check_digest(answer, data, self._uri, seen)
            return data

        return _tried(self._uri, "read", ask)


def open_input(uri: str) -> BinaryIO:
    """See `unposed_jobs.storage.open_input`."""
    return cast(BinaryIO, io.BufferedReader(_Object(uri), _BLOCK))


def open_pieces(uri: str) -> io.RawIOBase:
    """As `open_input`, for who knows which bytes are wanted: of a large one nothing is read ahead.

    Raises StorageError, as its reads do.
    """
    return _Object(uri)
