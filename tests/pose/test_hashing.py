import numpy as np
import pytest
from PIL import Image

from unposed_jobs.pose.hashing import (
    THUMBNAIL_SIDE,
    distance,
    fingerprints,
    perceptual_hash,
    to_integers,
)


@pytest.fixture
def scene() -> Image.Image:
    coarse = np.random.default_rng(3).integers(0, 255, (9, 7, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((420, 540), Image.Resampling.BICUBIC)


def hash_of(image: Image.Image) -> np.ndarray:
    text = perceptual_hash(image)
    assert len(text) == 16
    return to_integers([text])


def test_a_resized_and_recompressed_repeat_is_near(scene, encode) -> None:
    import io

    small = Image.open(io.BytesIO(encode(scene.resize((210, 270)), "JPEG", quality=60)))
    assert distance(hash_of(scene), hash_of(small))[0] <= 4


def test_another_picture_is_far(scene) -> None:
    other = Image.fromarray(np.asarray(scene)[:, ::-1].copy())
    assert distance(hash_of(scene), hash_of(other))[0] > 12


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 500, 3), (500, 1, 3)])
def test_any_size(shape) -> None:
    assert len(perceptual_hash(Image.fromarray(np.full(shape, 200, np.uint8)))) == 16


def test_distance_counts_bits_and_broadcasts() -> None:
    hashes = to_integers(["0000000000000000", "ffffffffffffffff", "8000000000000001"])
    assert hashes.dtype == np.uint64
    assert distance(hashes[:, None], hashes[None, :]).tolist() == [
        [0, 64, 2],
        [64, 0, 62],
        [2, 62, 0],
    ]


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
