"""The tables' own reader of S3: its endpoint, region and patience, where settings name none."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping

from pyarrow.fs import AwsStandardS3RetryStrategy
from pyiceberg.io import InputStream
from pyiceberg.io.pyarrow import PyArrowFile, PyArrowFileIO

from unposed_jobs.storage import objects

ATTEMPTS = 6
_CONNECT_SECONDS, _REQUEST_SECONDS = "5", "10"


class Patient(AwsStandardS3RetryStrategy):
    """More tries than Arrow's three, with growing pauses."""

    def __init__(self) -> None:
        super().__init__(max_attempts=ATTEMPTS)


class VerifiedFileIO(PyArrowFileIO):
    """Metadata, manifest lists and manifests of S3 are read as pictures are: by length and digest,
    and again where they are not right. Data files are read by Arrow, in pieces.
    """

    def new_input(self, location: str) -> PyArrowFile:
        """See pyiceberg's."""
        found = super().new_input(location)
        if not location.startswith("s3://"):
            return found
        return _Verified(location, found._path, found._filesystem, found._buffer_size)


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
