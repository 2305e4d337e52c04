import dataclasses

import numpy as np
import pytest
import torch
from landmark_figures import FRAMES, YAWS, Pose, figures

from unposed_jobs.config import TrainingSettings
from unposed_jobs.embedding import autoencoder
from unposed_jobs.embedding.augmentation import jittered_features, vary
from unposed_jobs.embedding.autoencoder import Autoencoder
from unposed_jobs.embedding.features import names, pose_features
from unposed_jobs.embedding.scaler import Scaler
from unposed_jobs.embedding.topology import BLAZEPOSE_33
from unposed_jobs.errors import UnposedError

POSES = [Pose(view, frame) for view in YAWS for frame in FRAMES for _ in range(8)]
LANDMARKS = figures(POSES)
FEATURES = pose_features(LANDMARKS)
LABELS = {"front": "front", "back": "back", "left": "side", "right": "side"}  # Either side will do.
SETTINGS = TrainingSettings(epochs=120)


@pytest.fixture(scope="module")
def learned() -> Autoencoder:
    return autoencoder.fit(FEATURES, SETTINGS, jittered_features(LANDMARKS, 4, 0))


def test_a_rate_of_a_tenth_is_stable_and_learns(learned: Autoencoder) -> None:
    assert SETTINGS.learning_rate == 0.1
    assert np.isfinite(learned.losses).all()
    assert max(learned.losses) <= 2 * learned.losses[0]
    assert learned.losses[-1] < 0.5 * learned.losses[0]


def test_codes_are_eight_finite_values_and_tell_poses_apart(learned: Autoencoder) -> None:
    codes = learned.encode(FEATURES)
    assert codes.shape == (len(FEATURES), 8)
    assert codes.dtype == np.float32
    labels = np.array([LABELS[pose.view] + pose.frame for pose in POSES])
    distance = np.linalg.norm(codes[:, None] - codes[None], axis=-1)
    np.fill_diagonal(distance, np.inf)
    assert (labels[distance.argmin(axis=1)] == labels).mean() > 0.9


def test_a_slight_change_of_the_picture_is_nearer_than_another_pose(learned: Autoencoder) -> None:
    varied = pose_features(vary(LANDMARKS, np.random.default_rng(5)))
    moved = np.linalg.norm(learned.encode(varied) - learned.encode(FEATURES), axis=1)
    codes = learned.encode(FEATURES)
    labels = np.array([pose.label for pose in POSES])
    other = np.where(
        labels[:, None] != labels[None], np.linalg.norm(codes[:, None] - codes[None], axis=-1), 9e9
    ).min(axis=1)
    assert np.median(moved) < 0.3 * np.median(other)


def test_folded_layers_say_what_was_learned_and_decode_comes_back(learned: Autoencoder) -> None:
    scaled = learned.scaler.encode(FEATURES)
    rebuilt = learned.decode(learned.encode(FEATURES))
    error = ((rebuilt - scaled) ** 2).sum() / ((scaled - scaled.mean(0)) ** 2).sum()
    assert error < 0.1


def test_the_same_seed_gives_the_same_bytes_and_another_seed_does_not() -> None:
    short = dataclasses.replace(SETTINGS, epochs=5)
    torch.manual_seed(1)
    one = autoencoder.fit(FEATURES, short).state()
    torch.manual_seed(2)
    before = torch.get_rng_state()
    two = autoencoder.fit(FEATURES, short).state()
    assert torch.equal(torch.get_rng_state(), before)
    assert all(one[name].tobytes() == two[name].tobytes() for name in one)
    other = autoencoder.fit(FEATURES, dataclasses.replace(short, seed=1)).state()
    assert any(one[name].tobytes() != other[name].tobytes() for name in one)


def test_batches_smaller_than_the_set_learn_too() -> None:
    small = dataclasses.replace(SETTINGS, epochs=30, batch_size=32)
    found = autoencoder.fit(FEATURES, small, jittered_features(LANDMARKS, 2, 0))
    assert found.losses[-1] < found.losses[0]
    assert np.isfinite(found.encode(FEATURES)).all()


def test_the_state_makes_the_same_autoencoder(learned: Autoencoder) -> None:
    scaler = Scaler.from_state(learned.scaler.state())
    again = Autoencoder.from_state(learned.state(), scaler)
    np.testing.assert_array_equal(again.encode(FEATURES), learned.encode(FEATURES))


def test_too_few_pictures_are_told_with_the_remedy() -> None:
    with pytest.raises(UnposedError, match=r"embedding = \"features\""):
        autoencoder.fit(FEATURES[:5], SETTINGS)


def test_ratios_outweigh_coordinates_whatever_the_catalogue_varies() -> None:
    scaled = Scaler.fit(FEATURES).encode(FEATURES)
    ratios = [
        index for index, name in enumerate(names(BLAZEPOSE_33)) if not name.endswith(("x", "y"))
    ]
    spread = scaled.var(axis=0)
    coordinates = np.setdiff1d(np.arange(77), ratios)
    assert spread[coordinates].sum() == pytest.approx(0.02 * spread[ratios].sum(), rel=1e-3)
    alike = Scaler.fit(np.repeat(FEATURES[:1], 5, axis=0))
    assert np.abs(alike.encode(FEATURES[:1])).max() < 1e-6
    assert np.isfinite(alike.scale).all()


def test_variations_keep_the_pose() -> None:
    rng = np.random.default_rng(0)
    facing = names(BLAZEPOSE_33).index("facing")
    for _ in range(3):
        varied = pose_features(vary(LANDMARKS, rng))
        assert np.abs(varied[:, facing] - FEATURES[:, facing]).mean() < 0.15
