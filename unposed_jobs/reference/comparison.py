"""Two models over the very same pictures: what each reads in them, and which flags differ."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from unposed_jobs.audit.expectations import Expectations
from unposed_jobs.config import AuditSettings
from unposed_jobs.reference.bundle import Bundle

MOST_TURNED = 5_000
"""Rows of turned flags that are kept of a comparison."""
STATES = ("not asked", "present", "missing")
_PRESENT, _MISSING = 1, 2
TURNED = pa.schema(
    [
        ("product_id", pa.string()),
        ("category", pa.string()),
        ("subcategory", pa.string()),
        ("ask_id", pa.int32()),
        ("ask_name", pa.string()),
        ("state_before", pa.string()),
        ("state_after", pa.string()),
        ("image_uri", pa.string()),
        ("pose_before", pa.int32()),
        ("pose_after", pa.int32()),
    ]
)


@dataclass(frozen=True)
class Comparison:
    """N pictures of P products, read by the champion (first) and the candidate (second)."""

    pictures: pa.Table
    """(N) product_id, the cohort's attributes, and image_uri where addresses are known."""
    models: tuple[Expectations, Expectations]
    poses: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]
    """(N,) each: the class that is seen, -1 where the audit would not know it."""
    least_share: float
    """Of a cohort that shows an ask, from which on it is asked for."""

    @cached_property
    def _products(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """(P,) a picture of each product, and (N,) the product of each picture."""
        ids = self.pictures["product_id"].cast(pa.string()).to_numpy(zero_copy_only=False)
        _, first, of_picture = np.unique(ids.astype(str), return_index=True, return_inverse=True)
        return first, of_picture

    @cached_property
    def asks(self) -> npt.NDArray[np.int32]:
        """(A,) ids of the asks of either model, ascending."""
        return np.unique(np.concatenate([model.ask_ids for model in self.models]))

    @cached_property
    def states(self) -> npt.NDArray[np.int8]:
        """(2, P, A) place in `STATES` by each model."""
        first, of_picture = self._products
        found = np.zeros((2, len(first), len(self.asks)), dtype=np.int8)
        for place, (model, poses) in enumerate(zip(self.models, self.poses, strict=True)):
            shown = np.zeros((len(first), len(model.pose_ids)), dtype=bool)
            known = poses >= 0
            shown[of_picture[known], np.searchsorted(model.pose_ids, poses[known])] = True
            rows = self._cohorts(model)
            filled = (model.fills[rows] & shown[:, None, :]).any(axis=2)
            states = np.where(filled, _PRESENT, _MISSING)
            states[model.share[rows] < self.least_share] = 0
            found[place][:, np.searchsorted(self.asks, model.ask_ids)] = states
        return found

    def _cohorts(self, model: Expectations) -> npt.NDArray[np.int64]:
        """(P,) the row of each product's cohort."""
        first, _ = self._products
        columns = [
            self.pictures[name].take(pa.array(first)).to_pylist()
            if name in self.pictures.column_names
            else [None] * len(first)  # The cohorts were defined otherwise then.
            for name in model.attributes
        ]
        cohorts = list(zip(*columns, strict=True)) or [()] * len(first)
        return np.array([model.find(cohort)[0] for cohort in cohorts], dtype=np.int64)

    @cached_property
    def _flips(self) -> npt.NDArray[np.bool_]:
        """(P, A) where one model flags what the other does not."""
        return np.not_equal(*(self.states == _MISSING))

    @property
    def flip_share(self) -> float:
        """Share of the flags, product x ask, that differ."""
        return float(self._flips.mean()) if self._flips.size else 0.0

    @property
    def turned_count(self) -> int:
        """How many they are."""
        return int(self._flips.sum())

    def confusion(self) -> list[tuple[int, int, int]]:
        """(the champion's class, the candidate's, pictures), most first; -1 stands for none."""
        pairs, counts = np.unique(np.stack(self.poses), axis=1, return_counts=True)
        found = zip(*pairs.tolist(), counts.tolist(), strict=True)
        return sorted(found, key=lambda one: (-one[2], one[:2]))

    def turned(self) -> pa.Table:
        """At most `MOST_TURNED` of the flags that differ, of schema `TURNED`.

        Its picture is one that fills the ask by the one model and not by the other, with what both
        read in it; null where no picture decides, but the cohort.
        """
        first, _ = self._products
        kept = np.argwhere(self._flips)[:MOST_TURNED]
        rows: list[dict[str, Any]] = []
        for product, ask in kept.tolist():
            states = self.states[:, product, ask]
            picture = self._deciding(product, int(self.asks[ask]), states)
            at = int(first[product])
            rows.append(
                {name: self._value(name, at) for name in ("product_id", "category", "subcategory")}
                | {
                    "ask_id": int(self.asks[ask]),
                    "ask_name": self._name(int(self.asks[ask])),
                    "state_before": STATES[states[0]],
                    "state_after": STATES[states[1]],
                    "image_uri": None if picture is None else self._value("image_uri", picture),
                    "pose_before": self._read(0, picture),
                    "pose_after": self._read(1, picture),
                }
            )
        return pa.Table.from_pylist(rows, TURNED)

    def _deciding(self, product: int, ask_id: int, states: npt.NDArray[np.int8]) -> int | None:
        """The picture that fills the ask by the model by which it is present."""
        by = next((place for place in (0, 1) if states[place] == _PRESENT), None)
        if by is None:
            return None
        model, poses = self.models[by], self.poses[by]
        fills = model.fills[self._rows[by][product], np.searchsorted(model.ask_ids, ask_id)]
        for picture in self._pictures_of[product]:
            pose = poses[picture]
            if pose >= 0 and fills[np.searchsorted(model.pose_ids, pose)]:
                return int(picture)
        return None

    @cached_property
    def _rows(self) -> tuple[npt.NDArray[np.int64], ...]:
        return tuple(self._cohorts(model) for model in self.models)

    @cached_property
    def _pictures_of(self) -> list[npt.NDArray[np.int64]]:
        """[P] the pictures of each product."""
        first, of_picture = self._products
        order = np.argsort(of_picture, kind="stable")
        ends = np.searchsorted(of_picture[order], np.arange(1, len(first)))
        return np.split(order, ends)

    def _value(self, name: str, picture: int) -> str | None:
        if name not in self.pictures.column_names:
            return None
        value = self.pictures[name][picture].as_py()
        return None if value is None else str(value)

    def _name(self, ask_id: int) -> str:
        # As the candidate calls it, where it has it.
        for model in reversed(self.models):
            place = np.searchsorted(model.ask_ids, ask_id)
            if place < len(model.ask_ids) and model.ask_ids[place] == ask_id:
                return model.names[place]
        raise AssertionError(ask_id)

    def _read(self, model: int, picture: int | None) -> int | None:
        pose = -1 if picture is None else int(self.poses[model][picture])
        return None if pose < 0 else pose


def compare(
    champion: Bundle, candidate: Bundle, pictures: pa.Table, audit: AuditSettings
) -> Comparison:
    """Both models over `pictures`, the training table; `audit` decides what is flagged."""
    bundles = (champion, candidate)
    first, second = (Expectations.from_bundle(one, flags=audit.flags) for one in bundles)
    one, other = (_poses(bundle, pictures, audit.min_confidence) for bundle in bundles)
    return Comparison(pictures, (first, second), (one, other), audit.min_cohort_share)


def _poses(bundle: Bundle, pictures: pa.Table, min_confidence: float) -> npt.NDArray[np.int64]:
    """(N,) pose of each picture, -1 where the audit would not know it."""
    found = bundle.assign(pictures)
    pose = found["pose_id"].fill_null(-1).to_numpy().astype(np.int64)
    return np.where(found["confidence"].to_numpy() >= np.float32(min_confidence), pose, -1)
