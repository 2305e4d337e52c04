"""Windows over people: what is cut off, and that a guess of the mean place is no answer."""

import numpy as np
import pandas as pd
import pytest

from unposed_jobs.lab.evaluation import crops, people, protocols

SIZE = (400, 600)
PLACES = {
    "nose": (200, 60),
    "left_shoulder": (230, 120),
    "right_shoulder": (170, 120),
    "left_hip": (220, 260),
    "right_hip": (180, 260),
    "left_knee": (220, 400),
    "right_knee": (180, 400),
    "left_ankle": (220, 540),
    "right_ankle": (180, 540),
}
JOINTS = pd.DataFrame.from_dict(PLACES, orient="index", columns=["x", "y"]).astype(float)


@pytest.mark.parametrize("kind", ["chest", "legs"])
def test_windows_hold_their_joints_and_cut_the_rest_off(kind):
    rng = np.random.default_rng(0)
    boxes = [crops.window(JOINTS, kind, SIZE, rng) for _ in range(100)]
    found = np.array([box for box in boxes if box is not None])
    assert len(found) > 80
    asked = JOINTS.loc[list(people.TORSO if kind == "chest" else people.LEGS)].to_numpy()
    assert (found[:, :2] <= asked.min(axis=0)).all()
    assert (found[:, 2:] >= asked.max(axis=0)).all()
    assert (found[:, 1] > PLACES["nose"][1] + 20).all()
    if kind == "legs":
        assert (found[:, 1] > PLACES["left_shoulder"][1]).all()


@pytest.mark.parametrize("kind", ["chest", "legs"])
def test_the_mean_place_is_no_longer_right(kind):
    rng = np.random.default_rng(1)
    names = list(people.TORSO if kind == "chest" else people.LEGS)
    boxes = [box for _ in range(300) if (box := crops.window(JOINTS, kind, SIZE, rng))]
    box = np.array(boxes, dtype=float)
    true = JOINTS.loc[names].to_numpy() - box[:, None, :2]
    size = (box[:, 2:] - box[:, :2])[:, None]
    product = np.array([f"p{row // 3}" for row in range(len(box))])
    guess = people.mean_elsewhere(true / size, product, 0) * size
    asked = np.ones(true.shape[:2], dtype=bool)
    torso = np.full(len(box), 140.0)
    result = protocols.joint_places(true, true, asked, product, torso=torso, guess=guess)
    assert result.figures["placed"].value == 1
    assert result.baselines["mean place in other products"]["placed"].value <= 0.6


def test_whoever_bends_or_is_too_small_gives_no_window():
    rng = np.random.default_rng(0)
    bent = JOINTS.copy()
    bent.loc[["left_shoulder", "right_shoulder"], "y"] = 250
    bent.loc[["left_shoulder", "right_shoulder"], "x"] += 140
    assert crops.window(bent, "chest", SIZE, rng) is None
    assert crops.window(JOINTS / 4, "chest", (100, 150), rng) is None


def test_left_and_right_are_told_by_their_order():
    true = np.array([[[60.0, 10], [20, 10]], [[20.0, 10], [60, 10]], [[40.0, 10], [41, 10]]])
    found = true.copy()
    found[1] = found[1, ::-1]
    result = protocols.joint_places(
        found,
        true,
        np.ones((3, 2), dtype=bool),
        ["a", "b", "c"],
        torso=np.full(3, 40.0),
        guess=true,
        across=(0, 1),
    )
    # The third is seen from the side: its shoulders have no order to be told.
    assert result.figures["sided"].value == 0.5
