import io
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from unposed_jobs import config
from unposed_jobs.errors import UnposedError
from unposed_jobs.networks import weights
from unposed_jobs.pose import estimators
from unposed_jobs.pose.estimator import PoseEstimator

Encode = Callable[..., bytes]


@pytest.fixture(scope="session")
def data() -> Path:
    """Real pictures kept beside the checkout, where there are any."""
    folder = Path(__file__).parents[2] / "../shared/data"
    if not folder.is_dir():
        pytest.skip("needs real pictures in ../shared/data")
    return folder


@pytest.fixture(scope="session")
def pose_weights(pose_weights: config.PoseSettings) -> config.PoseSettings:
    """Settings of MediaPipe alone, the reference: what is held to it, the second look and the kinds
    have tests of their own."""
    plain = replace(pose_weights, second_look=False, picture_kinds=False, views=False)
    return replace(plain, estimator="mediapipe-full")


@pytest.fixture(scope="session")
def movenet_weights(pose_weights: config.PoseSettings) -> config.PoseSettings:
    """The same settings, with MoveNet's weights fetched too."""
    try:
        weights.fetch_all(pose_weights, ["movenet-thunder", "movenet-lightning"])
    except UnposedError as error:
        pytest.skip(f"the weights cannot be fetched: {error}")
    return pose_weights


@pytest.fixture(scope="session")
def estimator(pose_weights: config.PoseSettings) -> Iterator[PoseEstimator]:
    made = estimators.create(pose_weights)
    yield made
    made.close()


@pytest.fixture
def encode() -> Encode:
    """Encode an array or a Pillow image as the bytes of a picture file."""

    def encode(picture: np.ndarray | Image.Image, format: str = "PNG", **options: object) -> bytes:
        image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
        buffer = io.BytesIO()
        image.save(buffer, format, **options)
        return buffer.getvalue()

    return encode
