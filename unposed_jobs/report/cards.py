"""Chooses the products that matter most and gathers what their cards show."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from unposed_jobs.remedies.candidates import CROP
from unposed_jobs.report import parts, thumbnails
from unposed_jobs.report.facts import NO_CATEGORY, Day, Tables
from unposed_jobs.report.model import Missing, Picture, Product

_TROUBLES = {
    **thumbnails.REASONS,
    "unreadable": "Not a readable picture",
    "not_read": "Not read yet",
}
"""Of the states of product_images: those of a picture that could not be read."""


def choose(tables: Tables, day: Day, popularity: pa.Table, limit: int) -> list[dict[str, Any]]:
    """The product_audit rows of the `limit` products that matter most, in that order.

    What matters: missing asks × popularity, the latter as the product's standing among the
    day's products in (0, 1], so that one scale serves any score. Complete products come last,
    unassessable and unclear ones before them. `popularity` is as `listing.POPULARITY`; its
    ratings are added to the rows.
    """
    audited = tables.query(
        "SELECT product_id, missing_count, status FROM product_audit WHERE run_date = ? "
        "ORDER BY product_id",
        [day.run_date],
    ).combine_chunks()
    place = pc.index_in(audited["product_id"], popularity["product_id"].combine_chunks())
    score = popularity["score"].take(place).combine_chunks().fill_null(-np.inf).to_numpy()
    standing = _standing(score)
    missing = audited["missing_count"].to_numpy()
    waiting = pc.index_in(audited["status"], pa.array(["unassessable", "unclear"])).fill_null(2)
    order = np.lexsort((-standing, waiting.to_numpy(), -(missing * standing)))[:limit]
    order = pa.array(order)
    chosen = audited["product_id"].take(order).to_pylist()
    liked = popularity.select(["average_rating", "rating_count"]).take(place.take(order))
    rows = tables.query(
        "SELECT * FROM product_audit WHERE run_date = ? AND product_id IN (SELECT unnest(?))",
        [day.run_date, chosen],
    ).to_pylist()
    by_id = {row["product_id"]: row for row in rows}
    return [
        by_id[product_id] | ratings
        for product_id, ratings in zip(chosen, liked.to_pylist(), strict=True)
    ]


def _standing(scores: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Share of products that are at most as popular, in (0, 1]; all 1 where none is known."""
    return np.searchsorted(np.sort(scores), scores, side="right") / max(len(scores), 1)


def gather(
    tables: Tables,
    day: Day,
    audited: Sequence[Mapping[str, Any]],
    *,
    title: str = "",
    columns: Sequence[str] = (),
) -> tuple[tuple[Product, ...], dict[str, str]]:
    """The cards of the products in `audited`, and the content of each picture that was read.

    A day of an earlier version does not have all pictures: the audit's evidence stands in. `title`
    and `columns` are carried columns.
    """
    ids = [row["product_id"] for row in audited]
    missing, evidence = _flags(tables, day, ids)
    pictures, contents = _pictures(tables, day, ids)
    cards = []
    for row in audited:
        product_id = row["product_id"]
        carried = dict(row["carried"] or ())
        cards.append(
            Product(
                product_id=product_id,
                category=row["category"] or NO_CATEGORY,
                subcategory=row["subcategory"] or "",
                product_type=row["product_type"] or "",
                status=row["status"],
                reason=row["reason"],
                completeness=row["completeness"],
                listed=row["pictures"],
                is_target=row["is_target"],
                missing_count=row["missing_count"],
                rating=row["average_rating"],
                rating_count=row["rating_count"],
                title=carried.get(title),
                carried=tuple(
                    (name, carried[name]) for name in columns if name != title and carried.get(name)
                ),
                pictures=tuple(pictures[product_id] or evidence[product_id]),
                missing=tuple(missing[product_id]),
            )
        )
    return tuple(cards), contents


def _flags(
    tables: Tables, day: Day, ids: Sequence[str]
) -> tuple[dict[str, list[Missing]], dict[str, list[Picture]]]:
    missing: dict[str, list[Missing]] = defaultdict(list)
    evidence: dict[str, dict[str, Picture]] = defaultdict(dict)
    rows = tables.query(
        "SELECT product_id, coalesce(ask_id, pose_id) AS ask_id, pose_name, "
        "coalesce(ask_name, pose_name) AS ask_name, shot_code, state, rank, confidence, "
        "evidence_image, example_images, remedy, remedy_uri, remedy_box, "
        "coalesce(advice, remedy) AS advice FROM pose_flags WHERE run_date = ? "
        "AND state IN ('missing', 'present') AND product_id IN (SELECT unnest(?)) "
        "ORDER BY product_id, rank, ask_id",
        [day.run_date, list(ids)],
    ).to_pylist()
    for row in rows:
        if row["state"] == "missing":
            missing[row["product_id"]].append(
                Missing(
                    rank=row["rank"],
                    ask_id=row["ask_id"],
                    name=row["ask_name"],
                    usually=row["pose_name"] if row["pose_name"] != row["ask_name"] else None,
                    shot_code=row["shot_code"],
                    advice=row["advice"] or "",
                    confidence=row["confidence"] or 0.0,
                    examples=tuple(row["example_images"] or ()),
                    crop=_crop(row),
                )
            )
        elif row["evidence_image"]:
            uri, sure = row["evidence_image"], row["confidence"] or 0.0
            # One picture may fill several asks.
            evidence[row["product_id"]].setdefault(
                uri, Picture(uri, "shown", row["ask_name"], sure)
            )
    return missing, defaultdict(list, {key: [*found.values()] for key, found in evidence.items()})


def _crop(row: Mapping[str, Any]) -> str | None:
    if row["remedy"] != CROP or not row["remedy_uri"] or not row["remedy_box"]:
        return None
    return parts.address(row["remedy_uri"], row["remedy_box"])


def _pictures(
    tables: Tables, day: Day, ids: Sequence[str]
) -> tuple[dict[str, list[Picture]], dict[str, str]]:
    """Each product's pictures in order, as the audit named them; contents by address."""
    found: dict[str, list[Picture]] = defaultdict(list)
    contents = {}
    rows = tables.query(
        "SELECT product_id, image_uri, content_sha256, status, reason, pose_name, confidence, "
        "person_count FROM product_images WHERE run_date = ? "
        "AND product_id IN (SELECT unnest(?)) ORDER BY product_id, position, image_uri",
        [day.run_date, list(ids)],
    ).to_pylist()
    for row in rows:
        found[row["product_id"]].append(_tile(row))
        if row["content_sha256"]:
            contents[row["image_uri"]] = row["content_sha256"]
    return found, contents


def _tile(row: Mapping[str, Any]) -> Picture:
    uri, status, name = row["image_uri"], row["status"], row["pose_name"]
    people = row["person_count"] or 0
    note = f"{people} people; the principal one counts" if people > 1 else ""
    if status in _TROUBLES:
        return Picture(uri, "unreadable", _TROUBLES[status], note=row["reason"] or "")
    if status == "repeat":
        return Picture(uri, "repeat", name or "", row["confidence"], note)
    if status == "shown":
        return Picture(uri, "shown", name, row["confidence"], note)
    return Picture(uri, "unclear", f"{name}?" if name else "no known pose", note=note)
