"""What the gate is fitted on: people cut off at random, and how far off the network is on them."""

from dataclasses import replace

import numpy as np
import pytest
from upright import standing

from unposed_jobs.lab.fitting.second_look import examples, firsts, moves, windows
from unposed_jobs.lab.fitting.second_look.examples import JOINTS, LANDMARKS, Example
from unposed_jobs.lab.fitting.second_look.weighting import balanced
from unposed_jobs.pose.second_look.first import POOLED, pooled
from unposed_jobs.pose.second_look.squares import SCREENING

LEFT, RIGHT = JOINTS.index("left_shoulder"), JOINTS.index("right_shoulder")


def person() -> Example:
    """A dotted person: the left shoulder is red, the right one green."""
    points = standing().points[0, LANDMARKS].astype(float)
    points[0] = (200, 60)
    picture = np.zeros((400, 400, 3), np.uint8)
    for joint, colour in ((LEFT, 0), (RIGHT, 1)):
        x, y = points[joint].astype(int)
        picture[y - 1 : y + 2, x - 1 : x + 2, colour] = 255
    return Example(picture, "rendered", "full", "P1", points / 400)


def test_windows_show_the_person_where_their_joints_say() -> None:
    rng = np.random.default_rng(1)
    found = list(windows.windows(person(), rng, 60.0))
    assert len(found) > 40
    assert {one.kind for one in found} == {
        "window chest", "window body", "window legs", "window head",
    }  # fmt: skip
    shown = mirrored = 0
    for one in found:
        assert one.joints is not None
        assert one.group == "P1"
        for joint, colour in ((LEFT, 0), (RIGHT, 1)):
            x, y = np.round(one.joints[joint] * one.size).astype(int)
            if 2 < x < one.size[0] - 2 and 2 < y < one.size[1] - 2:
                seen = one.picture[y - 1 : y + 2, x - 1 : x + 2].max((0, 1))
                # Mirrored, who was the left shoulder is the right one.
                shown += 1
                mirrored += int(seen[1 - colour] == 255)
                assert seen.max() == 255
    assert shown > 30
    assert 0.25 < mirrored / shown < 0.75


def test_who_is_not_upright_or_has_no_joints_gives_no_window() -> None:
    rng = np.random.default_rng(1)
    one = person()
    assert one.joints is not None
    lying = replace(one, joints=one.joints[:, ::-1].copy())
    assert not list(windows.windows(lying, rng, 20.0))
    assert not list(windows.windows(replace(one, joints=None), rng, 20.0))


def test_the_fitted_correction_undoes_what_the_network_does_by_habit() -> None:
    rng = np.random.default_rng(2)
    looks = []
    for _ in range(150):
        seen = standing(8)
        side = rng.uniform(300, 900)
        seen.regions[:, 2] = side
        seen.points[:] += rng.uniform(-20, 20, 2).astype(np.float32)
        true = seen.points[0, LANDMARKS].astype(float)
        # The network puts the hips a twentieth of the square too high, one side it mistakes.
        seen.points[:, [23, 24], 1] -= np.float32(0.05 * side)
        seen.points[4] = seen.points[4][
            [0, *range(1, 11), 12, 11, *range(13, 23), 24, 23, *range(25, 39)]
        ]
        looks.append(
            (Example(np.empty((400, 400, 0), np.uint8), "rendered", "a", "g", true / 400), seen)
        )
    model = moves.fit(looks)
    example, seen = looks[0]
    done = model.corrected(seen, (400, 400))
    assert not examples.right(seen.points[:, :33], example.joints, example.size).any()
    before = np.abs(seen.points[:, 23, 1] - 400 * example.joints[JOINTS.index("left_hip"), 1])
    after = np.abs(done.points[:, 23, 1] - 400 * example.joints[JOINTS.index("left_hip"), 1])
    assert (after < before / 3).all()


def test_a_picture_with_nothing_below_the_shoulders_is_judged_by_the_torso() -> None:
    points = standing().points[:, :33].astype(float)
    joints = points[0, LANDMARKS] / 400 - (0, 2)
    size = np.array([400.0, 400.0])
    assert examples.right(points - (0, 800), joints, size).tolist() == [True]
    assert examples.right(points, joints, size).tolist() == [False]


def test_real_people_weigh_as_much_as_rendered_ones_and_kinds_alike() -> None:
    kinds = [("rendered", True, "a")] * 6 + [("rendered", True, "b")] * 2 + [("real", True, "c")]
    weights = balanced(kinds)
    assert weights.sum() == pytest.approx(9)
    assert weights[:6].sum() == pytest.approx(weights[6:8].sum())
    assert weights[:8].sum() == pytest.approx(weights[8])


def test_inner_values_are_pooled_over_squares_of_like_size_only() -> None:
    seen = standing(8)
    seen.inside[:] = np.arange(8, dtype=np.float32)[:, None]
    told = dict(zip(POOLED, pooled(seen), strict=True))
    assert [told[f"mean_5_of_size_{size}"] for size in range(4)] == [0.5, 2.5, 4.5, 6.5]
    assert [told[f"greatest_5_of_size_{size}"] for size in range(4)] == [1, 3, 5, 7]
    few = dict(zip(POOLED, pooled(seen.take(np.array(SCREENING))), strict=True))
    assert [few[f"mean_5_of_size_{size}"] for size in range(4)] == list(SCREENING)


def test_a_body_is_known_by_what_only_one_size_of_square_shows() -> None:
    rng = np.random.default_rng(3)
    looks = []
    for number in range(120):
        seen = standing(8)
        seen.inside[:] = rng.normal(size=seen.inside.shape)
        body = number % 2 == 0
        # Large values in the smallest square mean somebody, in the largest nobody.
        seen.inside[0 if body else -1] += 3
        joints = standing().points[0, LANDMARKS].astype(float) / 400 if body else None
        if joints is not None and number % 4 == 0:
            joints = (1, 0) + joints * (-1, 1)  # They turn their back.
        picture = np.empty((400, 400, 0), np.uint8)
        looks.append((Example(picture, "rendered", "chest", f"P{number}", joints), seen))
    shipped, apart = firsts.fit(looks)
    for example, seen in looks:
        body = example.joints is not None
        first = apart(example.group)
        assert (first.inside(seen).body > 0) == body
        _, hopeless = first.chance(seen.take(np.array(SCREENING)))
        assert not (body and hopeless)
    assert np.isfinite(shipped.stop)
