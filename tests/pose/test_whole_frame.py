import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from upright import standing

from unposed_jobs import config
from unposed_jobs.config import PoseSettings
from unposed_jobs.errors import UnposedError
from unposed_jobs.lab.fitting.second_look import examples
from unposed_jobs.pose.estimator import PoseEstimate
from unposed_jobs.pose.logistic import Logistic
from unposed_jobs.pose.rows import LandmarkRow
from unposed_jobs.pose.second_look import evidence, gate, identity, readings, squares
from unposed_jobs.pose.second_look.estimator import WholeFrameEstimator
from unposed_jobs.pose.second_look.evidence import Inside
from unposed_jobs.pose.second_look.looking import Sightings, stacked

NOTHING_INSIDE = Inside(0.0, 0.0, 0.0)


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
    seen = standing(3)
    same = evidence.of_sightings(seen, seen, NOTHING_INSIDE, None, (400, 400))
    names = evidence.SIGHTED
    assert same.shape == (12, len(names))
    assert same[:6, names.index("agree_torso")] == pytest.approx(1.0)
    assert same[6:, names.index("agree_mirrored")] == pytest.approx(1.0)
    assert same[:, names.index("front")] == pytest.approx([1] * 6 + [-1] * 6)
    seen.points[2, [11, 12, 23, 24]] = seen.points[2, [12, 11, 24, 23]]
    told = evidence.of_sightings(seen, standing(3), NOTHING_INSIDE, 1, (400, 400))
    assert told[0, names.index("agree_torso")] < 0.7
    assert told[0, names.index("agree_corrected")] == pytest.approx(1.0)
    assert told[2, names.index("agree_mirrored")] == pytest.approx(1.0)
    assert told[:, names.index("detector")].tolist() == [0, 1] + [0] * 10


def test_the_evidence_about_a_person_does_not_depend_on_who_else_is_asked_about() -> None:
    random = np.random.default_rng(2)
    people = random.uniform(-0.2, 1.2, (9, 33, 5)).astype(np.float32)
    sizes = random.integers(100, 2000, (9, 2))
    together = evidence.of_landmarks(people, sizes)
    alone = [evidence.of_landmarks(people[i : i + 1], sizes[i : i + 1])[0] for i in range(9)]
    np.testing.assert_array_equal(together, np.stack(alone))
    # A point counts as framed in its own picture's width and height.
    framed = together[:, evidence.FOUND.index("framed_hips")]
    inside = np.all((people[:, [23, 24], :2] >= 0) & (people[:, [23, 24], :2] <= 1), axis=-1)
    assert framed.tolist() == inside.mean(1).tolist()


def test_evidence_tells_what_the_correction_did() -> None:
    seen, names = standing(2), evidence.SIGHTED
    better = standing(2)
    better.points[1, [23, 24], 1] += 40
    told = evidence.of_sightings(seen, better, NOTHING_INSIDE, None, (400, 400))
    assert told[:, names.index("corrected")].tolist() == [0, 0, 1, 1] * 2
    # The torso is 80 pixels long, and the hips of the second have moved by 40.
    assert told[:4, names.index("moved")] == pytest.approx([0, 0.5, 0, 0.5])
    assert told[:, names.index("hips_y")] == pytest.approx([0.5, 0.5, 0.5, 0.6] * 2)


def test_the_way_the_inner_values_tell_speaks_for_the_readings_that_face_it() -> None:
    seen, names = standing(1), evidence.SIGHTED
    told = evidence.of_sightings(seen, seen, Inside(3.0, -2.0, 1.0), None, (400, 400))
    assert told[:, names.index("body")].tolist() == [3.0] * 4
    assert told[:, names.index("front_inside")].tolist() == [-2.0, -2.0, 2.0, 2.0]


def unlike(random: np.random.Generator, count: int) -> Sightings:
    """Sightings that do not agree, of a picture of some 400 pixels."""
    seen = standing(count)
    points = seen.points + random.normal(0, 20, seen.points.shape).astype(np.float32)
    depth = random.normal(0, 30, seen.depth.shape).astype(np.float32)
    sure, scores = (random.uniform(0, 1, seen.depth.shape) for _ in range(2))
    regions = seen.regions + random.uniform(0, 0.5, seen.regions.shape).astype(np.float32)
    return replace(
        seen,
        regions=regions,
        points=points,
        depth=depth,
        visibility=sure.astype(np.float32),
        scores=scores[:, 0].astype(np.float32),
    )


def test_what_is_made_of_a_picture_s_sightings_does_not_depend_on_the_other_pictures() -> None:
    random = np.random.default_rng(4)
    moves = gate.load().first.correction
    each = [unlike(random, 5) for _ in range(7)]
    sizes = random.integers(300, 600, (7, 2))
    insides = [Inside(*random.normal(0, 3, 3)) for _ in each]

    def made(seen: Sightings, inside: Inside, size: np.ndarray) -> tuple[np.ndarray, Sightings]:
        corrected = moves.corrected(seen, size)
        told = evidence.of_sightings(seen, corrected, inside, 4, size)
        return told, readings.averaged(readings.every(seen, corrected), size)

    told, read = made(stacked(each), Inside(*np.transpose(insides)), sizes)
    assert told.shape == (7, 20, len(evidence.SIGHTED))
    for index, (seen, inside, size) in enumerate(zip(each, insides, sizes, strict=True)):
        alone, own = made(seen, inside, size)
        np.testing.assert_allclose(told[index], alone, rtol=1e-9, atol=1e-9)
        assert np.ptp(alone, axis=0).max() > 0
        for name, value in vars(read.take(index)).items():
            np.testing.assert_allclose(value, getattr(own, name), rtol=1e-6, err_msg=name)


def test_one_sighting_of_each_picture_is_chosen() -> None:
    random = np.random.default_rng(5)
    each = [unlike(random, 5) for _ in range(3)]
    chosen = stacked(each).chosen(np.array([4, 0, 2]))
    assert len(chosen) == 1
    for index, row in enumerate((4, 0, 2)):
        for name, value in vars(chosen).items():
            assert value[index, 0].tolist() == getattr(each[index], name)[row].tolist(), name


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
    found = readings.averaged(readings.both(seen), (400, 400))
    assert found.points[0, 11, 0] == pytest.approx(244)
    assert found.points[2] == pytest.approx(seen.points[2], abs=1e-3)


def test_what_most_squares_agree_on_minds_no_side() -> None:
    seen = standing(4)
    seen.scores[:] = (0.9, 0.4, 0.4, 0.4)
    seen.points[0] += 100
    seen.points[2, [11, 12, 23, 24]] = seen.points[2, [12, 11, 24, 23]]
    assert readings.agreed(seen) in (1, 2, 3)
    seen.scores[1:] = 0.0
    assert readings.agreed(seen) == 0


def test_beyond_some_deviations_no_evidence_decides() -> None:
    model = Logistic(np.zeros(2), np.ones(2), np.array([1.0, -1.0]), 0.5)
    assert model.logit(np.array([4.0, 0.0])) == pytest.approx(4.5)
    assert model.logit(np.array([1e6, 0.0])) == pytest.approx(4.5)
    assert model.logit(np.array([0.0, 1e6])) == pytest.approx(-3.5)


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
        lambda told: told["first"].pop("glance"),
        lambda told: told["first"].update(stop="nan"),
        lambda told: told["first"]["body"]["weights"].pop(),
        lambda told: told["first"]["correction"]["weights"].pop(3),
        lambda told: told["first"]["correction"]["weights"][0].update(scale=0),
        lambda told: told["first"]["correction"]["shift"].update(x_left_hip="inf"),
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
    row = LandmarkRow.unread(b"", "id")
    assert (row.person_confidence, row.found_by, row.person_probability) == (None,) * 3
    picture = np.zeros((40, 40, 3), np.uint8)
    table = standing().table(0, 400, 400)
    told = PoseEstimate(table, 0.9, 1, None, 0.75, "whole_frame", person_probability=0.875)
    row = row.seen(picture, told)
    assert (row.person_confidence, row.found_by) == (0.75, "whole_frame")
    assert row.person_probability == 0.875
    estimate = PoseEstimate(None, 0.0, 0, person_probability=0.125)
    nobody = LandmarkRow.unread(b"", "id").seen(picture, estimate)
    assert (nobody.person_confidence, nobody.person_probability) == (None, 0.125)


def test_the_second_look_names_itself(pose_weights: PoseSettings) -> None:
    one = identity.identify("inner", pose_weights)
    assert one.startswith("inner-look")
    assert (
        identity.identify(
            "inner", PoseSettings(weights=pose_weights.weights, min_person_probability=0.9)
        )
        != one
    )


def test_another_version_is_another_estimator(monkeypatch, pose_weights) -> None:
    first = identity.identify("inner", pose_weights)
    monkeypatch.setattr(identity, "VERSION", identity.VERSION + 1)
    assert identity.identify("inner", pose_weights) != first


def test_another_gate_is_another_estimator(monkeypatch, pose_weights) -> None:
    first = identity.identify("inner", pose_weights)
    monkeypatch.setattr(identity, "read", lambda path=None: b"another gate")
    assert identity.identify("inner", pose_weights) != first
