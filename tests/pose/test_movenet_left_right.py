"""Several readings at one person: which side is left, and where the joints are."""

import numpy as np
import pytest
import torch

from unposed_jobs.pose.movenet import left_right, sides
from unposed_jobs.pose.movenet.left_right import Reading
from unposed_jobs.pose.movenet.network import PAIRS, side_odds, torso_mean
from unposed_jobs.pose.topology import COCO17, COCO17_INDEX, COCO17_MIRROR

MIRROR = list(COCO17_MIRROR)
KIND = "thunder"


@pytest.fixture(autouse=True)
def by_heat(monkeypatch) -> None:
    """The regression's word is the evidence by heat, and what the torso's one value adds to it."""
    monkeypatch.setattr(
        sides, "left_is_left", lambda kind, torso, heat: heat + torso[:, 0].astype(float)
    )


def facing(odds: float = 4.0) -> Reading:
    """Somebody who faces the camera: the person's left lies to the right in the picture."""
    points = np.zeros((1, 17, 3), np.float32)
    for row, name in enumerate(COCO17):
        points[0, row] = (120 if name.startswith("left") else 80, 10 * row, 0.9)
    return Reading(points, np.full((1, 6), odds, np.float32), np.zeros((1, 1), np.float32))


def turned(odds: float = 4.0) -> Reading:
    """The same, read as a back."""
    return facing(odds)._replace(points=facing().points[:, MIRROR])


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
    found = left_right.joined(KIND, readings, [])
    assert found.odds == pytest.approx([pairs * 6 * 1.8])
    for part in ("shoulder", "wrist", "hip", "ankle"):
        assert found.points[0, COCO17_INDEX[f"left_{part}"], 0] == pytest.approx(left)


def test_hips_that_contradict_the_shoulders_follow_the_evidence() -> None:
    twisted = facing().points.copy()
    legs = list(range(COCO17_INDEX["left_hip"], 17))
    twisted[:, legs] = twisted[:, [MIRROR[row] for row in legs]]
    odds = np.array([[1, 1, 1, -1, -1, -1]], np.float32)
    found = left_right.joined(KIND, [facing()._replace(points=twisted, odds=odds)], [])
    assert found.odds == pytest.approx([6 * 1.8])
    assert found.points[0, 5:, :2] == pytest.approx(facing().points[0, 5:, :2])


def test_all_readings_place_but_only_those_that_tell_decide() -> None:
    lower = facing().points + np.array([0, 30, 0], np.float32)
    placing = facing(50)._replace(points=lower[:, MIRROR])
    found = left_right.joined(KIND, [facing(), facing()], [placing])
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


@pytest.mark.parametrize(("inner", "left"), [(100.0, 80), (-100.0, 120), (0.0, 120)])
def test_what_the_network_holds_of_the_torso_can_outweigh_its_heat(inner, left) -> None:
    seen = facing()._replace(torso=np.array([[inner]], np.float32))
    found = left_right.joined(KIND, [seen, seen], [])
    assert found.points[0, COCO17_INDEX["left_shoulder"], 0] == pytest.approx(left)
    assert found.odds == pytest.approx([abs(inner - 2 * 4 * 6 * 1.8)])


def test_the_torso_is_what_lies_between_shoulders_and_hips() -> None:
    points = torch.zeros(2, 17, 3)
    for side, x in (("left", 0.6), ("right", 0.3)):
        for part, y in (("shoulder", 0.3), ("hip", 0.7)):
            points[0, COCO17_INDEX[f"{side}_{part}"], :2] = torch.tensor([x, y])
            points[1, COCO17_INDEX[f"{side}_{part}"], :2] = torch.tensor([1.4, -0.2])
    inner = torch.arange(2 * 8 * 8 * 2, dtype=torch.float32).reshape(2, 8, 8, 2)
    found = torso_mean(inner, points)
    # Rows 2 to 5, columns 2 to 4; outside the square the nearest cell.
    assert torch.equal(found[0], inner[0, 2:6, 2:5].mean((0, 1)))
    assert torch.equal(found[1], inner[1, 0, 7])
