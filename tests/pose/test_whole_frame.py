import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from unposed_jobs import config
from unposed_jobs.config import PoseSettings
from unposed_jobs.errors import UnposedError
from unposed_jobs.pose import extraction
from unposed_jobs.pose.estimator import PoseEstimate
from unposed_jobs.pose.whole_frame import evidence, examples, gate, identity, readings, squares
from unposed_jobs.pose.whole_frame.estimator import WholeFrameEstimator
from unposed_jobs.pose.whole_frame.looking import POINTS, Sightings


def standing(count: int = 1) -> Sightings:
    """An upright skeleton in squares of 400 pixels, the same in all."""
    points = np.full((count, POINTS, 2), 200.0, np.float32)
    for rows, y, apart in (([11, 12], 120, 40), ([23, 24], 200, 30), ([25, 26], 280, 30)):
        points[:, rows, 1] = y
        points[:, rows[0], 0], points[:, rows[1], 0] = 200 + apart, 200 - apart
    points[:, 27:33, 1] = 360
    points[:, 33], points[:, 34] = (200, 200), (200, 40)
    sure = np.full((count, POINTS), 0.9, np.float32)
    regions = np.tile(np.array([200, 200, 400, 0], np.float32), (count, 1))
    depth = np.zeros((count, POINTS), np.float32)
    scores = np.linspace(0.9, 0.5, count, dtype=np.float32)
    return Sightings(regions, points, depth, sure, sure, sure, scores)


def test_the_ladder_keeps_the_picture_inside_its_squares() -> None:
    for width, height in ((400, 500), (500, 400), (256, 256)):
        for cx, cy, side, rotation in squares.ladder(width, height):
            assert cx == width / 2
            assert rotation == 0
            assert cy - side / 2 <= 1e-3
            assert cy + side / 2 >= height - 1e-3


def test_looking_again_follows_the_network_s_own_points() -> None:
    (region,) = squares.following(standing().points)
    assert region == pytest.approx([200, 200, 400, 0], abs=1e-3)
    turned = standing().points.copy()
    turned[:, 34] = (360, 200)
    (region,) = squares.following(turned)
    assert region[3] == pytest.approx(np.pi / 2, abs=1e-3)


def test_squares_that_say_the_same_agree_and_a_mirrored_one_is_told() -> None:
    same = evidence.of_sightings(standing(3), None, 400, 400)
    names = evidence.SIGHTED
    assert same.shape == (6, len(names))
    assert same[:3, names.index("agree_torso")] == pytest.approx(1.0)
    assert same[3:, names.index("agree_mirrored")] == pytest.approx(1.0)
    front = same[:, names.index("front")]
    assert front == pytest.approx([1, 1, 1, -1, -1, -1])
    seen = standing(3)
    seen.points[2, [11, 12, 23, 24]] = seen.points[2, [12, 11, 24, 23]]
    told = evidence.of_sightings(seen, 1, 400, 400)
    assert told[0, names.index("agree_torso")] < 0.7
    assert told[2, names.index("agree_mirrored")] == pytest.approx(1.0)
    assert told[:, names.index("detector")].tolist() == [0, 1, 0, 0, 0, 0]


def test_a_reading_turned_about_swaps_sides_and_depth() -> None:
    seen = standing(2)
    seen.depth[:, 11], seen.depth[:, 12] = -5, 7
    read = readings.both(seen)
    assert len(read) == 4
    assert read.points[2:, 11] == pytest.approx(seen.points[:, 12])
    assert read.depth[2, [11, 12]].tolist() == [-7, 5]
    assert readings.both(readings.both(seen)).points[6] == pytest.approx(seen.points[0])


def test_readings_that_say_the_same_are_averaged_and_others_are_not() -> None:
    seen = standing(3)
    seen.scores[:] = 0.5
    seen.points[1, 11, 0] += 8
    seen.points[2, :, 1] -= 60
    found = readings.averaged(readings.both(seen), 400, 400)
    assert found.points[0, 11, 0] == pytest.approx(244)
    assert found.points[2] == pytest.approx(seen.points[2], abs=1e-3)


def test_right_is_within_a_quarter_of_the_torso() -> None:
    points = standing().points[:, :33].astype(float)
    size = np.array([400.0, 400.0])
    joints = points[0, examples.LANDMARKS] / size
    assert examples.right(points, joints, size).tolist() == [True]
    points[0, 11, 1] += 19
    assert examples.right(points, joints, size).tolist() == [True]
    points[0, 11, 1] += 2
    assert examples.right(points, joints, size).tolist() == [False]


def test_the_shipped_gate_is_whole_and_tells_what_it_was_fitted_on() -> None:
    assert 0 <= gate.load().clear_from <= 1
    told = json.loads(identity.read())
    assert {row["origin"] for row in told["fitted_on"]} == {"rendered", "real"}
    assert all({"found", "right"} <= set(row) for row in told["out_of_fold"])


@pytest.mark.parametrize(
    "spoil",
    [
        lambda told: told["models"].pop("there"),
        lambda told: told["models"]["there"]["weights"].pop(),
        lambda told: told["models"]["there"]["weights"][0].update(scale=0),
        lambda told: told["models"]["placed"]["evidence"].pop(),
        lambda told: told["models"]["placed"]["trees"].pop(7),
        lambda told: told["models"]["clear"].update(slope=0),
        lambda told: told.update(squares=[[1.0, 0.0]]),
        lambda told: told.update(clear_from="high"),
    ],
)
def test_a_damaged_gate_is_told_in_one_line(spoil, tmp_path: Path) -> None:
    told = json.loads(identity.read())
    spoil(told)
    path = tmp_path / "gate.json"
    path.write_text(json.dumps(told))
    with pytest.raises(UnposedError, match="damaged") as error:
        gate.load(path)
    assert "\n" not in str(error.value)


def test_a_gate_that_is_no_json_or_not_there(tmp_path: Path) -> None:
    path = tmp_path / "gate.json"
    path.write_bytes(b"\x80\x02}q\x00.")
    with pytest.raises(UnposedError, match="damaged"):
        gate.load(path)
    with pytest.raises(UnposedError, match="cannot read the gate"):
        gate.load(tmp_path / "none.json")


def test_the_threshold_is_a_probability() -> None:
    with pytest.raises(UnposedError, match=r"\[pose\] min_person_probability must be from 0 to 1"):
        config.load(pose__min_person_probability=1.5)


class Inner:
    estimator_id = "inner"

    def __init__(self, result: PoseEstimate) -> None:
        self.result = result

    def estimate(self, pictures):
        return [self.result for _ in pictures]

    def close(self) -> None:
        pass


def test_a_clear_person_and_a_broken_picture_need_no_second_look() -> None:
    def forbidden():
        raise AssertionError("looked a second time")

    shipped = gate.load()
    models = replace(shipped, clear=replace(shipped.clear, slope=1e-6, shift=9.0), clear_from=0.9)
    table = standing().table(0, 400, 400)
    picture = np.zeros((400, 400, 3), np.uint8)
    inner = Inner(PoseEstimate(table, 0.9, 1))
    (found,) = WholeFrameEstimator(inner, forbidden, models, 0.5, "id").estimate([picture])
    assert found.landmarks is table
    assert found.found_by == "detector"
    assert found.person_confidence > 0.99
    inner.result = PoseEstimate(None, 0.0, 0, error="broken")
    (broken,) = WholeFrameEstimator(inner, forbidden, models, 0.5, "id").estimate([picture])
    assert broken is inner.result


def test_rows_carry_who_found_the_person() -> None:
    row = extraction.blank_row(b"", "id")
    assert (row["person_confidence"], row["found_by"]) == (None, None)
    picture = np.zeros((40, 40, 3), np.uint8)
    table = standing().table(0, 400, 400)
    told = PoseEstimate(table, 0.9, 1, person_confidence=0.75, found_by="whole_frame")
    extraction.fill_row(row, picture, told)
    assert (row["person_confidence"], row["found_by"]) == (0.75, "whole_frame")


def test_the_second_look_names_itself(pose_weights: PoseSettings) -> None:
    one = identity.identify("inner", pose_weights)
    assert one.startswith("inner-look")
    assert (
        identity.identify(
            "inner", PoseSettings(weights=pose_weights.weights, min_person_probability=0.9)
        )
        != one
    )


def test_another_gate_is_another_estimator(monkeypatch, pose_weights) -> None:
    first = identity.identify("inner", pose_weights)
    monkeypatch.setattr(identity, "read", lambda path=None: b"another gate")
    assert identity.identify("inner", pose_weights) != first
