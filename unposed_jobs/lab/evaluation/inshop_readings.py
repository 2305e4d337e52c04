"""What the product read in the In-shop photographs: backs, and people whose head is cut off.

`product33.parquet` holds, of each photograph, what the first look and the second look found, and
for most of them what was found when the photograph was cut below the mouth. The uncut photograph
is then the truth: nobody has placed joints in these pictures by hand.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from unposed_jobs.embedding.topology import BLAZEPOSE_33
from unposed_jobs.lab.evaluation import bootstrap, coding, trials
from unposed_jobs.lab.evaluation.inshop import LABELS
from unposed_jobs.lab.evaluation.inshop_audit import FILES, SIZE, kept_reading, strings
from unposed_jobs.lab.evaluation.methods import METHODS
from unposed_jobs.lab.evaluation.people import TORSO, mean_elsewhere
from unposed_jobs.lab.evaluation.protocols import CONSTANT, RANDOM, Result, joint_places
from unposed_jobs.lab.evaluation.summary import Entry
from unposed_jobs.lab.evaluation.trials import Photographs

Floats = npt.NDArray[np.float64]
CLUSTERS = (8, 12)
DATA = "In-shop photographs as the product reads them"
_EACH = tuple((name, (name,)) for name in LABELS[33])
_TORSO = [BLAZEPOSE_33.index(name) for name in TORSO]


def evaluate(
    folder: str | Path, *, seed: int = 0, progress: Callable[[str], None] = lambda message: None
) -> list[Entry]:
    """Judge backs and headless people; nothing where the table is not there."""
    path = Path(folder) / FILES[33]
    if not path.is_file():
        return []
    table = pq.read_table(path)
    progress(f"{DATA}: backs")
    entries = [
        Entry(DATA, f"{title}, {method}, K = {size}", backs(trial, seed))
        for title, column in (
            ("reading kept", kept_reading(table)["landmarks"]),
            ("first look alone", table["detector"]),
        )
        for method in list(METHODS)[1:]
        for size, trial in _named(table, column, method, seed).items()
    ]
    return entries + headless(table, seed)


def _named(
    table: pa.Table, column: pa.ChunkedArray, method: str, seed: int, repeats: int = 2
) -> dict[int, trials.Trial]:
    """Every picture's label, by its class's majority on other products."""
    landmarks = points(column)
    photographs = Photographs(
        LABELS[33],
        landmarks.astype(np.float32),
        np.isfinite(landmarks[:, 0, 0]),
        strings(table["pose_label"]),
        strings(table["product_id"]),
        strings(table["image"]),
    )
    found = trials.unsupervised(photographs, METHODS[method], CLUSTERS, repeats=repeats, seed=seed)
    return {size: grouping.name() for size, grouping in found.items()}


def backs(trial: trials.Trial, seed: int = 0) -> Result:
    """Share of the pictures labelled "back" that are named so, beside those that are wrongly."""
    coded = coding.code(trial.truth, trial.predicted, trial.product)
    back = coded.labels.index("back")

    def figures(counts: Floats) -> dict[str, bootstrap.Interval]:
        own = np.moveaxis(counts, 0, 1)
        right = own[..., back, back]
        return {
            "backs": bootstrap.ratio(right, own[..., back, :].sum(-1), seed=seed),
            "precision": bootstrap.ratio(right, own[..., back].sum(-1), seed=seed),
        }

    return Result(
        "backs",
        figures(coded.counts),
        {RANDOM: figures(coded.random(seed)), CONSTANT: figures(coded.constant())},
        int((coded.truth == back).sum()),
        len(np.unique(coded.group[coded.truth == back])),
    )


def headless(table: pa.Table, seed: int = 0) -> list[Entry]:
    """People found, placed and told left from right where the head was cut off.

    All in pixels of the cut picture. A photograph in which nobody was found uncut has no truth and
    is left out.
    """
    first, second = (points(table[name])[:, _TORSO, :2] for name in ("detector", "second_look"))
    # Heads are in the whole pictures: there the first look is the better one.
    whole = np.where(np.isfinite(first), first, second) * SIZE
    cut = np.asarray(table["headless_cut"].to_numpy(), dtype=np.float64)
    rows = np.flatnonzero(np.isfinite(cut) & np.isfinite(whole).all(axis=(1, 2)))
    whole, cut = whole[rows], cut[rows]
    true = whole - np.stack([np.zeros(len(cut)), cut], axis=-1)[:, None]
    size = np.stack([np.full(len(cut), SIZE), SIZE - cut], axis=-1)[:, None]
    found = points(table["headless"])[rows][:, _TORSO, :2] * size
    asked = np.asarray(((true >= 0) & (true <= size)).all(axis=-1))
    middle = np.stack([true[:, :2].mean(axis=1), true[:, 2:].mean(axis=1)])
    torso = np.linalg.norm(middle[0] - middle[1], axis=-1)
    product, label = strings(table["product_id"])[rows], strings(table["pose_label"])[rows]
    guess = mean_elsewhere(true / size, product, seed) * size
    groups = {name: np.isin(label, own) for name, own in (("", LABELS[33]), *_EACH)}
    return [
        Entry(
            DATA,
            "headless",
            joint_places(
                found[own],
                true[own],
                asked[own],
                product[own],
                torso=torso[own],
                guess=guess[own],
                across=(0, 1),
                seed=seed,
            ),
            group=name,
        )
        for name, own in groups.items()
        if own.any()
    ]


def points(column: pa.ChunkedArray) -> Floats:
    """Lists of 165 values as (N, 33, 5); nan where there is none."""
    found = np.full((len(column), 33, 5), np.nan)
    for row, values in enumerate(column.to_pylist()):
        if values is not None:
            found[row] = np.asarray(values, dtype=np.float64).reshape(33, 5)
    return found
