"""A second network's opinion on whether anybody is there."""

import json
from dataclasses import replace

import numpy as np
import pytest
from test_second_look_flow import PICTURE, Looker, flat, moving, whole_frame

from unposed_jobs.config import PoseSettings
from unposed_jobs.lab.fitting.opinion import fit
from unposed_jobs.lab.fitting.opinion.examples import Doubtful, joined
from unposed_jobs.lab.sample.cohorts import Shot
from unposed_jobs.lab.sample.garments import random_garment
from unposed_jobs.lab.sample.shots import Studio
from unposed_jobs.pose import estimators
from unposed_jobs.pose.second_look import identity, opinion
from unposed_jobs.pose.second_look.evidence import Inside
from unposed_jobs.pose.second_look.first import First
from unposed_jobs.pose.second_look.opinion import OPEN_FROM, WIDTH, Opinion

PLAIN = np.zeros((8, 8, 3), np.uint8)
LIKELY, UNLIKELY = Inside(9.0, 9.0, 9.0), Inside(-30.0, -30.0, -30.0)


class Seeing:
    """In place of EfficientNet: of each picture the same values."""

    def __init__(self) -> None:
        self.shown = 0

    def __call__(self, squares):
        self.shown += len(squares)
        return np.zeros((len(squares), 14, 14, 112)), np.ones((len(squares), WIDTH), np.float32)


@pytest.fixture
def asked() -> tuple[Opinion, Seeing]:
    made, seeing = Opinion(PoseSettings()), Seeing()
    made._network = seeing
    return made, seeing


def test_only_what_the_gate_leaves_open_is_asked(asked: tuple[Opinion, Seeing]) -> None:
    ask, seeing = asked
    enough = PoseSettings().min_person_probability
    chances = [0.0, OPEN_FROM - 0.01, enough, 0.97, 0.3]
    insides = [LIKELY, LIKELY, LIKELY, LIKELY, None]
    assert ask([PLAIN] * 5, chances, insides) == chances
    assert seeing.shown == 0
    found = ask([PLAIN] * 3, [0.97, 0.3, 0.2], [LIKELY, LIKELY, UNLIKELY])
    assert seeing.shown == 2
    assert found[0] == 0.97
    assert found[1] > 0.5
    # What this network says can only add: the gate's own probability stays.
    assert found[2] == 0.2


def test_what_is_said_of_a_picture_does_not_depend_on_the_others() -> None:
    rng = np.random.default_rng(0)
    values, inside = rng.normal(0, 1, (9, WIDTH)), rng.normal(0, 5, (9, 2))
    together = opinion.regressions().probability(values, inside)
    assert len(set(together)) > 1
    for row in range(9):
        alone = opinion.regressions().probability(values[row : row + 1], inside[row : row + 1])
        assert alone[0] == together[row]


@pytest.mark.parametrize("part", ["seen", "together"])
def test_damaged_regressions_are_refused(part: str) -> None:
    held = json.loads(opinion.read())
    held[part]["weights"] = held[part]["weights"][1:]
    with pytest.raises(ValueError, match="made for other evidence"):
        opinion.parse(held)


def test_the_second_look_finds_whom_the_opinion_adds(monkeypatch) -> None:
    Looker(monkeypatch)
    first = First(moving(), flat(0.0), flat(0.0), flat(0.0), stop=-1.0)
    looking = whole_frame(first, there=-1.0)
    (found,) = looking.estimate([PICTURE])
    assert found.landmarks is None
    looking._opinion = lambda pictures, chances, insides: [0.9 for _ in chances]
    (found,) = looking.estimate([PICTURE])
    assert found.landmarks is not None
    assert found.person_probability == 0.9


def test_a_stout_jacket_is_found_by_it_alone_and_a_garment_by_neither(
    pose_weights: PoseSettings,
) -> None:
    rng = np.random.default_rng(62)
    studio = Studio(rng, random_garment(rng, "jacket"), True, 400)
    chest = studio.take(Shot("person", "front", "chest"), 1, 62).image
    lying = studio.take(Shot("flat_lay"), 2, 62).image
    pictures = [np.ascontiguousarray(np.asarray(one.convert("RGB"))) for one in (chest, lying)]
    twice = replace(pose_weights, second_look=True)
    for kinds, found in ((True, [True, False]), (False, [False, False])):
        made = estimators.create(replace(twice, picture_kinds=kinds))
        estimates = made.estimate(pictures)
        made.close()
        assert [one.landmarks is not None for one in estimates] == found


def test_the_estimators_id_knows_it(pose_weights: PoseSettings, monkeypatch) -> None:
    asking = replace(pose_weights, picture_kinds=True)
    known = identity.identify("inner", asking)
    assert identity.identify("inner", replace(asking, picture_kinds=False)) != known
    monkeypatch.setattr(identity, "OPINION", "gate.json")
    assert identity.identify("inner", asking) != known


def known(groups: int, seed: int) -> Doubtful:
    """Of which some values tell whether anybody is there, and the gate's evidence nothing."""
    rng = np.random.default_rng(seed)
    count = 8 * groups
    person = rng.random(count) < 0.5
    values = rng.normal(0, 1, (count, WIDTH))
    values[:, :40] += 2 * person[:, None]
    return Doubtful(
        values,
        rng.normal(0, 1, (count, 2)),
        np.zeros(count, bool),
        person,
        np.full(count, "rendered"),
        np.where(person, "chest", "flat_lay"),
        np.repeat([f"{seed} {number}" for number in range(groups)], 8),
    )


def test_it_is_fitted_on_what_tells_people_from_garments() -> None:
    both = joined([known(20, 1), known(20, 2)])
    said = fit.left_out(both)
    assert ((said > 0.5) == both.person).mean() > 0.9
    lines = fit.figures(both, said, 0.5).splitlines()
    assert [line.split("  ")[0] for line in lines[1:]] == [
        "rendered, somebody", "rendered, somebody: chest",
        "rendered, nobody", "rendered, nobody: flat_lay",
    ]  # fmt: skip
