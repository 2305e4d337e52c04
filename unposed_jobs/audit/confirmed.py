"""Pictures of which a person says what they show: the shot profile's ``[[shows]]``.

What a person saw counts beside what the model reads: the picture fills that ask too, and nothing
that it fills by the model is taken from it. It is a fact about one content of one product's
picture: where the address holds other bytes by then, nothing is said of them.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from unposed_jobs.audit.expectations import Expectations
from unposed_jobs.audit.pictures import Pictures
from unposed_jobs.errors import UnposedError

_NEEDED = {"product_id", "image", "pose"}
_KEYS = _NEEDED | {"content", "by", "reason"}


@dataclass(frozen=True)
class Confirmation:
    """One picture of one product shows one ask."""

    product_id: str
    image_uri: str
    pose: int
    """The ask's id, or that of a class of it."""
    content_sha256: str | None = None
    by: str | None = None
    reason: str | None = None


def parse(entries: Any, path: str | Path) -> tuple[Confirmation, ...]:
    """Read the section. Raises UnposedError naming the file for an entry that is wrong."""
    if not isinstance(entries, list):
        raise UnposedError(f"{path}: write each picture under its own [[shows]]")
    return tuple(_one(entry, path) for entry in entries)


def _one(entry: Any, path: str | Path) -> Confirmation:
    if not isinstance(entry, dict) or not set(entry) >= _NEEDED:
        raise UnposedError(f"{path}: a [[shows]] needs product_id, image and pose, not {entry!r}")
    unknown = sorted(set(entry) - _KEYS)
    if unknown:
        raise UnposedError(f"{path}: unknown key {unknown[0]} in a [[shows]]")
    pose = entry["pose"]
    if not isinstance(pose, int) or isinstance(pose, bool):
        raise UnposedError(f"{path}: a [[shows]] goes by the id of an ask or pose, not {pose!r}")
    texts = {key: entry.get(key) for key in ("content", "by", "reason")}
    for key, text in texts.items():
        if text is not None and not isinstance(text, str):
            raise UnposedError(f"{path}: {key} of a [[shows]] must be a text, not {text!r}")
    return Confirmation(
        str(entry["product_id"]),
        str(entry["image"]),
        pose,
        texts["content"],
        texts["by"],
        texts["reason"],
    )


def confirm(
    pictures: Pictures,
    product_ids: pa.Array,
    confirmations: Sequence[Confirmation],
    expectations: Expectations,
    *,
    usual: npt.NDArray[np.int64],
    min_confidence: float,
) -> tuple[Pictures, npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Lay what people saw over a batch of n products.

    `usual` (n, A) is the place of the class by which each product's cohort shows each ask. Returns
    the pictures, of which those that the model could not name have that class now, surely; and two
    (n, A): the row of the picture that a person says shows the ask, and which of `confirmations`
    says so; -1 for none. A picture that cannot be read shows nothing; of two confirmations of an
    ask the first counts.
    """
    shown = np.full((pictures.products, len(expectations.ask_ids)), -1, dtype=np.int64)
    by = shown.copy()
    listed = _listed(pictures, product_ids, confirmations)
    if not listed:
        return pictures, shown, by
    pose_ids, confidence = pictures.pose_ids.copy(), pictures.confidence.copy()
    named = pictures.recognised(min_confidence)
    content = pictures.known["content_sha256"].combine_chunks()
    settled = set()
    for index, picture in listed:
        one = confirmations[index]
        asks = [place for place, ids in enumerate(expectations.members) if one.pose in ids]
        if not asks or pictures.trouble[picture] >= 0:
            continue
        if one.content_sha256 and content[picture].as_py() != one.content_sha256:
            continue
        product, ask = pictures.product[picture], asks[0]
        if shown[product, ask] < 0:
            shown[product, ask], by[product, ask] = picture, index
        settled.add(picture)
        if not named[picture]:
            pose_ids[picture] = expectations.pose_ids[usual[product, ask]]
            confidence[picture] = 1.0
    near = pictures.near[~np.isin(pictures.near[:, 0], list(settled))]
    pictures = dataclasses.replace(pictures, pose_ids=pose_ids, confidence=confidence, near=near)
    return pictures, shown, by


def _listed(
    pictures: Pictures, product_ids: pa.Array, confirmations: Sequence[Confirmation]
) -> list[tuple[int, int]]:
    """(place among the confirmations, row of the picture) of those that the batch lists."""
    if not confirmations:
        return []
    products = pa.array([one.product_id for one in confirmations], pa.string())
    here = pc.is_in(products, value_set=product_ids).to_numpy(zero_copy_only=False)
    spoken: dict[tuple[str, str], list[int]] = defaultdict(list)
    for index in np.flatnonzero(here):
        one = confirmations[int(index)]
        spoken[one.product_id, one.image_uri].append(int(index))
    chosen = pa.array([product_id for product_id, _ in spoken], pa.string())
    rows = np.flatnonzero(pc.is_in(product_ids, value_set=chosen))
    found = []
    for picture in np.flatnonzero(np.isin(pictures.product, rows)):
        product_id = product_ids[int(pictures.product[picture])].as_py()
        key = (product_id, pictures.uris[int(picture)].as_py())
        found += [(index, int(picture)) for index in spoken.get(key, ())]
    return sorted(found)
