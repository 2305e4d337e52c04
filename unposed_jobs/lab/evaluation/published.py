"""What the audit published of the sample catalogue against what was rendered.

Everything is judged as the nightly audit left it in the warehouse: `image_poses` picture by
picture, `pose_flags` row by row. Pose classes are named by the truth of other products
(`naming.name_on_other_products`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from unposed_jobs.config import Settings
from unposed_jobs.lab.evaluation import asked, naming, protocols, truth
from unposed_jobs.lab.evaluation.naming import Votes
from unposed_jobs.lab.evaluation.protocols import Result
from unposed_jobs.lab.evaluation.summary import Entry, worst_mistakes
from unposed_jobs.lab.evaluation.truth import Judged

Bool = npt.NDArray[np.bool_]
Strings = npt.NDArray[np.str_]
MISTAKES = 48
"""Pictures on the page of the worst mistakes."""


def entries(case: Case) -> list[Entry]:
    """Everything that the audit's own tables answer for."""
    return [*_pictures(case), *_products(case), *_flags(case)]


def _pictures(case: Case) -> list[Entry]:
    label, named, product = case.label, case.named, case.product
    judged, seed = case.judged, case.seed
    sure = judged.pictures["confidence"].fillna(0).to_numpy(dtype=float)
    labels = protocols.picture_labels(label, named, product, seed=seed)
    if judged.unseen:
        note = (
            f"{judged.unseen} further pictures were not listed, or not read, on {judged.run_date}"
        )
        labels = dataclasses.replace(labels, notes=(note,))
    mistakes = worst_mistakes(
        judged.pictures["image_uri"], label, named, limit=MISTAKES, confidence=sure
    )
    found = [Entry(case.data, "audit", labels, mistakes)]

    def add(method: str, rows: Bool, truths: Strings, guesses: Strings) -> None:
        if len(np.unique(product[rows])) > 1:
            result = protocols.picture_labels(
                truths[rows], guesses[:, rows], product[rows], seed=seed
            )
            found.append(Entry(case.data, method, dataclasses.replace(result, confusion=None)))

    everything = np.ones(len(label), dtype=bool)
    merged = np.array([truth.coarse(item) for item in label])
    add("audit, coarse labels", everything, merged, np.vectorize(truth.coarse)(named))
    outside = ~np.isin(product, case.popular)
    add("audit, products outside the reference", outside, label, named)
    # The generated names have seen no label, so nothing has to be held back from them.
    said = {pose: truth.label_of_name(name) for pose, name in judged.names.items()}
    if said:
        pose = judged.pictures["pose_id"].fillna(-1)
        own = np.array([said.get(int(number), naming.UNKNOWN) for number in pose])
        add("generated names", everything, label, own[None])
    right = case.nearest == label
    least = case.settings.audit.min_confidence
    result = protocols.confidence(right, sure, product, least=least, seed=seed)
    return [*found, Entry(case.data, "audit", result)]


def _products(case: Case) -> list[Entry]:
    arguments, seed = (case.label, case.named, case.product), case.seed
    shown = protocols.present_poses(*arguments, cohorts=case.cohorts, seed=seed)
    required = {
        str(row.product_id): frozenset(row.full_set) for row in case.judged.products.itertuples()
    }
    own = "audit, any product's own views"
    return [
        *(
            Entry(case.data, "audit", result, group="" if cohort == "all" else cohort)
            for cohort, result in shown.items()
        ),
        Entry(case.data, "audit", protocols.removed_view(*arguments, required=required, seed=seed)),
        Entry(case.data, own, protocols.removed_view(*arguments, seed=seed)),
        Entry(case.data, "audit", protocols.paper_ratio(*arguments, seed=seed)),
    ]


def _flags(case: Case) -> list[Entry]:
    found = [Entry(case.data, method, result) for method, result in case.published_flags().items()]
    ranking = case.ranking()
    return [*found, Entry(case.data, "audit's order", ranking)] if ranking.products else found


@dataclass(frozen=True)
class Case:
    """One audit, and what is derived from it for several protocols.

    `label`, `product` (N,), `named` and `nearest` (R, N): the judged pictures; `nearest` is what
    the audit would have said had it always answered. `votes` maps each product to
    the labels of the pictures of each class, in the first repeat's other folds. `popular`:
    products with enough pictures for the reference set.
    """

    judged: Judged
    settings: Settings
    seed: int
    label: npt.NDArray[np.str_]
    product: npt.NDArray[np.str_]
    named: npt.NDArray[np.str_]
    nearest: npt.NDArray[np.str_]
    votes: dict[str, Votes]
    cohorts: dict[str, str]
    popular: npt.NDArray[np.str_]

    @classmethod
    def of(cls, judged: Judged, settings: Settings, repeats: int, seed: int) -> Case:
        """Name the classes on other products, `repeats` times with other folds."""
        pictures, products = judged.pictures, judged.products
        label = pictures["label"].to_numpy(dtype=str)
        product = pictures["product_id"].to_numpy(dtype=str)
        pose = pictures["pose_id"].fillna(-1).to_numpy(dtype=np.int64)
        namings = [
            naming.name_on_other_products(pose, label, product, seed=seed + repeat)
            for repeat in range(repeats)
        ]
        nearest = pictures["nearest"].fillna(-1).to_numpy(dtype=np.int64)
        bold = [
            naming.name_on_other_products(nearest, label, product, seed=seed + repeat).predicted
            for repeat in range(repeats)
        ]
        fold = namings[0].fold
        by_fold = {
            number: naming.votes_of(pose[fold != number], label[fold != number])
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
            np.stack(bold),
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
        """What pose_flags says of each product's labels, all and of the paper's targets.

        A label is judged where a row says missing or present of it, and flagged where any row says
        missing, though another may say present. Of two sides that the full set has, one alone
        leaves the label missing. What no picture of another product shows has no name and cannot
        be judged. The coarse labels take a three-quarter view for a front.
        """
        counts = self.judged.products.set_index("product_id")["pictures"]
        few = counts[counts < self.settings.audit.target_pictures].index.to_numpy(dtype=str)
        every = np.unique(self.product)
        results = {"audit": self._flags_of(every, str)}
        under = np.intersect1d(every, few)
        if len(under):
            least = self.settings.audit.target_pictures
            results[f"audit, products under {least} pictures"] = self._flags_of(under, str)
        return results | {"audit, coarse labels": self._flags_of(every, truth.coarse)}

    def _flags_of(self, products: Strings, word: Callable[[str], str]) -> Result:
        """Of these products, by the labels that `word` makes of the pictures' labels."""
        own = np.isin(self.product, products)
        labels, column = np.unique([word(item) for item in self.label], return_inverse=True)
        shown = np.zeros((len(products), len(labels)), dtype=bool)
        shown[np.searchsorted(products, self.product[own]), column[own]] = True
        half = self.judged.products.set_index("product_id")["one_sided"]
        for row, product in enumerate(products):
            shown[row, np.isin(labels, [word(label) for label in half[product]])] = False
        worded = {id(votes): _reworded(votes, word) for votes in self.votes.values()}
        none: Votes = {}
        named = asked.names(
            self.judged.flags,
            lambda product: worded[id(self.votes[product])] if product in self.votes else none,
        )
        found = asked.answers(self.judged.flags, named, products.tolist(), labels.tolist())
        counts = self.judged.products.set_index("product_id")["pictures"]
        said = found["missing"] | found["present"]
        return protocols.published_flags(
            ~shown,
            found["missing"][None],
            said[None],
            pictures=int(counts[products].sum()),
            seed=self.seed,
            notes=(f"{int(said.sum()):,} labels of which a row says missing or present",),
        )

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
        """For each product the best score of the rows that ask for each label, (L,)."""
        flags = self.judged.flags.filter(pc.is_valid(self.judged.flags["score"]))
        none: Votes = {}
        named = asked.names(flags, lambda product: self.votes.get(product, none))
        lowest = pc.min(flags["score"]).as_py()
        scores: dict[str, npt.NDArray[np.float64]] = {}
        column = {str(label): index for index, label in enumerate(labels)}
        rows = zip(flags["product_id"].to_pylist(), named, flags["score"].to_pylist(), strict=True)
        for product, label, score in rows:
            if label is not None:
                row = scores.setdefault(product, np.full(len(labels), lowest - 1.0))
                row[column[label]] = max(row[column[label]], score)
        return scores


def _reworded(votes: Votes, word: Callable[[str], str]) -> dict[int, dict[str, int]]:
    """The votes for each word that `word` makes of the labels."""
    found: dict[int, dict[str, int]] = {}
    for number, counts in votes.items():
        own = found.setdefault(number, {})
        for label, count in counts.items():
            own[word(label)] = own.get(word(label), 0) + count
    return found
