"""Fitting the head of angles: components, calibration, and what is kept of examples."""

import numpy as np
import pytest

from unposed_jobs.lab.fitting.orientation import fit
from unposed_jobs.lab.fitting.orientation.examples import Examples, in_a_mirror
from unposed_jobs.orientation import circle
from unposed_jobs.orientation.body import CELLS, CHANNELS


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(fit, "C", 4)
    monkeypatch.setattr(fit, "K", 6)
    monkeypatch.setattr(fit, "EPOCHS", 15)
    monkeypatch.setattr(fit, "BATCH", 32)


def turning(count=400):
    """People whose angle the inner values tell, and nothing else does."""
    rng = np.random.default_rng(0)
    angles = rng.uniform(-180, 180, count)
    turns = np.deg2rad(angles)
    inner = rng.normal(0, 0.1, (count, CELLS, CELLS, CHANNELS))
    # Components are of what varies together.
    inner[..., ::2] += np.cos(turns)[:, None, None, None]
    inner[..., 1::2] += np.sin(turns)[:, None, None, None]
    return Examples(
        landmarks=rng.random((count, 33, 5)).astype(np.float32),
        sizes=np.full((count, 2), 300.0),
        points=rng.random((count, 17, 3)).astype(np.float32),
        inner=inner.astype(np.float16),
        angles=angles,
        people=np.arange(count) // 4,
        features=np.zeros((count, 1280), np.float16),
        every=np.arange(count) // 4,
        labels=np.full((count, 4), "x"),
        lost=3,
        of=count + 3,
    )


def test_components_are_standardised_and_the_first_tell_most():
    rng = np.random.default_rng(0)
    values = rng.normal(5, 1, (500, 2)) @ rng.normal(0, 3, (2, 10)) + rng.normal(0, 0.01, (500, 10))
    directions, shift = fit.components(values, 2)
    told = values @ directions + shift
    assert np.allclose(told.mean(0), 0, atol=1e-6)
    assert np.allclose(told.std(0), 1)
    residual = (
        values
        - np.column_stack([told, np.ones(500)])
        @ np.linalg.lstsq(np.column_stack([told, np.ones(500)]), values, rcond=None)[0]
    )
    assert residual.std() < 0.02


def test_what_inner_values_tell_alone_is_learned_and_survives_the_file(quick, tmp_path):
    examples = turning()
    examples.save(tmp_path / "part.npz")
    again = Examples.load([tmp_path / "part.npz"] * 2)
    assert (again.lost, again.of, len(again.angles)) == (6, 806, 800)
    head, out_of_fold = fit.fit(examples)
    assert np.median(circle.apart(out_of_fold, examples.angles)) < 30
    facing = head(examples.inputs(head))
    assert np.median(circle.apart(facing.angles, examples.angles)) < 20
    assert np.allclose(facing.cells.sum(1), 1)


def test_a_mirror_exchanges_left_and_right():
    seen = np.random.default_rng(0).random((33, 5)).astype(np.float32)
    other = in_a_mirror(seen)
    assert np.allclose(in_a_mirror(other), seen)
    assert np.allclose(other[11, 1:], seen[12, 1:])
    assert other[11, 0] == pytest.approx(1 - seen[12, 0])
