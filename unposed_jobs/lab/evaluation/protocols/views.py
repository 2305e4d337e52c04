"""Which views does a product show, and which does it lack?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from unposed_jobs.lab.evaluation import bootstrap, metrics
from unposed_jobs.lab.evaluation.bootstrap import Interval
from unposed_jobs.lab.evaluation.coding import Coded, code
from unposed_jobs.lab.evaluation.protocols.result import CONSTANT, RANDOM, Result

Bool = npt.NDArray[np.bool_]


def present_poses(
    truth: npt.ArrayLike,
    predicted: npt.ArrayLike,
    products: npt.ArrayLike,
    *,
    cohorts: Mapping[str, str] | None = None,
    labels: Sequence[str] | None = None,
    seed: int = 0,
) -> dict[str, Result]:
    """F1 and Matthews' coefficient of the set of labels each product shows, by cohort.

    One decision for each product and label. `cohorts` maps product to cohort; the result of all
    products together stands under "all". A label that no product of a cohort shows is not asked
    there.
    """
    coded = code(truth, predicted, products, labels)
    shown, rivals = _presence(coded, seed)
    cohort_of = np.array([(cohorts or {}).get(str(item), "all") for item in coded.products])
    results = {"all": _present(coded, np.ones(len(coded.products), bool), shown, rivals, seed)}
    for cohort in np.unique(cohort_of[cohort_of != "all"]):
        results[str(cohort)] = _present(coded, cohort_of == cohort, shown, rivals, seed)
    return results


def _present(
    coded: Coded, chosen: Bool, shown: Bool, rivals: Mapping[str, Bool], seed: int
) -> Result:
    asked = shown[chosen].any(axis=0)
    truth = shown[chosen][:, asked]

    def figures(guess: Bool) -> dict[str, Interval]:
        counts = np.moveaxis(metrics.binary_counts(truth, guess[:, chosen][..., asked]), 0, 1)
        return {
            "f1": bootstrap.interval(
                counts, lambda sums: metrics.f1_from_counts(sums).mean(-1), seed=seed
            ),
            "mcc": bootstrap.interval(
                counts, lambda sums: metrics.matthews_from_counts(sums).mean(-1), seed=seed
            ),
        }

    return Result(
        "present_poses",
        figures(rivals["judged"]),
        {name: figures(rivals[name]) for name in (RANDOM, CONSTANT)},
        int(chosen[coded.group].sum()),
        int(chosen.sum()),
        tuple(np.array(coded.labels)[asked]),
    )


def removed_view(
    truth: npt.ArrayLike,
    predicted: npt.ArrayLike,
    products: npt.ArrayLike,
    *,
    required: Mapping[str, frozenset[str]] | None = None,
    labels: Sequence[str] | None = None,
    seed: int = 0,
) -> Result:
    """Take one view away from complete products: is it flagged, and are the others let be?

    A product is complete if it truly shows every label in `required` of it; without `required`,
    each product is complete in the labels it shows. One view at a time, all pictures that truly
    show it are taken away; `recall` is the share of those (product, view) that are then flagged
    missing. `false_alarms` is the share of (product, view) of the untouched products that are
    flagged although shown, `products_alarmed` the share of those products with any. Products
    of a single view cannot lose one and are left out.
    """
    coded = code(truth, predicted, products, labels)
    n_labels = len(coded.labels)
    shown = coded.counts[0].sum(axis=-1) > 0
    asked = shown.copy()
    if required is not None:
        wanted = np.array(
            [
                [label in required.get(str(product), frozenset()) for label in coded.labels]
                for product in coded.products
            ],
            dtype=bool,
        ).reshape(shown.shape)
        asked = wanted & (wanted <= shown).all(axis=-1, keepdims=True)
    asked &= (shown.sum(axis=-1) >= 2)[:, None]

    def figures(counts: npt.NDArray[np.float64]) -> dict[str, Interval]:
        pictures = counts[..., :n_labels].sum(axis=-2)
        own = np.diagonal(counts[..., :n_labels], axis1=-2, axis2=-1)
        flagged = (pictures - own == 0) & asked
        alarmed = (pictures == 0) & asked
        any_asked = asked.any(axis=-1)
        return {
            "recall": bootstrap.ratio(
                flagged.sum(axis=-1).T, asked.sum(axis=-1)[:, None], seed=seed
            ),
            "false_alarms": bootstrap.ratio(
                alarmed.sum(axis=-1).T, asked.sum(axis=-1)[:, None], seed=seed
            ),
            "products_alarmed": bootstrap.ratio(
                alarmed.any(axis=-1).T, any_asked[:, None], seed=seed
            ),
        }

    complete = asked.any(axis=-1)
    return Result(
        "removed_view",
        figures(coded.counts),
        {RANDOM: figures(coded.random(seed)), CONSTANT: figures(coded.constant())},
        int(complete[coded.group].sum()),
        int(complete.sum()),
        coded.labels,
        notes=(f"{int(asked.sum())} views taken away, one at a time",),
    )


def paper_ratio(
    truth: npt.ArrayLike,
    predicted: npt.ArrayLike,
    products: npt.ArrayLike,
    *,
    labels: Sequence[str] | None = None,
    protocol: str = "paper_ratio",
    seed: int = 0,
) -> Result:
    """The paper's "accuracy" (section 5), beside labellers that have not looked at the picture.

    It compares how many labels are flagged with how many are missing, not which, so that a
    labeller that draws labels at random comes out near 1. `missing_f1` asks which.
    """
    coded = code(truth, predicted, products, labels)
    shown, rivals = _presence(coded, seed)

    def figures(guess: Bool) -> dict[str, Interval]:
        counts = np.moveaxis(metrics.binary_counts(~shown, ~guess), 0, 1)
        return {
            "ratio": bootstrap.ratio((~guess).sum(-1).T, (~shown).sum(-1)[:, None], seed=seed),
            "missing_f1": bootstrap.interval(
                counts, lambda sums: metrics.f1_from_counts(sums).mean(-1), seed=seed
            ),
        }

    return Result(
        protocol,
        figures(rivals["judged"]),
        {name: figures(rivals[name]) for name in (RANDOM, CONSTANT)},
        len(coded.truth),
        len(coded.products),
        coded.labels,
    )


def _presence(coded: Coded, seed: int) -> tuple[Bool, dict[str, Bool]]:
    """(G, L) labels truly shown, and (R, G, L) labels shown according to each labeller."""

    def seen(counts: npt.NDArray[np.float64]) -> Bool:
        return counts[..., : len(coded.labels)].sum(axis=-2) > 0

    shown = coded.counts[0].sum(axis=-1) > 0
    return shown, {
        "judged": seen(coded.counts),
        RANDOM: seen(coded.random(seed)),
        CONSTANT: seen(coded.constant()),
    }
