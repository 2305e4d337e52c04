"""Does a vocabulary stay what it was when it is learned again from other products?

Two references are drawn from the same products. The first gives the champion; the second, with
that champion, a candidate. Both then audit all products, not a picture having changed: every flag
that differs was turned by chance. An id that both models use must mean the same pose, which
people's labels, where there are any, decide.
"""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from unposed_jobs.audit.expectations import Expectations
from unposed_jobs.audit.inference import AuditRun, audit_products
from unposed_jobs.audit.products import products_batch
from unposed_jobs.config import AuditSettings, TrainingSettings
from unposed_jobs.lab.evaluation.naming import majority_names
from unposed_jobs.reference.bundle import Bundle
from unposed_jobs.reference.training import train_reference

SUBSAMPLE = 0.8
JUDGED_DAY = datetime.date(2026, 1, 5)
"""The day of audits that are only looked at; nothing depends on it."""
_ABSENT = "not_applicable"
"""The state of a pose that one of the models does not know: it asks nobody for it."""


@dataclass(frozen=True)
class Retraining:
    """What a second training changed.

    `changed` (n, P) of n products and the P poses of either model: the state differs.
    `missing` (2, n, P): flagged missing by the champion, by the candidate. `poses` (P,) their ids.
    `meanings`: id kept by both -> its majority label under the champion and the candidate; empty
    without labels. `champion` and `candidate` are the models.
    """

    products: npt.NDArray[np.str_]
    poses: npt.NDArray[np.int32]
    changed: npt.NDArray[np.bool_]
    missing: npt.NDArray[np.bool_]
    meanings: dict[int, tuple[str, str]]
    champion: Bundle
    candidate: Bundle

    @property
    def unchanged(self) -> float:
        """Share of (product, pose) whose state is the same."""
        return float(1 - self.changed.mean()) if self.changed.size else 1.0

    @property
    def same_meaning(self) -> float:
        """Share of kept ids that mean the same pose; NaN where none is labelled."""
        same = [one == two for one, two in self.meanings.values()]
        return float(np.mean(same)) if same else float("nan")


def retrain(
    pictures: pa.Table,
    reference: npt.NDArray[np.bool_],
    settings: TrainingSettings,
    audit: AuditSettings,
    *,
    attributes: Sequence[str] = ("category", "subcategory"),
    labels: npt.NDArray[np.str_] | None = None,
    bootstrap: bool = True,
    seed: int = 0,
) -> Retraining:
    """Train twice on resamples of the reference products, and audit all products with both.

    `pictures` has the columns of `train_reference`, for all products; `reference` (N,) says which
    pictures' products may be learned from; `labels` (N,), "" where there is none. The resamples
    are bootstrap samples of the products, or random parts of `SUBSAMPLE` of them.
    """
    rng = np.random.default_rng(seed)
    learned: Bundle | None = None
    models = []
    for number in range(2):
        sample = _resample(pictures.filter(pa.array(reference)), rng, bootstrap)
        learned = train_reference(
            sample,
            dataclasses.replace(settings, seed=settings.seed + 1000 * seed + number),
            run_date=JUDGED_DAY + datetime.timedelta(days=7 * number),
            estimator_id="the same",
            attributes=attributes,
            champion=learned,
        )
        models.append(learned)
    return compare(models[0], models[1], pictures, audit, labels=labels)


def compare(
    champion: Bundle,
    candidate: Bundle,
    pictures: pa.Table,
    audit: AuditSettings,
    *,
    labels: npt.NDArray[np.str_] | None = None,
) -> Retraining:
    """Audit all products of `pictures` with both models; see `retrain`."""
    models = (champion, candidate)
    poses = np.unique(np.concatenate([_active(model) for model in models])).astype(np.int32)
    assigned = [model.assign(pictures) for model in models]
    states = [
        _states(model, pictures, found, audit, poses)
        for model, found in zip(models, assigned, strict=True)
    ]
    meanings: dict[int, tuple[str, str]] = {}
    if labels is not None:
        named = [_meaning(found, labels, audit.min_confidence) for found in assigned]
        meanings = {
            pose: (named[0][pose], named[1][pose]) for pose in sorted(set(named[0]) & set(named[1]))
        }
    products = np.unique(_ids(pictures))
    return Retraining(
        products,
        poses,
        states[0] != states[1],
        np.stack([state == "missing" for state in states]),
        meanings,
        *models,
    )


def _resample(pictures: pa.Table, rng: np.random.Generator, bootstrap: bool) -> pa.Table:
    """Some of the products with all their pictures; one that is drawn twice is two products."""
    ids = _ids(pictures)
    products = np.unique(ids)
    if bootstrap:
        drawn = rng.choice(products, len(products))
    else:
        drawn = rng.choice(products, round(SUBSAMPLE * len(products)), replace=False)
    rows, owners = [], []
    for number, product in enumerate(drawn):
        own = np.flatnonzero(ids == product)
        rows.append(own)
        owners += [f"{product}/{number}"] * len(own)
    sample = pictures.take(pa.array(np.concatenate(rows)))
    place = sample.column_names.index("product_id")
    return sample.set_column(place, "product_id", pa.array(owners))


def _states(
    model: Bundle,
    pictures: pa.Table,
    assigned: pa.Table,
    audit: AuditSettings,
    poses: npt.NDArray[np.int32],
) -> npt.NDArray[np.str_]:
    """(n, P) state of what is asked of each product, at the ask's id; by ascending product id."""
    run = AuditRun(JUDGED_DAY, "judged", model.model_version)
    batch = products_batch(pictures, assigned, model.attributes)
    flags = audit_products(batch, Expectations.from_bundle(model), audit, run).pose_flags
    states = np.full((batch.num_rows, len(poses)), _ABSENT, dtype="<U16")
    row = np.searchsorted(np.unique(_ids(pictures)), _ids(flags))
    column = np.searchsorted(poses, flags["ask_id"].to_numpy())
    states[row, column] = flags["state"].to_numpy(zero_copy_only=False).astype(str)
    return states


def _meaning(
    assigned: pa.Table, labels: npt.NDArray[np.str_], min_confidence: float
) -> dict[int, str]:
    sure = assigned["confidence"].to_numpy() >= np.float32(min_confidence)
    pose = np.where(sure, assigned["pose_id"].fill_null(-1).to_numpy(), -1)
    judged = labels != ""
    return majority_names(pose[judged], labels[judged])


def _active(model: Bundle) -> npt.NDArray[np.int64]:
    return np.array(model.active["pose_id"].to_pylist(), dtype=np.int64)


def _ids(table: pa.Table) -> npt.NDArray[np.str_]:
    return table["product_id"].cast(pa.string()).to_numpy(zero_copy_only=False).astype(str)
