"""Every method side by side on one set of labelled landmarks (the paper's Table 1)."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence

from unposed_jobs.lab.evaluation import protocols, subcategories
from unposed_jobs.lab.evaluation.methods import METHODS, pipeline_clusters
from unposed_jobs.lab.evaluation.summary import Entry, worst_mistakes
from unposed_jobs.lab.evaluation.trials import (
    Mask,
    Photographs,
    Trial,
    stability,
    supervised,
    unsupervised,
)

ROWS = 3
"""Of the paper's Table 1: the categories of the most products stand for the paper's three."""


def compare_methods(
    photographs: Photographs,
    scopes: Mapping[str, Mask | None],
    *,
    clusters: Sequence[int],
    repeats: int,
    seed: int = 0,
    progress: Callable[[str], None] = lambda message: None,
) -> list[Entry]:
    """Judge every method at each K in `clusters`, and the supervised ceiling.

    `scopes` maps the title in tables to the pictures (N,) that count, or None for all. The
    method that ships, at the first K, is also judged by product. The K that the pipeline would
    choose is told, and judged too. `progress` takes what is being done.
    """
    shipped = list(METHODS.values())[-1]
    vectors = photographs.landmarks[photographs.person]
    progress(f"{next(iter(scopes))}: the pipeline's own K")
    chosen = pipeline_clusters(shipped(vectors, seed)(vectors), seed)
    sizes = tuple(dict.fromkeys((*clusters, chosen)))
    trials: dict[str, dict[str, Trial]] = {data: {} for data in scopes}
    for name, method in METHODS.items():
        progress(f"{next(iter(scopes))}: {name}")
        groupings = unsupervised(photographs, method, sizes, repeats=repeats, seed=seed)
        for size, grouping in groupings.items():
            for data, scope in scopes.items():
                trials[data][f"{name}, K = {size}"] = grouping.name(scope)
    title = f"{name}, K = {clusters[0]}"
    progress(f"{next(iter(scopes))}: two trainings on resampled products")
    flips = stability(photographs, method, clusters[0], repeats=repeats, seed=seed)
    entries = []
    for data, scope in scopes.items():
        progress(f"{data}: supervised ceiling")
        ceiling = supervised(photographs, repeats=1, scope=scope, seed=seed)
        for method_name, trial in {**trials[data], "supervised ceiling": ceiling}.items():
            entry = _pictures(data, method_name, trial, seed, detail=method_name == title)
            if method_name == title:
                note = f"the pipeline's own choice of K here is {chosen}"
                entry = dataclasses.replace(
                    entry, result=dataclasses.replace(entry.result, notes=(note,))
                )
            entries.append(entry)
        arguments = trials[data][title].arguments
        for result in (
            protocols.present_poses(*arguments, seed=seed)["all"],
            protocols.removed_view(*arguments, seed=seed),
            protocols.paper_ratio(*arguments, seed=seed),
        ):
            entries.append(Entry(data, title, result))
        if scope is None:
            entries.append(Entry(data, title, flips))
            entries += _table(data, photographs, trials[data], clusters[0], seed)
    return entries


def _table(
    data: str, photographs: Photographs, trials: Mapping[str, Trial], clusters: int, seed: int
) -> list[Entry]:
    """The paper's Table 1 of the largest sub-categories, where these are known."""
    if photographs.cohort is None:
        return []
    at, rows = f", K = {clusters}", subcategories.largest(photographs, ROWS)
    named = {name.removesuffix(at): trial for name, trial in trials.items() if name.endswith(at)}
    return subcategories.cells(data + at, photographs, named, rows, seed=seed)


def _pictures(data: str, method: str, trial: Trial, seed: int, detail: bool) -> Entry:
    result = protocols.picture_labels(*trial.arguments, seed=seed)
    if not detail:
        return Entry(data, method, dataclasses.replace(result, confusion=None))
    return Entry(data, method, result, worst_mistakes(trial.image, trial.truth, trial.predicted))
