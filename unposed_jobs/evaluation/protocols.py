"""The protocols: each takes arrays, judges them against truth and returns a `Result`.

Truth and predictions are labels (str). A prediction outside the labels, such as
`naming.UNKNOWN`, is "no label": wrong for the picture, and no pose for the product. Predictions
may be (N,) or (R, N): R repeats of the same trial, whose figures are averaged. Every interval is
a bootstrap over products.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from unposed_jobs.evaluation import bootstrap, metrics
from unposed_jobs.evaluation.bootstrap import Interval
from unposed_jobs.evaluation.coding import RANDOM_DRAWS, Coded, code

Bool = npt.NDArray[np.bool_]
RANDOM = "random labeller"
CONSTANT = "constant labeller"


@dataclass(frozen=True)
class Result:
    """What one protocol found: figures, the same figures of its baselines, and the sample size.

    `confusion` is (L, L + 1): rows `labels`, the last column "no label"; a mean over repeats.
    """

    protocol: str
    figures: dict[str, Interval]
    baselines: dict[str, dict[str, Interval]]
    pictures: int
    products: int
    labels: tuple[str, ...] = ()
    confusion: npt.NDArray[np.float64] | None = None
    notes: tuple[str, ...] = field(default_factory=tuple)


def picture_labels(
    truth: npt.ArrayLike,
    predicted: npt.ArrayLike,
    products: npt.ArrayLike,
    *,
    labels: Sequence[str] | None = None,
    seed: int = 0,
) -> Result:
    """Macro-F1 and Cohen's kappa of each picture's label.

    `truth` and `products` (N,), `predicted` (N,) or (R, N). `labels` default to those of the
    truth; pictures with another truth are left out.
    """
    coded = code(truth, predicted, products, labels)

    def figures(counts: npt.NDArray[np.float64]) -> dict[str, Interval]:
        by_product = np.moveaxis(counts, 1, 0)
        return {
            "macro_f1": bootstrap.interval(
                by_product, lambda sums: metrics.macro_f1_from_counts(sums).mean(-1), seed=seed
            ),
            "kappa": bootstrap.interval(
                by_product, lambda sums: metrics.cohen_kappa_from_counts(sums).mean(-1), seed=seed
            ),
        }

    return Result(
        "picture_labels",
        figures(coded.counts),
        {RANDOM: figures(coded.random(seed)), CONSTANT: figures(coded.constant())},
        len(coded.truth),
        len(coded.products),
        coded.labels,
        coded.counts.mean(axis=0).sum(axis=0),
    )


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
        "paper_ratio",
        figures(rivals["judged"]),
        {name: figures(rivals[name]) for name in (RANDOM, CONSTANT)},
        len(coded.truth),
        len(coded.products),
        coded.labels,
    )


def ranking_quality(
    grades: npt.ArrayLike,
    candidates: npt.ArrayLike,
    scores: npt.ArrayLike,
    frequency: npt.ArrayLike,
    *,
    products: npt.ArrayLike | None = None,
    pictures: int = 0,
    seed: int = 0,
) -> Result:
    """Order of the missing poses: precision@1 and @3, NDCG@3 and @5, averaged over products.

    Relevant for precision@k are the k candidates of the highest grades above 0.

    All (P, L), one row for each product, or several where `products` (P,) names it: `grades` how
    relevant a pose truly is (0 = not), `candidates` which poses are ranked, `scores` the
    ranker's and `frequency` the share of the cohort's products that show the pose. A row
    without a relevant candidate says nothing and is left out.
    """
    grade = np.asarray(grades, dtype=np.float64)
    allowed = np.asarray(candidates, dtype=bool)
    judged = np.flatnonzero(((grade > 0) & allowed).any(axis=-1))
    names = np.arange(len(grade)) if products is None else np.asarray(products)
    groups, group = np.unique(names[judged], return_inverse=True)

    def mean(values: list[float]) -> Interval:
        sums = np.bincount(group, weights=values, minlength=len(groups))
        return bootstrap.mean(sums / np.bincount(group, minlength=len(groups)), seed=seed)

    def figures(score: npt.NDArray[np.float64]) -> dict[str, Interval]:
        rows = [(grade[row, allowed[row]], score[row, allowed[row]]) for row in judged]
        return {
            **{
                f"precision@{k}": mean(
                    [metrics.precision_at_k(_best(row[0], k), row[1], k) for row in rows]
                )
                for k in (1, 3)
            },
            **{f"ndcg@{k}": mean([metrics.ndcg_at_k(*row, k) for row in rows]) for k in (3, 5)},
        }

    return Result(
        "ranking_quality",
        figures(np.asarray(scores, dtype=np.float64)),
        {
            "cohort frequency": figures(np.asarray(frequency, dtype=np.float64)),
            # All scores equal: ties are averaged, so this is the expectation exactly.
            "random order": figures(np.zeros_like(grade)),
        },
        pictures,
        len(groups),
    )


def published_flags(
    truly_missing: npt.ArrayLike,
    flagged: npt.ArrayLike,
    products: npt.ArrayLike,
    *,
    pictures: int = 0,
    seed: int = 0,
) -> Result:
    """The flags as an analyst reads them: one decision for each row that says missing or present.

    All (F,). `precision` is the share of missing flags that are right, `recall` the share of
    what is truly missing that is flagged. The constant labeller flags every row.
    """
    truth, guess = np.asarray(truly_missing, dtype=bool), np.asarray(flagged, dtype=bool)
    names, group = np.unique(np.asarray(products, dtype=np.str_), return_inverse=True)

    def figures(flags: Bool) -> dict[str, Interval]:
        decisions = metrics.binary_counts(truth[:, None], flags[..., None])
        counts = np.zeros((len(names), len(flags), 4))
        np.add.at(counts, group, np.moveaxis(decisions, 0, 1))
        return {
            "precision": bootstrap.ratio(
                counts[..., 0], counts[..., 0] + counts[..., 1], seed=seed
            ),
            "recall": bootstrap.ratio(counts[..., 0], counts[..., 0] + counts[..., 2], seed=seed),
            "mcc": bootstrap.interval(
                counts, lambda sums: metrics.matthews_from_counts(sums).mean(-1), seed=seed
            ),
        }

    draws = np.random.default_rng(seed).random((RANDOM_DRAWS, len(guess))) < guess.mean()
    return Result(
        "published_flags",
        figures(guess[None]),
        {RANDOM: figures(draws), CONSTANT: figures(np.ones((1, len(guess)), dtype=bool))},
        pictures,
        len(names),
        notes=(f"{len(guess):,} rows that say missing or present",),
    )


def _best(grades: npt.NDArray[np.float64], k: int) -> Bool:
    """The k highest grades above 0, and those equal to the last of them."""
    return (grades > 0) & (grades >= np.sort(grades)[::-1][min(k, len(grades)) - 1])


def flip_rate(
    first: npt.ArrayLike, second: npt.ArrayLike, *, pictures: int = 0, seed: int = 0
) -> Result:
    """Share of flags that differ between two trainings though no picture changed.

    `first` and `second` (P, L) or (R, P, L): missing or not, for the same products and the same
    (matched) poses. `chance` is what two independent labellers with the same share of flags
    would reach: 1 - (p q + (1 - p)(1 - q)).
    """
    one, two = (np.asarray(part, dtype=bool) for part in (first, second))
    if one.ndim == 2:
        one, two = one[None], two[None]
    differ = (one != two).sum(axis=-1).T
    pairs = np.full(differ.shape, one.shape[-1])
    p, q = one.mean(), two.mean()
    chance = float(p + q - 2 * p * q)
    return Result(
        "flip_rate",
        {"flip_rate": bootstrap.ratio(differ, pairs, seed=seed)},
        {"independent flags": {"flip_rate": Interval(chance, float("nan"), float("nan"))}},
        pictures,
        one.shape[1],
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
