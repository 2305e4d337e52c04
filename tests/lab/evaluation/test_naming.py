"""Clusters get their names from other products, never from the judged ones."""

import numpy as np
import pytest

from unposed_jobs.errors import UnposedError
from unposed_jobs.lab.evaluation import naming


def test_majority_names_and_ties():
    names = naming.majority_names([0, 0, 0, 1, 1, -1], ["b", "b", "a", "z", "c", "q"])
    assert names == {0: "b", 1: "c"}


def test_judged_products_take_no_part_in_naming():
    # Each product has its own cluster and its own label: naming on itself would be perfect,
    # naming on others cannot name a single cluster.
    products = np.repeat(np.arange(12), 3)
    labels = np.repeat([f"label {number}" for number in range(12)], 3)
    found = naming.name_on_other_products(products, labels, products)
    assert set(found.predicted) == {naming.UNKNOWN}
    assert {cluster for _, cluster in found.unnamed} == set(range(12))


def test_changing_a_products_labels_never_changes_its_own_predictions():
    rng = np.random.default_rng(3)
    products = rng.integers(20, size=200)
    clusters = rng.integers(5, size=200)
    labels = rng.choice(["front", "back", "side"], size=200)
    before = naming.name_on_other_products(clusters, labels, products, seed=2).predicted
    for product in range(20):
        own = products == product
        spoilt = np.where(own, "spoilt", labels)
        after = naming.name_on_other_products(clusters, spoilt, products, seed=2).predicted
        assert (after[own] == before[own]).all()


def test_folds_split_by_product():
    products = np.random.default_rng(0).integers(30, size=300)
    fold = naming.product_folds(products, 5, seed=0)
    for product in np.unique(products):
        assert len(np.unique(fold[products == product])) == 1
    assert sorted(np.unique(fold)) == [0, 1, 2, 3, 4]


def test_names_carry_over_between_products():
    products = np.arange(10)
    clusters = np.arange(10) % 2
    labels = np.where(clusters == 0, "front", "back")
    found = naming.name_on_other_products(clusters, labels, products)
    assert (found.predicted == labels).all()
    assert found.unnamed == ()


def test_pictures_without_a_cluster_are_unknown():
    found = naming.name_on_other_products([-1, 0, 0, 0], ["a", "a", "a", "a"], [1, 2, 3, 4])
    assert found.predicted.tolist() == [naming.UNKNOWN, "a", "a", "a"]


def test_one_product_cannot_be_split():
    with pytest.raises(UnposedError, match="at least 2 products"):
        naming.name_on_other_products([0, 0], ["a", "b"], ["p", "p"])
