import pytest

from unposed_jobs import config
from unposed_jobs.errors import UnposedError


@pytest.fixture(scope="session")
def pose_weights() -> config.PoseSettings:
    """The default pose settings, their weights fetched once into the default cache."""
    from unposed_jobs.pose import weights

    settings = config.PoseSettings(weights=str(config.cache() / "weights"))
    try:
        weights.fetch(settings)
    except UnposedError as error:
        pytest.skip(f"the weights cannot be fetched: {error}")
    return settings
