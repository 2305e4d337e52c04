from collections.abc import Iterator

import pytest

from unposed_jobs import config
from unposed_jobs.errors import UnposedError


@pytest.fixture(scope="session")
def pose_weights() -> config.PoseSettings:
    """The default pose settings, their weights fetched once into the default cache."""
    from unposed_jobs.networks import weights

    settings = config.PoseSettings(weights=str(config.cache() / "weights"))
    try:
        weights.fetch_all(settings, weights.defaults())
    except UnposedError as error:
        pytest.skip(f"the weights cannot be fetched: {error}")
    return settings


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """The address of an AWS stand-in (S3, Glue) on the loopback."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def aws(s3_server: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The environment that reaches `s3_server`, here and in new worker processes; its address."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_server)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing-secret")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    return s3_server
