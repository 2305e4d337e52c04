"""Several readings at one person: which side is left, and where the joints are."""

import numpy as np
import pytest
import torch

from unposed_jobs.pose.movenet import left_right
from unposed_jobs.pose.movenet.left_right import Reading
from unposed_jobs.pose.movenet.network import PAIRS, side_odds
from unposed_jobs.pose.topology import COCO17, COCO17_INDEX, COCO17_MIRROR

MIRROR = list(COCO17_MIRROR)


def facing(odds: float = 4.0) -> Reading:
    """Somebody who faces the camera: the person's left lies to the right in the picture."""
    points = np.zeros((1, 17, 3), np.float32)
    for row, name in enumerate(COCO17):
        points[0, row] = (120 if name.startswith("left") else 80, 10 * row, 0.9)
    return Reading(points, np.full((1, 6), odds, np.float32))


def turned(odds: float = 4.0) -> Reading:
    """The same, read as a back."""
    return Reading(facing().points[:, MIRROR], np.full((1, 6), odds, np.float32))


@pytest.mark.parametrize(
    ("readings", "pairs", "left"),
    [
        ([facing(4), turned(1)], 3, 120),
        ([facing(1), turned(4)], 3, 80),
        ([facing(2), facing(3)], 5, 120),
        # What its own maps contradict is no evidence for what it says.
        ([facing(-4), turned(1)], 5, 80),
    ],
)
def test_the_surer_reading_decides(readings, pairs, left) -> None:
    found = left_right.joined(readings, [])
    assert found.odds == pytest.approx([pairs * 6 * 1.8])
    for part in ("shoulder", "wrist", "hip", "ankle"):
        assert found.points[0, COCO17_INDEX[f"left_{part}"], 0] == pytest.approx(left)


def test_hips_that_contradict_the_shoulders_follow_the_evidence() -> None:
    twisted = facing().points.copy()
    legs = list(range(COCO17_INDEX["left_hip"], 17))
    twisted[:, legs] = twisted[:, [MIRROR[row] for row in legs]]
    odds = np.array([[1, 1, 1, -1, -1, -1]], np.float32)
    found = left_right.joined([Reading(twisted, odds)], [])
    assert found.odds == pytest.approx([6 * 1.8])
    assert found.points[0, 5:, :2] == pytest.approx(facing().points[0, 5:, :2])


def test_all_readings_place_but_only_those_that_tell_decide() -> None:
    lower = facing().points + np.array([0, 30, 0], np.float32)
    placing = Reading(lower[:, MIRROR], np.full((1, 6), 50, np.float32))
    found = left_right.joined([facing(), facing()], [placing])
    assert found.odds == pytest.approx([2 * 4 * 6 * 1.8])
    limbs = slice(5, None)
    expected = facing().points[0, limbs, :2] + (0, 10)
    # Where left and right lie at two heights, the exchanged reading brings its own.
    assert found.points[0, limbs, 0] == pytest.approx(expected[:, 0])
    assert np.abs(found.points[0, limbs, 1] - expected[:, 1]).max() < 5


def test_heat_at_the_other_side_is_odds_against_it() -> None:
    heat = torch.full((1, 16, 16, 17), -5.0)
    points = torch.zeros(1, 17, 3)
    for pair, (left, right) in enumerate(PAIRS):
        points[0, left, :2] = torch.tensor([12.5, 2 * pair + 2.5]) / 16
        points[0, right, :2] = torch.tensor([3.5, 2 * pair + 2.5]) / 16
        heat[0, 2 * pair + 2, 12, left] = heat[0, 2 * pair + 2, 3, right] = 3.0
    # Of the first pair both maps are nearly as hot at the other's place, off by two cells.
    left, right = PAIRS[0]
    heat[0, 4, 3, left] = heat[0, 0, 12, right] = 2.0
    odds = side_odds(heat, points)
    assert odds.shape == (1, 6)
    assert odds[0, 0] == pytest.approx(1.0)
    assert odds[0, 5] == pytest.approx(8.0)
    exchanged = side_odds(heat, points[:, MIRROR])
    assert exchanged[0] == pytest.approx(-odds[0])
