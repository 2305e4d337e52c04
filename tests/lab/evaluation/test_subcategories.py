"""The paper's Table 1: its rows, its columns, and that no judged product names its own groups."""

import dataclasses

import numpy as np

from unposed_jobs.lab.evaluation import methods, subcategories
from unposed_jobs.lab.evaluation.trials import Photographs

FAST = dict.fromkeys(subcategories.COLUMNS, methods.raw_coordinates)


def photographs(products=24) -> Photographs:
    """Products of two to six pictures; each label has a shape of its own."""
    rng = np.random.default_rng(0)
    shapes = rng.random((3, 17, 2))
    rows = [(number, index % 3) for number in range(products) for index in range(2 + number % 5)]
    product, which = (np.array(part) for part in zip(*rows, strict=True))
    points = shapes[which] + rng.normal(0, 0.01, (len(which), 17, 2))
    return Photographs(
        ("back", "front", "side"),
        np.concatenate([points, np.ones((len(which), 17, 1))], -1).astype(np.float32),
        np.ones(len(which), dtype=bool),
        np.array(["back", "front", "side"])[which],
        np.array([f"P{number}" for number in product]),
        np.array([f"{row}.jpg" for row in range(len(which))]),
        np.array(["Polos", "Shirts"])[product % 2],
    )


def cells(table, rows=("Polos", "Shirts")):
    return subcategories.table("data", table, rows, clusters=3, repeats=1, methods=FAST)


def test_rows_are_subcategories_columns_are_methods_and_both_baselines_are_there():
    entries = cells(photographs())
    assert [(entry.group, entry.method) for entry in entries] == [
        ("Polos", "17 points"),
        ("Shirts", "17 points"),
        ("Polos", "17 points, autoencoder"),
        ("Shirts", "17 points, autoencoder"),
    ]
    for entry in entries:
        assert entry.data == "data, K = 3"
        assert entry.result.protocol == subcategories.PROTOCOL
        assert entry.result.figures["ratio"].value == 1.0
        assert set(entry.result.baselines) == {"random labeller", "constant labeller"}
        for figures in entry.result.baselines.values():
            assert np.isfinite([figures["ratio"].low, figures["missing_f1"].low]).all()


def test_only_products_of_few_pictures_are_judged():
    table = photographs()
    # Of five, three in a row have at most four pictures.
    few = {f"P{number}" for number in range(24) if 2 + number % 5 <= 4}
    judged = sum(entry.result.products for entry in cells(table)) / len(FAST)
    assert judged == len(few)
    assert cells(photographs(products=6)) == []


def test_labels_of_judged_products_do_not_name_their_groups():
    table = photographs()
    own = np.char.add(table.product, table.label)
    strange = dataclasses.replace(table, label=own, labels=tuple(np.unique(own).tolist()))
    for entry in cells(strange):
        # Nobody else knows a product's words, so what it shows is always said to be missing.
        assert entry.result.figures["missing_f1"].value < 1.0


def test_largest_cohorts_come_first():
    table = photographs(products=25)
    assert subcategories.largest(table, 1) == ["Polos"]
    assert subcategories.largest(table, 5) == ["Polos", "Shirts"]
