"""Objects of S3, or of what speaks its protocol (``AWS_ENDPOINT_URL``), through boto3."""

from __future__ import annotations

import contextlib
import functools
import io
import os
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from unposed_jobs.storage.addresses import ObjectStat, StorageError, bucket_and_key, shown

if TYPE_CHECKING:
    from botocore.client import BaseClient

ATTEMPTS = 8
"""Tries of one request, with growing pauses; boto3's own default of 5 gives up too early."""
_BLOCK = 8 * 1024 * 1024
_NO_SUCH = {"404", "NoSuchKey", "NoSuchBucket", "NotFound"}
_LOCK = threading.Lock()


def client() -> BaseClient:
    """The S3 client of this process: threads share it, a forked worker makes its own."""
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    with _LOCK:
        return _client(os.getpid(), endpoint)


@functools.lru_cache(maxsize=4)
def _client(_process: int, endpoint: str | None) -> BaseClient:
    import boto3
    from botocore.config import Config

    config = Config(
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        connect_timeout=5,
        read_timeout=30,
        max_pool_connections=32,
        # Stores other than AWS seldom answer at bucket.host.
        s3={"addressing_style": "path"} if endpoint else None,
    )
    return boto3.session.Session().client("s3", config=config)


def aws_options() -> dict[str, str]:
    """What libraries that do not ask through boto3 need to find the same store, as ``AWS_...``.
    Raises StorageError where boto3 cannot tell.
    """
    import boto3

    with _told("s3:", "ask"):
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
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    if endpoint:
        options |= {"AWS_ENDPOINT_URL": endpoint}
        if endpoint.lower().startswith("http:"):
            options["AWS_ALLOW_HTTP"] = "true"
    return options


@contextlib.contextmanager
def _told(uri: str, doing: str) -> Iterator[None]:
    """Map boto3's errors; only their names are told, as their texts may quote the endpoint."""
    from botocore import exceptions
    from urllib3.exceptions import HTTPError

    try:
        yield
    except exceptions.ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        http = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        if code in _NO_SUCH:
            what = "bucket of" if code == "NoSuchBucket" else "object"
            raise StorageError("missing", f"no {what} {shown(uri)}") from None
        if http == 412:
            raise StorageError("unreachable", f"{shown(uri)} changed while it was read") from None
        why = f"{code} (HTTP {http})" if code != str(http) else f"HTTP {http}"
        raise StorageError("unreachable", f"cannot {doing} {shown(uri)}: {why}") from None
    except exceptions.ParamValidationError:
        raise StorageError("refused", f"{shown(uri)}: not a valid bucket or key") from None
    except (exceptions.NoCredentialsError, exceptions.PartialCredentialsError):
        raise StorageError(
            "unreachable",
            f"cannot {doing} {shown(uri)}: no AWS credentials; set AWS_PROFILE or its like",
        ) from None
    except (exceptions.BotoCoreError, HTTPError, OSError, ValueError) as error:
        # ValueError: what boto3 raises for a malformed AWS_ENDPOINT_URL.
        why = type(error).__name__
        raise StorageError("unreachable", f"cannot {doing} {shown(uri)}: {why}") from None


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
    with _told(uri, "look at"):
        return _stat(client().head_object(**place))


def stat_unless(uri: str, etag: str) -> ObjectStat | None:
    """See `unposed_jobs.storage.stat_if_changed`."""
    from botocore.exceptions import ClientError

    place = _place(uri)
    with _told(uri, "look at"):
        try:
            return _stat(client().head_object(**place, IfNoneMatch=f'"{etag}"'))
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] == 304:
                return None
            raise


def read_bytes(uri: str, max_bytes: int | None) -> bytes:
    """See `unposed_jobs.storage.read_bytes`."""
    place = _place(uri)
    with _told(uri, "read"):
        answer = client().get_object(**place)
        with contextlib.closing(answer["Body"]) as body:
            size = answer["ContentLength"]
            if max_bytes is not None and size > max_bytes:
                raise StorageError("too_large", f"{shown(uri)} has {size} bytes, over {max_bytes}")
            return body.read()


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
    with _told(uri, "write"):
        client().put_object(**place, Body=data)


def _keys(uri: str, limit: int | None = None) -> tuple[str, list[str]]:
    bucket, key = bucket_and_key(uri)
    prefix = f"{key.rstrip('/')}/" if key else ""
    with _told(uri, "list"):
        pages = (
            client()
            .get_paginator("list_objects_v2")
            .paginate(Bucket=bucket, Prefix=prefix, PaginationConfig={"MaxItems": limit})
        )
        keys = [item["Key"] for page in pages for item in page.get("Contents", [])]
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
        with _told(self._uri, "read"):
            answer = client().get_object(
                **self._place, **self._match, Range=f"bytes={self._position}-{end - 1}"
            )
            with contextlib.closing(answer["Body"]) as body:
                data = body.read()
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)


def open_input(uri: str) -> BinaryIO:
    """See `unposed_jobs.storage.open_input`."""
    return cast(BinaryIO, io.BufferedReader(_Object(uri), _BLOCK))
