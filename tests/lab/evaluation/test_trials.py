"""Grouping, naming and judging split by product, on landmarks that are easy to tell apart."""

import numpy as np
import pytest

from unposed_jobs.lab.evaluation import methods, protocols, trials
from unposed_jobs.lab.evaluation.trials import Photographs


def photographs(products=30, labels=("a", "b", "c"), noise=0.01, seed=0) -> Photographs:
    """Each product has one picture of each label; each label has a shape of its own."""
    rng = np.random.default_rng(seed)
    shapes = rng.random((len(labels), 17, 2))
    label = np.tile(labels, products)
    points = shapes[np.tile(np.arange(len(labels)), products)]
    points = points + rng.normal(0, noise, points.shape)
    landmarks = np.concatenate([points, np.ones((*points.shape[:2], 1))], axis=-1)
    product = np.repeat([f"p{number}" for number in range(products)], len(labels))
    return Photographs(
        tuple(labels),
        landmarks.astype(np.float32),
        np.ones(len(label), dtype=bool),
        label.astype(str),
        product,
        np.array([f"{number}.jpg" for number in range(len(label))]),
    )


def test_groups_are_named_and_judged_by_product():
    table = photographs()
    found = trials.unsupervised(table, methods.raw_coordinates, (3, 5), repeats=2)
    assert set(found) == {3, 5}
    trial = found[3].name()
    result = protocols.picture_labels(*trial.arguments)
    assert result.figures["macro_f1"].value == pytest.approx(1.0)
    assert trial.predicted.shape == (2, 90)


def test_what_judges_a_fold_has_not_seen_its_products():
    table = photographs()
    seen = []

    def spy(landmarks, seed):
        seen.append(landmarks.copy())
        return methods.raw_coordinates(landmarks, seed)

    trials.unsupervised(table, spy, (3,), repeats=1)
    fold = table.folds(1, 0)[0]
    assert len(seen) == trials.FOLDS
    for number, learned in enumerate(seen):
        assert np.array_equal(learned, table.landmarks[fold != number])


def test_labels_of_judged_products_do_not_name_the_groups():
    table = photographs(products=5)
    # Every product calls its pictures by words of its own: no other product knows them.
    own = np.char.add(table.product, table.label)
    strange = Photographs(
        tuple(own.tolist()), table.landmarks, table.person, own, table.product, table.image
    )
    trial = trials.unsupervised(strange, methods.raw_coordinates, (3,), repeats=1)[3].name()
    assert not (trial.predicted[0] == trial.truth).any()


def test_pictures_without_a_person_are_a_group_of_their_own():
    table = photographs()
    person = table.label != "c"
    landmarks = table.landmarks.copy()
    landmarks[~person] = np.nan
    blind = Photographs(table.labels, landmarks, person, table.label, table.product, table.image)
    trial = trials.unsupervised(blind, methods.raw_coordinates, (2,), repeats=1)[2].name()
    assert (trial.predicted[0] == trial.truth).all()


def test_scope_limits_naming_and_judging():
    table = photographs()
    scope = table.label != "c"
    trial = trials.unsupervised(table, methods.raw_coordinates, (3,), repeats=1)[3].name(scope)
    assert set(trial.truth) == {"a", "b"}
    assert "c" not in trial.predicted


def test_supervised_ceiling_predicts_held_out_products():
    trial = trials.supervised(photographs(), repeats=1)
    assert protocols.picture_labels(*trial.arguments).figures["kappa"].value > 0.9


def test_stability_of_clear_and_of_arbitrary_groups():
    clear = trials.stability(photographs(), methods.raw_coordinates, 3, repeats=3)
    assert clear.figures["flip_rate"].value == 0.0
    cloud = photographs(labels=("a",), products=90, noise=0.2)
    arbitrary = trials.stability(cloud, methods.raw_coordinates, 8, repeats=3)
    assert arbitrary.figures["flip_rate"].value > 0.02


def test_match_groups_finds_a_permutation():
    first = np.array([0, 0, 1, 1, 2, 2])
    second = np.array([2, 2, 0, 0, 1, 0])
    assert methods.match_groups(second, first, 3).tolist() == [1, 2, 0]


def test_every_method_learns_repeatably():
    table = photographs(products=10)
    for method in methods.METHODS.values():
        one, two = (method(table.landmarks, 3)(table.landmarks) for _ in range(2))
        assert np.array_equal(one, two)
        assert len(one) == len(table.landmarks)
        assert np.isfinite(one).all()
