import numpy as np
import pytest

from unposed_jobs.orientation import circle
from unposed_jobs.orientation import head as heads
from unposed_jobs.orientation.body import CELLS, CHANNELS, Bodies, BodyReader
from unposed_jobs.orientation.head import Calibration
from unposed_jobs.pose.topology import BLAZEPOSE33_INDEX


def standing(rng=None, people=1):
    """Landmarks of people who face the camera, roughly: who has the left on the picture's right."""
    rng = rng or np.random.default_rng(0)
    points = np.zeros((people, 33, 5), np.float32)
    points[..., :2] = rng.uniform(0.4, 0.6, (people, 33, 2))
    points[..., 2] = rng.normal(0, 0.05, (people, 33))
    points[..., 3:] = rng.uniform(0.2, 1, (people, 33, 2))
    for name, x, y in (("shoulder", 0.1, 0.25), ("hip", 0.06, 0.55)):
        for side, sign in (("left", 1), ("right", -1)):
            points[:, BLAZEPOSE33_INDEX[f"{side}_{name}"], :2] = (0.5 + sign * x, y)
    return points


def test_nine_cells_are_a_bin_and_all_bins_are_the_circle():
    cells = np.random.default_rng(0).random((5, circle.CELLS))
    assert np.allclose(circle.bins(cells).sum(-1), cells.sum(-1))
    for angle in (-180, -157.6, -22.4, 0, 22.4, 67.6, 179):
        cell = np.zeros(circle.CELLS)
        cell[int(np.round(angle / circle.CELL)) % circle.CELLS] = 1
        assert circle.bins(cell).argmax() == circle.bin_of(angle)


def test_the_way_between_two_angles_is_the_short_one():
    assert circle.apart(-179, 179) == pytest.approx(2)
    assert circle.wrapped(540) == pytest.approx(-180)


def test_place_and_size_of_a_person_in_the_picture_change_nothing():
    points = standing()
    moved = points.copy()
    moved[..., :2] = 0.1 + 0.5 * points[..., :2]
    moved[..., 2] *= 0.5
    same = heads.features(points, [[300, 300]])
    assert np.allclose(heads.features(moved, [[300, 300]]), same, atol=1e-4)
    # The same person in a picture that is wider, by a border on the right.
    wide = points.copy()
    wide[..., [0, 2]] /= 2
    assert np.allclose(heads.features(wide, [[600, 300]]), same, atol=1e-4)


def test_probabilities_are_one_in_all_and_sharper_with_concentration():
    sharp = np.array([0.5, 2.0, 8.0, 40.0])
    cells = Calibration().cells(np.full(4, 90.0), sharp)
    assert np.allclose(cells.sum(1), 1)
    assert (np.diff(cells.max(1)) > 0).all()
    assert (cells.argmax(1) == 18).all()


def test_place_and_size_of_key_points_in_their_square_change_nothing():
    points = np.random.default_rng(0).uniform(0.2, 0.8, (4, 17, 3)).astype(np.float32)
    moved = points.copy()
    moved[..., :2] = 0.1 + 0.5 * points[..., :2]
    assert np.allclose(heads.body_features(moved), heads.body_features(points), atol=1e-4)


def test_the_fitted_head_survives_its_file_and_names_itself():
    head = heads.head()
    again = heads.Head.from_bytes(head.to_bytes())
    values = np.random.default_rng(0).normal(size=(3, head.width)).astype(np.float32)
    assert np.allclose(head(values).cells, again(values).cells)
    assert heads.identity().startswith("orientation-")
    assert head(values[:0]).cells.shape == (0, circle.CELLS)


def test_who_faces_the_camera_is_told_from_a_rendered_person(pose_weights):
    pytest.importorskip("numba")
    from unposed_jobs.lab.sample.turntables import random_turntable
    from unposed_jobs.pose import estimators

    table = random_turntable(3, 1, 320)
    truth = np.array([0.0, 90.0, 180.0, -90.0])
    pictures = [np.asarray(table.picture(angle, 1)) for angle in truth]
    pictures += [np.ascontiguousarray(picture[:, ::-1]) for picture in pictures]
    estimator, reader = estimators.create(pose_weights), BodyReader(pose_weights)
    points = np.stack([one.landmarks for one in estimator.estimate(pictures)])
    estimator.close()
    bodies, head = reader(pictures, points), heads.head()
    sizes = [picture.shape[1::-1] for picture in pictures]
    facing = head(head.inputs(points, sizes, bodies))
    assert (circle.apart(facing.angles, np.concatenate([truth, -truth])) < 22.5).all()
    assert (facing.certainty > 0.5).all()
    # MoveNet's key points and its inner values both count.
    exchanged = np.arange(8)[::-1]
    for other in (
        Bodies(bodies.points[exchanged], bodies.inner),
        Bodies(bodies.points, bodies.inner[exchanged]),
    ):
        changed = head(head.inputs(points, sizes, other))
        assert circle.apart(changed.angles, facing.angles).max() > 5


def test_nobody_is_read_without_a_picture(pose_weights):
    bodies = BodyReader(pose_weights)([], np.empty((0, 33, 5), np.float32))
    assert bodies.inner.shape == (0, CELLS, CELLS, CHANNELS)
    assert heads.head().inputs(np.empty((0, 33, 5), np.float32), [], bodies).shape[0] == 0
