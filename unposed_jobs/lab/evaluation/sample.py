"""The rendered sample catalogue: every protocol that its truth allows.

What the audit published (`published`), and says where views are taken away (`removal`); persons
and joints (`people`); the paper's Table 1 on the landmarks of the same pictures
(`subcategories`), for BlazePose's 33 points and for the 17 of them that COCO has; and two
trainings on resampled references (`retraining`).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from unposed_jobs.config import Settings
from unposed_jobs.lab.evaluation import (
    crops,
    kinds,
    landmarks,
    people,
    published,
    removal,
    retraining,
    subcategories,
    truth,
)
from unposed_jobs.lab.evaluation.published import Case
from unposed_jobs.lab.evaluation.summary import Entry
from unposed_jobs.lab.evaluation.trials import Photographs
from unposed_jobs.lab.evaluation.truth import NothingToJudgeError, default_folder
from unposed_jobs.pose.topology import coco17_from_blazepose33
from unposed_jobs.reference import registry
from unposed_jobs.reference.bundle import Bundle
from unposed_jobs.warehouse import Warehouse

__all__ = ["NothingToJudgeError", "default_folder", "evaluate"]

SUBCATEGORIES = ("Polo shirts", "T-shirts", "Casual shirts")
"""Those of the paper's Table 1, in its order."""
NOBODY = "no person"
"""Table 1's label of what shows nobody: the paper has one class for all of it (section 6)."""
CLUSTERS = 8
"""Table 1's K where the model's own number of classes is not known; the paper's Table 2 has 8."""
Progress = Callable[[str], None]


def evaluate(
    folder: str | Path,
    settings: Settings,
    *,
    repeats: int = 2,
    seed: int = 0,
    progress: Progress = lambda message: None,
) -> list[Entry]:
    """Judge the last published audit of the sample catalogue in `folder`.

    Raises NothingToJudgeError where there is no truth or no audit.
    """
    progress("sample catalogue: joining truth and warehouse")
    judged = truth.load(folder, settings)
    progress("sample catalogue: judging pictures and products")
    case = Case.of(judged, settings, repeats, seed)
    entries = published.entries(case)
    found = landmarks.read(Warehouse.open(settings.warehouse, create=False), judged.model_version)
    if found.empty:
        return entries
    pictures = judged.pictures.merge(found, on="content_sha256", how="left")
    progress("sample catalogue: judging persons and joints")
    entries += people.rendered(case.data, pictures, Path(folder).absolute() / "truth", seed)
    progress("sample catalogue: looking at people cut off at any place")
    entries += crops.evaluate(
        case.data,
        pictures,
        Path(folder).absolute() / "truth",
        settings.pose,
        seed=seed,
        progress=progress,
    )
    entries += kinds.rendered(case.data, judged, seed)
    entries += _table(pictures, case, repeats, seed, progress)
    path = Path(folder) / "products.csv"
    if path.is_file():
        listed = judged.listed.merge(found, on="content_sha256", how="left")
        products = pd.read_csv(path).drop_duplicates("product_id")
        progress("sample catalogue: taking views away and auditing what is left")
        entries += _removal(case, listed, products, seed)
        entries += retraining.judge(
            case.data,
            listed,
            products,
            settings,
            repeats=repeats,
            seed=seed,
            progress=progress,
        )
    return entries


def _removal(case: Case, listed: pd.DataFrame, products: pd.DataFrame, seed: int) -> list[Entry]:
    settings, version = case.settings, case.judged.model_version
    models = registry.models(Warehouse.open(settings.warehouse, create=False))
    result = removal.judge(
        Bundle.load(next(row.artefact_uri for row in models if row.model_version == version)),
        landmarks.reference_table(listed, products),
        dict(
            zip(case.judged.products["product_id"], case.judged.products["full_set"], strict=True)
        ),
        case.votes,
        settings.audit,
        seed=seed,
    )
    return [] if result is None else [Entry(case.data, "audit", result)]


def _table(
    pictures: pd.DataFrame, case: Case, repeats: int, seed: int, progress: Progress
) -> list[Entry]:
    known = pictures[pictures["status"].notna()].reset_index(drop=True)
    label = known["label"].where(~known["label"].isin(people.NO_PERSON), NOBODY).to_numpy(dtype=str)
    product = known["product_id"].to_numpy(dtype=str)
    cohort = np.array([case.cohorts.get(name, "").split(" / ")[-1] for name in product])
    points = landmarks.points(known["landmarks"])
    person = (known["status"] == "ok").to_numpy()
    forms = [points]
    if points.shape[1] == len(landmarks.BLAZEPOSE_33.points):
        forms.append(coco17_from_blazepose33(points))
    clusters = sum(kind == "person" for kind in case.judged.kinds.values()) or CLUSTERS
    entries = []
    for values in forms:
        photographs = Photographs(
            tuple(sorted(set(label))),
            values,
            person,
            label,
            product,
            known["image_uri"].to_numpy(dtype=str),
            cohort,
        )
        entries += subcategories.table(
            "Rendered catalogue",
            photographs,
            SUBCATEGORIES,
            clusters=clusters,
            repeats=repeats,
            seed=seed,
            progress=progress,
        )
    return entries
