"""The published flags against people's labels, on the In-shop products.

A label (front, back, side, full, flat) is *truly missing* of a product where none of its pictures
bears it. Judged are the labels that at least `REQUIRED_SHARE` of the cohort's reference products
bear: what a cohort shows now and then is no gap. A flag asks for the label that most pictures of
its member classes bear, on the reference products. A label is *flagged* where any flag that asks
for it is missing, though another one may be present: an editor reads every row.

Nothing is fitted to labels or to product ids: training sees landmarks alone, each product is
judged by models that have not seen it, and nothing outside of this package reads these tables.
"""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from unposed_jobs.config import AuditSettings, TrainingSettings
from unposed_jobs.lab.evaluation import asked, inshop_audit, naming, protocols
from unposed_jobs.lab.evaluation.inshop_audit import Audited, strings
from unposed_jobs.lab.evaluation.summary import Entry

Strings = npt.NDArray[np.str_]
Bool = npt.NDArray[np.bool_]
Cohort = tuple[str, ...]
Progress = Callable[[str], None]
REQUIRED_SHARE = 0.4
FOLDS = 2
REPEATS = 2
REFERENCE_PICTURES = 2
"""Least pictures of a reference product: most have two to four."""
COHORTS: dict[str, Cohort] = {
    "cohorts by category": ("category",),
    "one cohort": (inshop_audit.ASSORTMENT,),
}
JOINED = {"full": "front"}
"""Labels that people give to the same picture as they like: shoes in the frame or not."""
STRICT, ALONE = "as published", "only where no flag of the label is present"


@dataclass(frozen=True)
class Judgement:
    """R repeats over G products and L labels; see the module's text.

    `missing` (G, L); `required`, `flagged` and `alone` (flagged, and no flag of the label is
    present) (R, G, L); `unassessable` (R, G). `flags`: how many are missing in all, and how many
    of them ask for no label that is judged.
    """

    labels: tuple[str, ...]
    missing: Bool
    required: Bool
    flagged: Bool
    alone: Bool
    unassessable: Bool
    flags: tuple[int, int]
    pictures: int

    def result(self, flagged: Bool, label: str | None = None, seed: int = 0) -> protocols.Result:
        """The protocol's figures of all labels, or of one."""
        chosen = np.array([label in (None, name) for name in self.labels])
        return protocols.published_flags(
            self.missing,
            flagged,
            self.required & chosen,
            unassessable=self.unassessable,
            pictures=self.pictures,
            seed=seed,
        )


def judge(
    pictures: pa.Table,
    repeats: Sequence[Sequence[Audited]],
    attributes: Cohort,
    *,
    joined: bool = False,
) -> Judgement:
    """Hold what was audited to the labels of `pictures`, which has product_id, label and the
    attributes; each repeat judges each product once. `joined`: "full" counts as "front".
    """
    products, row = np.unique(strings(pictures["product_id"]), return_inverse=True)
    own_labels = _labels(pictures, joined)
    learned = [_labels(split.reference, joined) for splits in repeats for split in splits]
    labels = np.unique(np.concatenate([own_labels, *learned]))
    shown = np.zeros((len(products), len(labels)), dtype=bool)
    shown[row, np.searchsorted(labels, own_labels)] = True
    cohort = _cohorts(pictures, attributes)
    shape = (len(repeats), *shown.shape)
    required, flagged, alone = (np.zeros(shape, dtype=bool) for _ in range(3))
    silent = np.zeros(shape[:2], dtype=bool)
    row_of = {name: index for index, name in enumerate(products.tolist())}
    place: dict[str | None, int] = {name: index for index, name in enumerate(labels.tolist())}
    total = aside = 0
    for number, splits in enumerate(repeats):
        for split in splits:
            shares = _shares(split, attributes, labels, joined)
            own = np.isin(products, strings(split.products["product_id"]))
            for index in np.flatnonzero(own):
                share = _finest(shares, cohort[str(products[index])])
                required[number, index] = share >= REQUIRED_SHARE
            named = _named(split, joined)
            found = asked.answers(split.flags, named, products.tolist(), labels.tolist())
            flagged[number] |= found["missing"]
            alone[number] |= found["missing"] & ~found["present"]
            status = strings(split.products["status"])
            quiet = strings(split.products["product_id"])[status == "unassessable"]
            silent[number] |= np.isin(products, quiet)
            owner = strings(split.flags["product_id"])
            missing = strings(split.flags["state"]) == "missing"
            total += int(missing.sum())
            for flag in np.flatnonzero(missing):
                asks = place.get(named[flag])
                at = row_of[str(owner[flag])]
                aside += asks is None or not required[number, at, asks]
    return Judgement(
        tuple(labels.tolist()),
        ~shown,
        required,
        flagged,
        alone,
        silent,
        (total, aside),
        pictures.num_rows,
    )


def _labels(pictures: pa.Table, joined: bool) -> Strings:
    label = strings(pictures["label"])
    return np.array([JOINED.get(item, item) for item in label]) if joined else label


def _cohorts(pictures: pa.Table, attributes: Cohort) -> dict[str, Cohort]:
    columns = [strings(pictures[name]).tolist() for name in attributes]
    keys = zip(*columns, strict=True) if columns else ((),) * pictures.num_rows
    return dict(zip(strings(pictures["product_id"]).tolist(), keys, strict=True))


def _shares(
    split: Audited, attributes: Cohort, labels: Strings, joined: bool
) -> dict[Cohort, npt.NDArray[np.float64]]:
    """Of each cohort, and of each coarser one, the share of reference products by label, (L,)."""
    cohort = _cohorts(split.reference, attributes)
    products, row = np.unique(strings(split.reference["product_id"]), return_inverse=True)
    shown = np.zeros((len(products), len(labels)), dtype=bool)
    shown[row, np.searchsorted(labels, _labels(split.reference, joined))] = True
    members: dict[Cohort, list[int]] = {}
    for index, product in enumerate(products.tolist()):
        for length in range(len(attributes) + 1):
            members.setdefault(cohort[product][:length], []).append(index)
    return {key: shown[rows].mean(axis=0) for key, rows in members.items()}


def _finest(
    shares: dict[Cohort, npt.NDArray[np.float64]], cohort: Cohort
) -> npt.NDArray[np.float64]:
    """Those of the cohort, or of the next coarser one that was in the reference, as audits do."""
    while cohort not in shares:
        cohort = cohort[:-1]
    return shares[cohort]


def _named(split: Audited, joined: bool) -> list[str | None]:
    votes = naming.votes_of(split.pose, _labels(split.reference, joined))
    return asked.names(split.flags, lambda product: votes)


def audited(
    pictures: pa.Table,
    attributes: Cohort,
    training: TrainingSettings,
    audit: AuditSettings,
    *,
    repeats: int,
    folds: int,
    seed: int = 0,
) -> list[list[Audited]]:
    """R repeats of `folds` splits by product: each fold in turn is judged, the others train."""
    owner = strings(pictures["product_id"])
    found = []
    for number in range(repeats):
        fold = naming.product_folds(owner, folds, seed + number)
        found.append(
            [
                inshop_audit.audit_split(pictures, fold == own, attributes, training, audit)
                for own in range(folds)
            ]
        )
    return found


def judge_published(
    folder: str | Path,
    points: int,
    *,
    attributes: Cohort = ("category",),
    repeats: int = REPEATS,
    folds: int = FOLDS,
    seed: int = 0,
    training: TrainingSettings | None = None,
    audit: AuditSettings | None = None,
) -> list[Entry]:
    """Train, audit and judge one In-shop table; `folder` is that of the tables.

    Entries of all labels as published and with front and full joined, then by label; the method
    says how the flags are read. Settings are the defaults, but for the size of a reference product.
    """
    training = training or TrainingSettings(min_pictures=REFERENCE_PICTURES)
    pictures = inshop_audit.read(folder, points)
    splits = audited(
        pictures,
        attributes,
        training,
        audit or AuditSettings(),
        repeats=repeats,
        folds=folds,
        seed=seed,
    )
    cohorts = next((name for name, own in COHORTS.items() if own == attributes), str(attributes))
    data = f"In-shop products, {points} points, {cohorts}"
    entries = []
    for joined, scope in ((False, ""), (True, "front and full joined")):
        judged = judge(pictures, splits, attributes, joined=joined)
        total, aside = judged.flags
        note = (
            f"{scope or 'labels apart'}: of {total:,} missing flags {aside:,} ask for a label that "
            f"fewer than {REQUIRED_SHARE:.0%} of the cohort's reference products bear, or for none"
        )
        for method, flagged in ((STRICT, judged.flagged), (ALONE, judged.alone)):
            result = judged.result(flagged, seed=seed)
            notes = (note,) if method == STRICT else ()
            entries.append(
                Entry(data, method, dataclasses.replace(result, notes=notes), group=scope)
            )
        for label in judged.labels:
            place = judged.labels.index(label)
            lacked = (judged.required & judged.missing)[..., place].any()
            if lacked and (not joined or label in JOINED.values()):
                name = f"{label} or full" if joined else label
                result = judged.result(judged.flagged, label, seed)
                entries.append(Entry(data, STRICT, result, group=name))
    return entries


def evaluate(
    folder: str | Path, *, seed: int = 0, progress: Progress = lambda message: None
) -> list[Entry]:
    """Judge every table that the folder holds, with each of `COHORTS`."""
    entries: list[Entry] = []
    for points, name in inshop_audit.FILES.items():
        if not (Path(folder) / name).is_file():
            continue
        for title, attributes in COHORTS.items():
            progress(f"In-shop products, {points} points: training and auditing, {title}")
            entries += judge_published(folder, points, attributes=attributes, seed=seed)
    return entries


def main() -> None:
    """Print the table alone: ``python -m unposed_jobs.lab.evaluation.inshop_flags --data DIR``."""
    from rich.console import Console
    from threadpoolctl import threadpool_limits

    from unposed_jobs.lab.evaluation import printing

    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--data", required=True, help="the folder of real data, with inshop/")
    parser.add_argument("--points", type=int, nargs="+", default=[17, 33])
    parser.add_argument("--repeats", type=int, default=REPEATS)
    parser.add_argument("--folds", type=int, default=FOLDS)
    parser.add_argument("--min-pictures", type=int, default=REFERENCE_PICTURES)
    parser.add_argument("--cohorts", choices=list(COHORTS), nargs="+", default=list(COHORTS))
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    entries = []
    with threadpool_limits(limits=1):
        for points in arguments.points:
            for title in arguments.cohorts:
                entries += judge_published(
                    Path(arguments.data) / "inshop",
                    points,
                    attributes=COHORTS[title],
                    repeats=arguments.repeats,
                    folds=arguments.folds,
                    seed=arguments.seed,
                    training=TrainingSettings(min_pictures=arguments.min_pictures),
                )
    printing.print_entries(entries, Console(width=150))


if __name__ == "__main__":
    main()
