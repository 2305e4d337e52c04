"""The paper's Table 1: its ratio by sub-category, without and with the autoencoder.

The paper judges 20 products of four or fewer pictures in each of three sub-categories. A label is
missing if no picture of the product shows it; the ratio is labels detected missing ÷ truly
missing. Each column's embedding and groups are learned, and the groups named, on other products
than the judged ones. Every ratio stands beside those of two labellers that never look.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from unposed_jobs.lab.evaluation import protocols
from unposed_jobs.lab.evaluation.methods import METHODS, Method
from unposed_jobs.lab.evaluation.summary import Entry
from unposed_jobs.lab.evaluation.trials import Photographs, Trial, unsupervised

MOST_PICTURES = 4
"""Of a judged product, as in the paper; others teach and name alone."""
LEAST_PRODUCTS = 5
"""Judged products that make a row; the paper has 20."""
COLUMNS = {"features": "", "features + autoencoder": ", autoencoder"}
"""The methods, and what the head of their column says beside the number of points."""
PROTOCOL = "paper_table"


def table(
    data: str,
    photographs: Photographs,
    subcategories: Sequence[str],
    *,
    clusters: int,
    repeats: int,
    seed: int = 0,
    methods: Mapping[str, Method] = METHODS,
    progress: Callable[[str], None] = lambda message: None,
) -> list[Entry]:
    """Learn the groups of each column at K = `clusters` and make its cells; see `cells`."""
    points = photographs.landmarks.shape[1]
    entries = []
    for method in COLUMNS:
        progress(f"{data}: Table 1, {points} points, {method}")
        found = unsupervised(photographs, methods[method], (clusters,), repeats=repeats, seed=seed)
        trials = {method: found[clusters].name()}
        entries += cells(f"{data}, K = {clusters}", photographs, trials, subcategories, seed=seed)
    return entries


def cells(
    data: str,
    photographs: Photographs,
    trials: Mapping[str, Trial],
    subcategories: Sequence[str],
    *,
    seed: int = 0,
) -> list[Entry]:
    """One entry for each cell: `method` is the column, `group` the row.

    `trials` are of all judged photographs, by the name of their method; those that are no column
    of the table are passed over. The photographs tell their `cohort`. A sub-category with fewer
    than `LEAST_PRODUCTS` products to judge has no row.
    """
    assert photographs.cohort is not None
    cohort = photographs.cohort[photographs.judged]
    names, counts = np.unique(photographs.product[photographs.judged], return_counts=True)
    few = np.isin(photographs.product, names[counts <= MOST_PICTURES])[photographs.judged]
    points = photographs.landmarks.shape[1]
    entries = []
    for method, trial in trials.items():
        for subcategory in subcategories if method in COLUMNS else ():
            rows = few & (cohort == subcategory)
            if len(np.unique(trial.product[rows])) < LEAST_PRODUCTS:
                continue
            result = protocols.paper_ratio(
                trial.truth[rows],
                trial.predicted[:, rows],
                trial.product[rows],
                labels=photographs.labels,
                protocol=PROTOCOL,
                seed=seed,
            )
            column = f"{points} points{COLUMNS[method]}"
            entries.append(Entry(data, column, result, group=subcategory))
    return entries


def largest(photographs: Photographs, count: int) -> list[str]:
    """The cohorts of the most products, the largest first; ties by name."""
    assert photographs.cohort is not None
    first = np.unique(photographs.product, return_index=True)[1]
    names, sizes = np.unique(photographs.cohort[first], return_counts=True)
    return [str(names[row]) for row in np.argsort(-sizes, kind="stable")[:count]]
