"""The learned order (paper section 4.5): a gradient-boosted regressor of importance.

One row for each reference product and pose: the pose, category, subcategory, product type and
further attributes; the target is the product's popularity - the weighted mean of rating and number
of reviews - where it shows the pose and 0 where it does not. The paper's own rows are the pictures
alone; but a pose in every product of a cohort and one in a single product of the same popularity
would then score the same, while section 3.2 ranks "based on occurrence in most popular / best rated
products". What the cohort's share explains already (`frequency`, shrunk) is not learned again: the
trees correct it, which on a few dozen products is all they can do. It is association: nothing here
shows that adding a picture makes a product sell.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from unposed_jobs.boosting import lightgbm

Floats = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]
Attributes = Mapping[str, Sequence[str | None]]
"""Values of N products by attribute."""

ROUNDS = 60
MAX_PRODUCTS = 20_000
"""More reference products than this are sampled: the order of some dozen poses needs no more."""


@dataclass(frozen=True)
class Ranker:
    """A learned order of P poses. `codes` maps each attribute's values to the model's numbers."""

    attributes: tuple[str, ...]
    codes: dict[str, dict[str, int]]
    poses: int
    model: str
    """LightGBM's own text form, parsed when first asked: most who load a bundle never rank."""

    def score(self, products: Attributes) -> Floats:
        """(N, P) importance of each pose for N products (or cohorts) given by their attributes.

        A value that was not seen in training, null, or an attribute left out, counts as unknown.
        Raises ValueError for attributes of different lengths or none at all.
        """
        encoded = _encode(products, self.attributes, self.codes)
        rows = _pairs(encoded, self.poses)
        return np.asarray(self._booster.predict(rows, num_threads=1)).reshape(-1, self.poses)

    @cached_property
    def _booster(self) -> Any:
        return lightgbm().Booster(model_str=self.model)

    def text(self) -> str:
        """LightGBM's own text form of the model."""
        return self.model

    def description(self) -> str:
        """JSON: what the text does not hold."""
        return json.dumps(
            {"attributes": self.attributes, "codes": self.codes, "poses": self.poses},
            indent=1,
            sort_keys=True,
        )

    @classmethod
    def from_text(cls, text: str, description: str) -> Ranker:
        """The inverse of `text` and `description`."""
        stored = json.loads(description)
        return cls(tuple(stored["attributes"]), stored["codes"], stored["poses"], text)


def fit(
    products: Attributes,
    shows: Bool,
    popularity: Floats,
    seed: int,
    known: Floats | None = None,
) -> Ranker:
    """Learn from N products: their attributes, `shows` (N, P) and `popularity` (N,).

    `known` (N, P) is what is known of the target already; only the rest is learned, and `score`
    is to be added to it. The same input gives the same model text.
    """
    rng = np.random.default_rng(seed)
    count, poses = shows.shape
    chosen = np.arange(count)
    if count > MAX_PRODUCTS:
        chosen = np.sort(rng.choice(count, MAX_PRODUCTS, replace=False))
    names = tuple(products)
    codes = {
        name: {
            value: code
            for code, value in enumerate(sorted({item for item in values if item is not None}))
        }
        for name, values in products.items()
    }
    encoded = _encode(products, names, codes)[chosen]
    importance = shows * np.asarray(popularity)[:, None]
    target = (importance if known is None else importance - known)[chosen].ravel()
    parameters: dict[str, Any] = {
        "objective": "regression",
        "learning_rate": 0.08,
        "num_leaves": 15,
        # A leaf is a group of products seen at one pose.
        "min_data_in_leaf": max(2, min(20, len(chosen) // 4)),
        "lambda_l2": 5.0,
        "min_data_per_group": max(2, min(50, len(chosen) // 5)),
        "cat_smooth": 5.0,
        "cat_l2": 2.0,
        "max_cat_to_onehot": 32,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": 1,
        "seed": seed % 2**31,
        "verbosity": -1,
    }
    data = lightgbm().Dataset(
        _pairs(encoded, poses),
        target,
        feature_name=["pose", *(f"attribute_{index}" for index in range(len(names)))],
        categorical_feature=list(range(len(names) + 1)),
        params={"verbosity": -1},
        free_raw_data=True,
    )
    booster = lightgbm().train(parameters, data, num_boost_round=ROUNDS)
    return Ranker(names, codes, poses, booster.model_to_string())


def _encode(products: Attributes, names: Sequence[str], codes: dict[str, dict[str, int]]) -> Floats:
    lengths = {len(values) for values in products.values()}
    if len(lengths) != 1:
        raise ValueError("the attributes must have one value for each product")
    count = lengths.pop()
    encoded = np.full((count, len(names)), np.nan)
    for column, name in enumerate(names):
        if name in products:
            known = codes[name]
            encoded[:, column] = [
                np.nan if value is None else known.get(value, np.nan) for value in products[name]
            ]
    return encoded


def _pairs(encoded: Floats, poses: int) -> Floats:
    """Every product with every pose: (N * P, 1 + attributes)."""
    pose = np.tile(np.arange(poses, dtype=np.float64), len(encoded))
    return np.column_stack([pose, np.repeat(encoded, poses, axis=0)])
