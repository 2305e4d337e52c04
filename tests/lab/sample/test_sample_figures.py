import numpy as np
import pytest

from unposed_jobs import config
from unposed_jobs.errors import UnposedError
from unposed_jobs.lab.sample import textures
from unposed_jobs.lab.sample.cohorts import parse
from unposed_jobs.lab.sample.figure import Figure
from unposed_jobs.lab.sample.garments import KINDS, random_garment
from unposed_jobs.lab.sample.geometry import two_bones
from unposed_jobs.lab.sample.people import random_build, random_pose
from unposed_jobs.lab.sample.shots import Studio

LEFT_SHOULDER, RIGHT_SHOULDER, NOSE, LEFT_EAR, RIGHT_EAR = 11, 12, 0, 7, 8


def picture(seed: int, shot: str, size: int = 512) -> np.ndarray:
    rng = np.random.default_rng([99, seed])
    kind = KINDS[seed % len(KINDS)]
    studio = Studio(rng, random_garment(rng, kind), kind == "dress" or seed % 2 == 0, size)
    return np.asarray(studio.picture(parse(shot), int("/" in shot), seed))


def test_limbs_keep_their_lengths_and_feet_the_floor():
    for seed in range(20):
        rng = np.random.default_rng(seed)
        figure = Figure(random_build(rng, seed % 2 == 0), random_pose(rng, "front"))
        s = figure.scale
        for side in ("left", "right"):
            hip, knee, ankle = figure.legs[side]
            assert np.linalg.norm(knee - hip) == pytest.approx(0.41 * s, rel=0.02)
            assert 0.05 * s < ankle[1] < 0.16 * s
            shoulder, elbow, _ = figure.arms[side]
            assert np.linalg.norm(elbow - shoulder) == pytest.approx(0.288 * s, rel=0.02)
        assert figure.shoulders["left"][0] > figure.shoulders["right"][0]


def test_a_limb_reaches_what_it_can_and_bends_to_its_pole():
    start, pole = np.zeros(3), np.array([0.0, 0.0, 1.0])
    near = two_bones(start, np.array([0.0, -0.5, 0.0]), 0.3, 0.3, pole)
    assert near[2] == pytest.approx([0.0, -0.5, 0.0])
    assert near[1][2] > 0.1
    far = two_bones(start, np.array([0.0, -2.0, 0.0]), 0.3, 0.3, pole)
    assert np.linalg.norm(far[2]) == pytest.approx(0.6, rel=0.01)


def test_a_picture_is_not_flat_and_the_figure_is_in_the_middle():
    shown = picture(1, "front/full", 240).astype(float)
    height, width, _ = shown.shape
    middle = shown[height // 4 : height // 2, width // 2 - 10 : width // 2 + 10]
    corner = shown[: height // 10, : width // 10]
    assert np.abs(middle.mean((0, 1)) - corner.mean((0, 1))).max() > 15
    assert shown.std() > 10


def test_blazepose_finds_the_figures_and_tells_their_sides():
    from unposed_jobs.networks import weights
    from unposed_jobs.pose import estimators

    settings = config.load().pose
    try:
        weights.verify(settings)
        estimator = estimators.create(settings)
    except UnposedError as error:
        pytest.skip(f"needs BlazePose's weights: {error}")
    found, right, total = 0, 0, 0
    for seed in range(4):
        for shot in ("front/full", "back/full", "three_quarter/upper", "front/upper", "left/full"):
            total += 1
            (estimate,) = estimator.estimate([picture(seed, shot)])
            if estimate.landmarks is None:
                continue
            found += 1
            x = estimate.landmarks[:, 0]
            across = x[LEFT_SHOULDER] - x[RIGHT_SHOULDER]
            ahead = x[NOSE] - (x[LEFT_EAR] + x[RIGHT_EAR]) / 2
            view = shot.split("/")[0]
            right += bool({"back": across < 0, "left": ahead < 0}.get(view, across > 0))
    nobody = [picture(seed, shot) for seed in range(3) for shot in ("fabric", "size_chart")]
    false = sum(estimate.landmarks is not None for estimate in estimator.estimate(nobody))
    estimator.close()
    assert found >= total - 1
    assert right >= found - 1
    assert false == 0


@pytest.mark.parametrize("pattern", ["gingham", "tartan", "stripes", "pinstripes", "dots"])
def test_the_paint_of_a_pattern_is_what_covers_a_fifth_of_the_cloth(pattern) -> None:
    first, second = (40, 60, 200), (220, 180, 60)
    pixels = np.asarray(textures.cloth(pattern, first, second, 1.0, 1.0, seed=1), float)
    told = np.array(textures.painted(pattern, first, second), float)
    shares = [(np.linalg.norm(pixels - one, axis=-1) < 15).mean() for one in told]
    assert min(shares) > 0.18
    left = (np.linalg.norm(pixels[:, :, None] - told, axis=-1).min(-1) >= 15).mean()
    assert left < 0.3
