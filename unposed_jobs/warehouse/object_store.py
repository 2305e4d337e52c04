"""What the tables' own reader of S3 is told, beyond the settings: endpoint, region, patience."""

from __future__ import annotations

import os

from pyarrow.fs import AwsStandardS3RetryStrategy

from unposed_jobs.storage import objects

ATTEMPTS = 6
_CONNECT_SECONDS, _REQUEST_SECONDS = "5", "10"


class Patient(AwsStandardS3RetryStrategy):
    """More tries than Arrow's three, with growing pauses."""

    def __init__(self) -> None:
        super().__init__(max_attempts=ATTEMPTS)


def defaults() -> dict[str, str]:
    """Properties of pyiceberg's, from the environment that boto3 reads for the pictures.

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
    return found
