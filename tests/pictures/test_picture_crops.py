"""Smart crops of a person whose landmarks are known."""

import numpy as np
import pytest
from tests_body import landmarks, standing

from unposed_jobs.pictures import body, crops
from unposed_jobs.pose.topology import coco17_from_blazepose33


@pytest.fixture(scope="module")
def silhouette() -> np.ndarray:
    inside = np.zeros((200, 100), bool)
    inside[8:196, 33:68] = True
    inside[42:96, 22:78] = True
    return inside


@pytest.fixture(scope="module")
def found(silhouette) -> dict[str, crops.Crop]:
    return {crop.name: crop for crop in crops.crops(standing(), silhouette)}


def test_a_whole_person_has_all_crops(found) -> None:
    assert tuple(found) == crops.NAMES


def test_a_garment_s_crop_begins_below_the_chin_and_holds_its_joints(found) -> None:
    left, top, right, bottom = found["upper_garment"].box
    assert standing().chin < top < 40
    assert bottom > 100
    assert left < 23
    assert right > 77


def test_each_crop_holds_what_it_is_for(found) -> None:
    assert found["head"].box[1] <= 8
    assert found["head"].box[3] < 45
    assert found["lower_garment"].box[1] < 90 < 180 < found["lower_garment"].box[3]
    assert found["dress"].box[1] == found["upper_garment"].box[1]
    shoes = found["shoes"].box
    assert shoes[1] < 180
    assert shoes[3] >= 196
    assert shoes[0] <= 36
    assert shoes[2] >= 64
    hand = found["left_hand"].box
    assert hand[0] < 72 < hand[2]
    assert hand[1] < 88 < hand[3]
    assert found["full"].box[0] <= 22


def test_what_the_frame_does_not_show_is_no_crop(silhouette) -> None:
    low = landmarks()
    low[:, 1] += 0.62  # Hips and legs are below the picture.
    shown = body.of_landmarks(low, 100, 200)
    names = {crop.name for crop in crops.crops(shown, silhouette)}
    assert "shoes" not in names
    assert "lower_garment" not in names
    assert "head" in names


def test_a_part_cut_off_is_covered_in_part(silhouette) -> None:
    low = landmarks()
    low[:, 1] += 0.3
    shown = body.of_landmarks(low, 100, 200)
    found = {crop.name: crop for crop in crops.crops(shown, silhouette)}
    assert found["lower_garment"].coverage < 0.8
    assert found["lower_garment"].box[3] == 200
    assert found["upper_garment"].coverage == pytest.approx(1.0)


def test_seventeen_points_are_enough(silhouette) -> None:
    points = coco17_from_blazepose33(landmarks())
    shown = body.of_landmarks(points[:, :3].astype(np.float32), 100, 200)
    names = {crop.name for crop in crops.crops(shown, silhouette)}
    assert {"head", "upper_garment", "lower_garment", "dress", "shoes", "full"} <= names


@pytest.mark.parametrize(("turn", "view"), [(1.0, "front"), (-1.0, "back"), (0.1, "side")])
def test_the_view_is_told_by_the_shoulders(turn, view) -> None:
    turned = landmarks()
    turned[:, 0] = 0.5 + (turned[:, 0] - 0.5) * turn
    assert body.of_landmarks(turned, 100, 200).view == view
