"""Pictures without a person: are they named what they are?

A class of such pictures has a name that was made from its statistics ("flat lay", "fabric
close-up", "size chart or text"). It is taken at its word here: no label has seen it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from unposed_jobs.config import Settings
from unposed_jobs.errors import UnposedError
from unposed_jobs.lab.evaluation import landmarks, protocols, truth
from unposed_jobs.lab.evaluation.people import NO_PERSON
from unposed_jobs.lab.evaluation.summary import Entry
from unposed_jobs.lab.evaluation.truth import Judged
from unposed_jobs.reference import registry
from unposed_jobs.reference.bundle import Bundle
from unposed_jobs.warehouse import Warehouse

REAL = {"flatlay": "flat-lay"}
"""Folders of real pictures without a person, and what all of them are."""
_COMMONEST = "flat-lay"


def rendered(data: str, judged: Judged, seed: int = 0) -> list[Entry]:
    """Judge the audit's classes of the rendered pictures without a person, all and by kind."""
    pictures = judged.pictures[judged.pictures["label"].isin(NO_PERSON)]
    said = [
        truth.label_of_name(judged.names.get(int(pose), ""))
        for pose in pictures["pose_id"].fillna(-1)
    ]
    return _entries(
        data,
        pictures["label"].to_numpy(dtype=str),
        np.array(said, dtype=str),
        pictures["product_id"].to_numpy(dtype=str),
        seed,
    )


def real(looked: pd.DataFrame, settings: Settings, seed: int = 0) -> list[Entry]:
    """Judge the champion's classes of real pictures (`people.look`), each by itself.

    A picture that is taken for a person, or that the audit would not name, is not named right.
    Nothing where no model is promoted, or where it goes by another estimator.
    """
    pictures = looked[looked["folder"].isin(REAL) & (looked["status"] != "unreadable")]
    model = _champion(settings)
    if pictures.empty or model is None or model.estimator_id != pictures["estimator_id"].iloc[0]:
        return []
    found = model.assign(landmarks.table(pictures))
    names = {row["pose_id"]: row["name"] for row in model.active.to_pylist()}
    sure = found["confidence"].to_numpy() >= np.float32(settings.audit.min_confidence)
    said = [
        truth.label_of_name(names[pose]) if pose is not None and known else ""
        for pose, known in zip(found["pose_id"].to_pylist(), sure, strict=True)
    ]
    return _entries(
        "Real pictures",
        np.array([REAL[name] for name in pictures["folder"]], dtype=str),
        np.array(said, dtype=str),
        pictures["image_uri"].to_numpy(dtype=str),
        seed,
    )


def _champion(settings: Settings) -> Bundle | None:
    try:
        champion = registry.champion(Warehouse.open(settings.warehouse, create=False))
    except UnposedError:
        return None
    return None if champion is None else Bundle.load(champion.artefact_uri)


def _entries(
    data: str,
    label: npt.NDArray[np.str_],
    said: npt.NDArray[np.str_],
    owner: npt.NDArray[np.str_],
    seed: int,
) -> list[Entry]:
    groups: dict[str, Sequence[bool] | npt.NDArray[np.bool_]] = {"": np.ones(len(label), bool)}
    groups |= {kind: label == kind for kind in NO_PERSON}
    return [
        Entry(
            data,
            "audit's classes",
            protocols.named_right(
                label[rows],
                said[rows],
                owner[rows],
                labels=NO_PERSON,
                constant=_COMMONEST,
                seed=seed,
            ),
            group=name,
        )
        for name, rows in groups.items()
        if np.any(rows)
    ]
