"""Key points of real people against annotations of ours, in the form of COCO's."""

import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from unposed_jobs.config import PoseSettings
from unposed_jobs.lab.evaluation.pictures import keypoints
from unposed_jobs.lab.evaluation.pictures.keypoints import Reading


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    """Three photographs with two people each, one of whom is too small to be judged."""
    folder = tmp_path_factory.mktemp("real")
    (folder / "coco-people").mkdir()
    rng = np.random.default_rng(5)
    listed = []
    for number in range(3):
        name = f"{number}.jpg"
        Image.new("RGB", (300, 300), (90, 120, 150)).save(folder / "coco-people" / name)
        points = np.full((17, 3), 2.0)
        points[:, :2] = rng.uniform([60, 40], [160, 260], (17, 2))
        points[15:] = 0
        large = {"bbox": [50, 30, 120, 240], "keypoints": points.ravel().tolist()}
        small = {"bbox": [200, 30, 20, 50], "keypoints": points.ravel().tolist()}
        both = [one | {"num_keypoints": 15} for one in (large, small)]
        listed.append({"file": name, "width": 300, "height": 300, "people": both})
    (folder / "coco-people/annotations.json").write_text(json.dumps(listed))
    return list(keypoints.read(folder, PoseSettings()))


def truth(person, shift=0.0):
    return Reading(person.points + np.array([shift, 0, 0]), 0.9)


def test_a_window_holds_its_person_alone_and_points_in_its_own_pixels(people):
    assert [one.group for one in people] == ["0.jpg", "1.jpg", "2.jpg"]
    for one in people:
        assert one.picture.shape == (300, 151, 3)
        assert one.box.tolist() == [15, 30, 120, 240]
        seen = one.points[:, 2] > 0
        assert (one.points[seen, :2] >= (15, 30)).all()
        assert (one.points[~seen] == 0).all()


def test_the_truth_has_full_precision_and_who_finds_nobody_has_none(people):
    assert keypoints._measured(people, [truth(one) for one in people]) == pytest.approx((1, 1, 1))
    assert keypoints._measured(people, [Reading(None, 0.0)] * 3) == (0.0, 0.0, 0.0)
    found = [truth(people[0]), truth(people[1], 400.0), Reading(None, 0.0)]
    precision, _, similar = keypoints._measured(people, found)
    assert similar == pytest.approx(1 / 3, abs=0.01)
    assert 0 < precision < 0.5


def test_the_mean_pose_is_of_other_photographs(people):
    moved = [replace(one, points=one.points + np.array([7.0, 0, 0])) for one in people]
    first = keypoints.mean_poses([people[0], *people[1:]])[0]
    assert np.allclose(first.points, keypoints.mean_poses([moved[0], *people[1:]])[0].points)
    assert not np.allclose(first.points, keypoints.mean_poses([people[0], *moved[1:]])[0].points)
