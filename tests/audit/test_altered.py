"""Crops and mirrored copies of photographs, and other photographs of the same thing."""

import dataclasses

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image, ImageOps

from unposed_jobs.audit.altered import copies
from unposed_jobs.audit.duplicates import altered_pictures
from unposed_jobs.lab.sample.cohorts import Shot
from unposed_jobs.lab.sample.garments import random_garment
from unposed_jobs.lab.sample.shots import Studio
from unposed_jobs.pose.hashing import fingerprints


@pytest.fixture(scope="module")
def session() -> list[Image.Image]:
    """Two photographs of each of three shots of one product."""
    rng = np.random.default_rng(11)
    # Narrow stripes are lost in a thumbnail, and with them the crops of a picture full of them.
    garment = dataclasses.replace(random_garment(rng, "shirt"), pattern="plain")
    studio = Studio(rng, garment, womenswear=True, size=400)
    shots = (Shot("person", "front", "full"), Shot("person", "left", "upper"), Shot("flat_lay"))
    return [
        studio.picture(shot, int(shot.kind == "person"), seed) for shot in shots for seed in (1, 2)
    ]


def thumbnails(pictures) -> np.ndarray:
    return np.stack(
        [np.frombuffer(fingerprints(one)[1], np.uint8).reshape(32, 32) for one in pictures]
    )


def cropped(picture: Image.Image, left: float, top: float, size: float) -> Image.Image:
    width, height = picture.size
    box = (left * width, top * height, (left + size) * width, (top + size) * height)
    return picture.crop(tuple(int(side) for side in box))


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("frame", [(0.0, 0.0, 1.0), (0.06, 0.05, 0.9), (0.1, 0.04, 0.85)])
def test_a_crop_and_a_mirrored_copy_are_found_from_either_side(session, frame, mirrored) -> None:
    altered = [cropped(one, *frame) for one in session]
    altered = [ImageOps.mirror(one) if mirrored else one for one in altered]
    darker = [one.point(lambda value: int(value * 0.85)) for one in altered]
    for one, other in ((session, altered), (altered, session), (session, darker)):
        assert copies(thumbnails(one), thumbnails(other)).all()


def test_another_photograph_of_the_same_shot_is_no_copy(session) -> None:
    shown = thumbnails(session)
    one, other = np.triu_indices(len(shown), 1)
    assert not copies(shown[one], shown[other]).any()


def test_both_sides_of_a_person_are_no_mirrored_copies() -> None:
    rng = np.random.default_rng(4)
    studio = Studio(rng, random_garment(rng, "tshirt"), womenswear=False, size=400)
    sides = [studio.picture(Shot("person", side, "full"), 1, 3) for side in ("left", "right")]
    left, right = thumbnails(sides)
    assert not copies(left[None], right[None])[0]


def test_where_nothing_is_to_be_seen_nothing_is_a_copy() -> None:
    rng = np.random.default_rng(0)
    flat = (128 + rng.normal(0, 0.6, (2, 32, 32))).astype(np.uint8)
    assert not copies(flat[:1], flat[1:]).any()
    assert copies(flat[:0], flat[:0]).shape == (0,)


def repeats(pictures, poses, confidence=None, product=None, thumbnail=None) -> list[bool]:
    count = len(pictures)
    found = altered_pictures(
        np.zeros(count, dtype=np.int64) if product is None else np.array(product),
        pa.array([fingerprints(one)[1] for one in pictures] if thumbnail is None else thumbnail),
        np.array(poses),
        np.full(count, 0.8) if confidence is None else np.array(confidence),
        np.ones(count, dtype=bool),
    )
    return (found >= 0).tolist()


def test_only_a_copy_that_stands_for_the_same_is_a_repeat(session) -> None:
    front, other = session[0], session[2]
    pictures = [front, other, cropped(front, 0.1, 0.0, 0.8)]
    assert repeats(pictures, [1, 2, 1]) == [False, False, True]
    assert repeats(pictures, [1, 2, -1]) == [False, False, True]
    # A close-up cut out of a full-length picture serves as one.
    assert repeats(pictures, [1, 2, 3]) == [False] * 3


def test_the_surer_picture_stays(session) -> None:
    pictures = [session[0], cropped(session[0], 0.1, 0.0, 0.8)]
    assert repeats(pictures, [1, 1], [0.4, 0.9]) == [True, False]
    assert repeats(pictures, [-1, 1], [0.9, 0.6]) == [True, False]
    assert repeats(pictures, [1, 1], [0.9, 0.9]) == [False, True]


def test_other_products_and_other_thumbnails_are_left_alone(session) -> None:
    pictures = [session[0], ImageOps.mirror(session[0])]
    assert repeats(pictures, [1, 1]) == [False, True]
    assert repeats(pictures, [1, 1], product=[0, 1]) == [False, False]
    odd = [fingerprints(session[0])[1], b"short"]
    assert repeats(pictures, [1, 1], thumbnail=odd) == [False, False]
    assert repeats(pictures, [1, 1], thumbnail=pa.nulls(2, pa.binary())) == [False, False]


def test_of_three_copies_one_stays(session) -> None:
    front = session[0]
    pictures = [cropped(front, 0.05, 0.0, 0.9), ImageOps.mirror(front), front]
    assert repeats(pictures, [1, 1, 1], [0.7, 0.8, 0.9]) == [True, True, False]


def test_a_copy_names_the_picture_that_stays(session) -> None:
    pictures = [session[2], cropped(session[0], 0.1, 0.0, 0.8), session[0]]
    found = altered_pictures(
        np.zeros(3, dtype=np.int64),
        pa.array([fingerprints(one)[1] for one in pictures]),
        np.array([2, 1, 1]),
        np.array([0.8, 0.4, 0.9]),
        np.ones(3, dtype=bool),
    )
    assert found.tolist() == [-1, 2, -1]
