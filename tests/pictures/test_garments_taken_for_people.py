"""A garment by itself is no person, however a pose network reads it."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from tests_body import landmarks

from unposed_jobs.pictures import body as bodies
from unposed_jobs.pictures import facts, laid
from unposed_jobs.pose.estimator import Outline, PoseEstimate

WHITE, CLOTH = (255, 255, 255), (40, 60, 130)
TORSO, HEAD, LEGS = (30, 38, 70, 100), (43, 5, 57, 38), (38, 90, 62, 190)
"""Of `tests_body`'s person: left, top, right, bottom in its 100 x 200 pixels."""


def drawn(*boxes: tuple[int, int, int, int], top: int = 0, bottom: int = 200) -> np.ndarray:
    """The boxes on white at twice their size, cut at these heights."""
    picture = np.full((400, 200, 3), WHITE, np.uint8)
    for left, upper, right, lower in boxes:
        cv2.rectangle(picture, (2 * left, 2 * upper), (2 * right, 2 * lower), CLOTH, -1)
    return np.ascontiguousarray(picture[2 * top : 2 * bottom])


def read(top: int = 0, bottom: int = 200) -> np.ndarray:
    """The standing person's landmarks in the frame between these heights."""
    table = landmarks()
    table[:, 1] = (table[:, 1] * 200 - top) / (bottom - top)
    return table


def nobody(picture: np.ndarray, table: np.ndarray, outline: np.ndarray | None = None) -> bool:
    height, width = picture.shape[:2]
    body = bodies.of_landmarks(table, width, height)
    return laid.worn_by_nobody(picture, body, picture[..., 0] < 128 if outline is None else outline)


@pytest.mark.parametrize(
    ("boxes", "top", "bottom", "bare"),
    [
        pytest.param((TORSO, HEAD, LEGS), 0, 200, False, id="somebody"),
        pytest.param((TORSO, LEGS), 40, 200, False, id="somebody, cut at the shoulders"),
        pytest.param((TORSO, HEAD, LEGS), 0, 110, False, id="somebody, cut at the hips"),
        pytest.param((TORSO,), 45, 130, True, id="a shirt, cut at the top: no legs"),
        pytest.param((TORSO,), 10, 90, True, id="a shirt, cut at the hem: no head"),
    ],
)
def test_a_body_ends_at_head_and_feet_or_at_the_frame(boxes, top, bottom, bare) -> None:
    assert nobody(drawn(*boxes, top=top, bottom=bottom), read(top, bottom)) == bare


def test_an_outline_that_leaves_most_of_the_thing_out_is_nobody_s() -> None:
    picture = drawn(TORSO, HEAD, LEGS)
    part = picture[..., 0] < 128
    part[140:] = False
    assert nobody(picture, read(), part)


def test_on_a_ground_that_is_not_plain_nobody_is_denied() -> None:
    shirt = drawn(TORSO, top=45, bottom=130)
    stripes = np.where((np.arange(200) // 10 % 2)[None, :, None] > 0, 255, 150).astype(np.uint8)
    busy = np.where((shirt[..., :1] < 128), shirt, stripes)
    assert not nobody(np.ascontiguousarray(busy), read(45, 130), shirt[..., 0] < 128)


def test_its_facts_are_a_product_s(pose_weights) -> None:
    picture = drawn(TORSO, top=45, bottom=130)
    shares = cv2.resize(np.uint8(255 * (picture[..., 0] < 128)), (200, 170))
    square = np.zeros((256, 256), np.uint8)
    square[: shares.shape[0], : shares.shape[1]] = shares
    outline = Outline(square, np.array([128, 128, 256, 0], np.float32))
    estimate = PoseEstimate(
        read(45, 130), 0.6, 1, person_probability=0.7, found_by="whole_frame", outline=outline
    )
    reader = facts.FactsReader(pose_weights, facts.OFF)
    taken, sure = (
        reader([picture], [one], ["a"])[0].facts
        for one in (estimate, replace(estimate, person_probability=1.0))
    )
    assert (taken.image_class, taken.cut_off, taken.person_count) == ("product_only", ("top",), 0)
    assert sure.image_class == "worn"
