"""Two trainings on resampled references: do flags hold still, and do kept ids mean the same?"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from unposed_jobs.config import Settings
from unposed_jobs.lab.evaluation import bootstrap, landmarks, protocols
from unposed_jobs.lab.evaluation.protocols import Result
from unposed_jobs.lab.evaluation.summary import Entry
from unposed_jobs.ranking import popularity

_RATING = ("average_rating", "rating_count")


def judge(
    data: str,
    listed: pd.DataFrame,
    products: pd.DataFrame,
    settings: Settings,
    *,
    repeats: int,
    seed: int = 0,
    progress: Callable[[str], None] = lambda message: None,
) -> list[Entry]:
    """Train pairs of models by the pipeline's own training, and audit all products with both.

    `listed`: all pictures, with their landmarks and label ("" where there is none); `products`:
    product_id, category, subcategory, product_type, average_rating, rating_count. See `stability`.
    """
    from unposed_jobs.lab.evaluation import stability

    table = landmarks.reference_table(listed, _popular(products))
    count = table.group_by("product_id").aggregate([("image_uri", "count")]).to_pydict()
    pictures = dict(zip(count["product_id"], count["image_uri_count"], strict=True))
    owner = table["product_id"].to_pylist()
    reference = np.array([pictures[name] >= settings.training.min_pictures for name in owner])
    if len(set(np.array(owner)[reference])) < 3:
        return []
    label = np.array(table["label"].to_pylist(), dtype=str)
    found = []
    for repeat in range(repeats):
        progress(f"{data}: two trainings on resampled references, {repeat + 1} of {repeats}")
        found.append(
            stability.retrain(
                table,
                reference,
                settings.training,
                settings.audit,
                attributes=settings.catalogue.cohort_attributes,
                labels=label,
                seed=seed + repeat,
            )
        )
    first, second = (np.concatenate([item.missing[side] for item in found], 1) for side in (0, 1))
    flips = protocols.flip_rate(first, second, pictures=table.num_rows, seed=seed)
    meanings = [pair for item in found for pair in item.meanings.values()]
    result = _meaning(meanings, table.num_rows, len(found[0].products), seed)
    return [Entry(data, "pipeline", flips), Entry(data, "pipeline", result)]


def _meaning(
    meanings: Sequence[tuple[str, str]], pictures: int, products: int, seed: int
) -> Result:
    """Share of kept ids whose majority label is the same in both models.

    The baseline gives the second model's ids at random: what names alone make alike.
    """
    first, second = (np.array([pair[side] for pair in meanings], dtype=str) for side in (0, 1))
    alike = (first[:, None] == second[None]).mean(axis=1) if len(meanings) else first
    return Result(
        "kept_ids",
        {"same_meaning": bootstrap.mean((first == second).astype(float), seed=seed)},
        {"ids given at random": {"same_meaning": bootstrap.mean(alike.astype(float), seed=seed)}},
        pictures,
        products,
        notes=(f"{len(meanings)} ids that both models have; the interval is over these ids",),
    )


def _popular(products: pd.DataFrame) -> pd.DataFrame:
    """The products with `popularity`, 0 for all where no ratings are known."""
    rated = all(name in products for name in _RATING)
    rating = [
        pd.to_numeric(products[name], errors="coerce").to_numpy() for name in _RATING if rated
    ]
    score = popularity.weighted_rating(*rating) if rated else np.zeros(len(products))
    return products.drop(columns=list(_RATING), errors="ignore").assign(popularity=score)
