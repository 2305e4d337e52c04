import numpy as np
from landmark_figures import Pose, figures

from unposed_jobs.embedding.features import pose_features, ratios_of
from unposed_jobs.vocabulary import naming, shot_space

SHOTS = [Pose("front", "upper"), Pose("front", "upper", turn=45), Pose("left", "full")]
SHOTS += [Pose("right", "full"), Pose("back", "legs")]


def ratios() -> np.ndarray:
    made = figures(SHOTS)
    made[..., 2] *= 2.4  # BlazePose tells more depth than there is.
    return ratios_of(pose_features(made))


def test_what_a_picture_reads_as_counts_by_framing_and_by_view() -> None:
    codes = np.zeros((len(SHOTS), 3), dtype=np.float32)
    points = shot_space.with_readings(codes, ratios(), 2.0)
    apart = ((points[:, None] - points[None]) ** 2).sum(axis=-1)
    front, turned, left, right, back = range(len(SHOTS))
    assert apart[front, turned] == 8  # Another view, ...
    assert apart[turned, back] == 16  # ... and another framing as well.
    assert apart[left, right] == 4  # The other side is hardly another view.


def test_every_reading_has_its_place() -> None:
    rng = np.random.default_rng(0)
    made = rng.uniform(-1, 1, (2000, 10))
    read = shot_space.with_readings(np.zeros((2000, 0), dtype=np.float32), made, 1.0)
    framings, views = len(naming.FRAMINGS), len(naming.VIEWS)
    np.testing.assert_array_equal(read[:, :framings].sum(axis=1), 1)
    np.testing.assert_array_equal(read[:, framings : framings + views].sum(axis=1), 1)
    assert (read[:, : framings + views].sum(axis=0) > 0).all()


def test_without_a_weight_codes_stay_as_they_are() -> None:
    codes = np.arange(10, dtype=np.float32).reshape(5, 2)
    assert shot_space.with_readings(codes, ratios(), 0.0) is codes


def test_the_weight_goes_with_the_codes_spread() -> None:
    codes = np.random.default_rng(0).normal(0, 1, (500, 8))
    assert np.isclose(shot_space.weight(3 * codes), 3 * shot_space.weight(codes))
    assert shot_space.weight(np.ones((5, 8))) > 0
