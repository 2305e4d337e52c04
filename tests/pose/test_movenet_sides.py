"""The regression of sides: what is shipped, and how it is fitted."""

import json

import numpy as np
import pytest

from unposed_jobs.lab.fitting.sides import fit
from unposed_jobs.lab.fitting.sides.examples import Sides
from unposed_jobs.pose.movenet import sides
from unposed_jobs.pose.movenet.network import INNER


@pytest.mark.parametrize("kind", INNER)
def test_each_kind_has_a_regression_of_its_width_and_heat_counts_for_what_it_says(kind) -> None:
    torso = np.tile(sides.regression(kind).mean[: INNER[kind]], (3, 1))
    back, nothing, front = sides.left_is_left(kind, torso, np.array([40.0, 0.0, -40.0]))
    assert back > 2 > nothing > -2 > front


def test_a_persons_odds_do_not_depend_on_the_others() -> None:
    rng = np.random.default_rng(0)
    torso, heat = rng.normal(size=(5, INNER["thunder"])), rng.normal(size=5)
    together = sides.left_is_left("thunder", torso, heat)
    alone = [sides.left_is_left("thunder", torso[[i]], heat[[i]])[0] for i in range(5)]
    assert together.tolist() == alone


def test_it_is_fitted_on_inner_values_and_judged_on_people_left_out() -> None:
    rng = np.random.default_rng(1)
    left = np.arange(400) % 4 == 0
    torso = rng.normal(size=(400, 6)).astype(np.float32)
    torso[:, 2] += 5 * left
    known = Sides(torso, rng.normal(size=400), left, np.array([f"p{i // 8}" for i in range(400)]))
    fitted, left_out = fit.fit(known, 0.5)
    assert ((left_out > 0) == left).mean() > 0.85
    assert int(np.abs(fitted.weights[:6]).argmax()) == 2
    assert fitted.weights[6] / fitted.scale[6] == pytest.approx(0.5)
    assert set(json.loads(sides.read())) == set(fit.HEAT)
