import numpy as np
import pytest
from PIL import Image

from unposed_jobs.pose.hashing import (
    THUMBNAIL_SIDE,
    fingerprints,
    perceptual_hash,
)


@pytest.fixture
def scene() -> Image.Image:
    coarse = np.random.default_rng(3).integers(0, 255, (9, 7, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((420, 540), Image.Resampling.BICUBIC)


def bits_between(a: Image.Image, b: Image.Image) -> int:
    """Hamming distance of the two pictures' hashes."""
    texts = perceptual_hash(a), perceptual_hash(b)
    assert [len(text) for text in texts] == [16, 16]
    first, second = (int(text, 16) for text in texts)
    return (first ^ second).bit_count()


def test_a_resized_and_recompressed_repeat_is_near(scene, encode) -> None:
    import io

    small = Image.open(io.BytesIO(encode(scene.resize((210, 270)), "JPEG", quality=60)))
    assert bits_between(scene, small) <= 4


def test_another_picture_is_far(scene) -> None:
    other = Image.fromarray(np.asarray(scene)[:, ::-1].copy())
    assert bits_between(scene, other) > 12


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 500, 3), (500, 1, 3)])
def test_any_size(shape) -> None:
    assert len(perceptual_hash(Image.fromarray(np.full(shape, 200, np.uint8)))) == 16


def test_a_thumbnail_is_the_picture_in_grey(scene) -> None:
    text, thumbnail = fingerprints(scene)
    assert text == perceptual_hash(scene)
    values = np.frombuffer(thumbnail, np.uint8).reshape(THUMBNAIL_SIDE, THUMBNAIL_SIDE)
    grey = np.asarray(scene.convert("L"), float)
    half, told = THUMBNAIL_SIDE // 2, []
    for row in (0, 1):
        for column in (0, 1):
            part = values[row * half :, column * half :][:half, :half]
            big = grey[row * 270 :, column * 210 :][:270, :210]
            told.append(abs(part.mean() - big.mean()))
    assert max(told) < 3
