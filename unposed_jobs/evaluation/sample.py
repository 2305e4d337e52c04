"""The rendered sample catalogue: what the audit published against what was rendered.

Everything is judged as the nightly audit left it in the warehouse: `image_poses` picture by
picture, `pose_flags` row by row. Pose classes are named by the truth of other products
(`naming.name_on_other_products`). Beside it the methods are set side by side on the landmarks of
the same pictures, as in the paper's Table 1.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from unposed_jobs.config import Settings
from unposed_jobs.evaluation import naming, protocols, truth
from unposed_jobs.evaluation.protocols import Result
from unposed_jobs.evaluation.summary import Entry, worst_mistakes
from unposed_jobs.evaluation.truth import Judged, NothingToJudgeError, default_folder

__all__ = ["NothingToJudgeError", "default_folder", "evaluate"]

Bool = npt.NDArray[np.bool_]


def evaluate(
    folder: str | Path,
    settings: Settings,
    *,
    repeats: int = 2,
    seed: int = 0,
    progress: Callable[[str], None] = lambda message: None,
) -> list[Entry]:
    """Judge the last published audit of the sample catalogue in `folder`.

    Raises NothingToJudgeError where there is no truth or no audit.
    """
    progress("sample catalogue: joining truth and warehouse")
    judged = truth.load(folder, settings)
    progress("sample catalogue: judging pictures and products")
    case = _Case.of(judged, settings, repeats, seed)
    label, named, product = case.label, case.named, case.product
    labels = protocols.picture_labels(label, named, product, seed=seed)
    if judged.unseen:
        note = (
            f"{judged.unseen} further pictures were not listed, or not read, on {judged.run_date}"
        )
        labels = dataclasses.replace(labels, notes=(note,))
    mistakes = worst_mistakes(judged.pictures["image_uri"], label, named)
    entries = [Entry(case.data, "audit", labels, mistakes)]

    def add(result: Result, method: str = "audit") -> None:
        entries.append(Entry(case.data, method, result))

    merged = np.array([truth.coarse(item) for item in label])
    coarse = np.vectorize(truth.coarse)(named)
    add(
        dataclasses.replace(
            protocols.picture_labels(merged, coarse, product, seed=seed), confusion=None
        ),
        "audit, coarse labels",
    )
    outside = ~np.isin(product, case.popular)
    if len(np.unique(product[outside])) > 1:
        small = protocols.picture_labels(
            label[outside], named[:, outside], product[outside], seed=seed
        )
        add(dataclasses.replace(small, confusion=None), "audit, products outside the reference")
    shown = protocols.present_poses(label, named, product, cohorts=case.cohorts, seed=seed)
    for cohort, result in shown.items():
        add(result, "audit" if cohort == "all" else f"audit, {cohort}")
    required = {
        str(row.product_id): frozenset(row.full_set) for row in judged.products.itertuples()
    }
    add(protocols.removed_view(label, named, product, required=required, seed=seed))
    add(protocols.removed_view(label, named, product, seed=seed), "audit, any product's own views")
    add(protocols.paper_ratio(label, named, product, seed=seed))
    for method, result in case.published_flags().items():
        add(result, method)
    ranking = case.ranking()
    if ranking.products:
        add(ranking, "audit's order")
    return entries


@dataclass(frozen=True)
class _Case:
    """One audit, and what is derived from it for several protocols.

    `label`, `product` (N,) and `named` (R, N): the judged pictures. `names` maps each product to
    {pose_id: label} of the first repeat's other folds. `popular`: products with enough pictures
    for the reference set.
    """

    judged: Judged
    settings: Settings
    seed: int
    label: npt.NDArray[np.str_]
    product: npt.NDArray[np.str_]
    named: npt.NDArray[np.str_]
    names: dict[str, dict[int, str]]
    cohorts: dict[str, str]
    popular: npt.NDArray[np.str_]

    @classmethod
    def of(cls, judged: Judged, settings: Settings, repeats: int, seed: int) -> _Case:
        pictures, products = judged.pictures, judged.products
        label = pictures["label"].to_numpy(dtype=str)
        product = pictures["product_id"].to_numpy(dtype=str)
        pose = pictures["pose_id"].fillna(-1).to_numpy(dtype=np.int64)
        namings = [
            naming.name_on_other_products(pose, label, product, seed=seed + repeat)
            for repeat in range(repeats)
        ]
        fold = namings[0].fold
        by_fold = {
            number: naming.majority_names(pose[fold != number], label[fold != number])
            for number in np.unique(fold)
        }
        many = products["pictures"] >= settings.training.min_pictures
        return cls(
            judged,
            settings,
            seed,
            label,
            product,
            np.stack([item.predicted for item in namings]),
            {str(name): by_fold[number] for name, number in zip(product, fold, strict=True)},
            dict(zip(products["product_id"], products["cohort"], strict=True)),
            products.loc[many, "product_id"].to_numpy(dtype=str),
        )

    @property
    def data(self) -> str:
        """The title in tables."""
        return f"Sample catalogue, audit of {self.judged.run_date}"

    def shown(self) -> tuple[npt.NDArray[np.str_], npt.NDArray[np.str_], Bool]:
        """Products (G,), labels (L,), and which product truly shows which, (G, L)."""
        products, row = np.unique(self.product, return_inverse=True)
        labels, column = np.unique(self.label, return_inverse=True)
        table = np.zeros((len(products), len(labels)), dtype=bool)
        table[row, column] = True
        return products, labels, table

    def published_flags(self) -> dict[str, Result]:
        """The rows of pose_flags that say missing or present, all and of the paper's targets.

        A pose that no picture of another product shows has no name and cannot be judged.
        """
        flags = self.judged.flags
        flags = flags[flags["state"].isin(["missing", "present"])]
        names = [
            self.names.get(product, {}).get(int(pose))
            for product, pose in zip(flags["product_id"], flags["pose_id"], strict=True)
        ]
        flags = flags.assign(label=names).dropna(subset="label")
        shown = set(zip(self.product.tolist(), self.label.tolist(), strict=True))
        truly_missing = np.array(
            [pair not in shown for pair in zip(flags["product_id"], flags["label"], strict=True)],
            dtype=bool,
        )
        flagged = (flags["state"] == "missing").to_numpy(dtype=bool)
        product = flags["product_id"].to_numpy(dtype=str)
        counts = self.judged.products.set_index("product_id")["pictures"]
        few = counts[counts < self.settings.audit.target_pictures].index.to_numpy(dtype=str)
        results = {}
        for method, chosen in {
            "audit": np.ones(len(product), dtype=bool),
            f"audit, products under {self.settings.audit.target_pictures} pictures": np.isin(
                product, few
            ),
        }.items():
            if chosen.any():
                results[method] = protocols.published_flags(
                    truly_missing[chosen],
                    flagged[chosen],
                    product[chosen],
                    pictures=int(counts[np.unique(product[chosen])].sum()),
                    seed=self.seed,
                )
        return results

    def ranking(self) -> Result:
        """The audit's order of what each product outside the reference truly lacks.

        A label's grade is its true importance to the cohort: its place from the end of the full
        set, 0 outside of it. The frequency is that of the cohort's popular products.
        """
        products, labels, table = self.shown()
        cohort = np.array([self.cohorts.get(name, "") for name in products.tolist()])
        popular = np.isin(products, self.popular)
        full_sets = self.judged.products.set_index("product_id")["full_set"]
        scores = self._label_scores(labels)
        grades, free, score, share, rows = [], [], [], [], []
        for index in np.flatnonzero(~popular):
            own = scores.get(str(products[index]))
            peers = popular & (cohort == cohort[index])
            if own is None or not peers.any():
                continue
            full = full_sets[products[index]]
            grades.append(
                [len(full) - full.index(label) if label in full else 0 for label in labels.tolist()]
            )
            free.append(~table[index])
            score.append(own)
            share.append(table[peers].mean(axis=0))
            rows.append(index)
        shape = (len(rows), len(labels))
        return protocols.ranking_quality(
            np.reshape(grades, shape),
            np.reshape(free, shape),
            np.reshape(score, shape),
            np.reshape(share, shape),
            pictures=int(np.isin(self.product, products[rows]).sum()),
            seed=self.seed,
        )

    def _label_scores(self, labels: npt.NDArray[np.str_]) -> dict[str, npt.NDArray[np.float64]]:
        """For each product the best score of the poses that bear each label, (L,)."""
        lowest = self.judged.flags["score"].min()
        scores: dict[str, npt.NDArray[np.float64]] = {}
        column = {str(label): index for index, label in enumerate(labels)}
        for flag in self.judged.flags.dropna(subset="score").itertuples():
            label = self.names.get(flag.product_id, {}).get(int(flag.pose_id))
            if label is not None:
                row = scores.setdefault(flag.product_id, np.full(len(labels), lowest - 1.0))
                row[column[label]] = max(row[column[label]], flag.score)
        return scores
