"""Products without a person, parted from their ground."""

import cv2
import numpy as np
import pytest

from unposed_jobs.pictures import ground


def overlap(shares: np.ndarray, truth: np.ndarray) -> float:
    found = cv2.resize(shares, truth.shape[::-1]) >= 128
    return float((found & truth).sum() / (found | truth).sum())


def test_a_rendered_garment(laid) -> None:
    assert overlap(ground.parted(laid.picture), laid.labels > 0) > 0.9


def test_uneven_light_is_not_the_product() -> None:
    light = np.linspace(200, 250, 300)[None, :, None] * np.ones((300, 1, 3))
    truth = np.zeros((300, 300), bool)
    truth[80:220, 100:200] = True
    light[truth] = (60, 90, 140)
    noise = np.random.default_rng(0).normal(0, 2, light.shape)
    assert overlap(ground.parted(np.uint8(np.clip(light + noise, 0, 255))), truth) > 0.95


@pytest.mark.parametrize("longest", [ground.QUICK_SIDE, ground.SIDE])
def test_what_the_frame_cuts_goes_on_to_the_frame(longest) -> None:
    picture = np.full((300, 260, 3), 255, np.uint8)
    truth = np.zeros((300, 260), bool)
    truth[:, :90] = truth[100:200, :150] = True
    picture[truth] = (150, 40, 50)
    found = ground.parted(picture, longest)
    assert overlap(found, truth) > 0.93
    assert (found[:, 0] >= 128).mean() > 0.95


@pytest.mark.parametrize("longest", [ground.QUICK_SIDE, ground.SIDE])
def test_a_light_part_that_the_frame_cuts_is_not_the_ground_s(longest) -> None:
    picture = np.full((300, 260, 3), 255, np.uint8)
    truth = np.zeros((300, 260), bool)
    truth[:230, 60:200] = truth[:90, 20:240] = True
    picture[truth] = (205, 222, 232)
    picture[90:230, 60:200] = (40, 50, 90)
    found = ground.parted(picture, longest)
    assert overlap(found, truth) > 0.93
    assert (found[0] >= 128).mean() > 0.8


def test_nothing_is_parted_from_one_colour() -> None:
    assert ground.parted(np.full((200, 200, 3), 240, np.uint8)) is None
