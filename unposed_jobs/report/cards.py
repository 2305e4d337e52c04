"""Chooses the products that matter most and gathers what their cards show."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from unposed_jobs import storage
from unposed_jobs.audit.pictures import PICTURE, Pictures, flatten
from unposed_jobs.config import AuditSettings
from unposed_jobs.report import thumbnails
from unposed_jobs.report.facts import NO_CATEGORY, Day, Tables
from unposed_jobs.report.model import Missing, Picture, Product

_TROUBLES = (
    *(thumbnails.REASONS[status] for status in storage.STATUSES),
    "Not a readable picture",
    "Not read yet",
)
"""In the order of `unposed_jobs.audit.pictures.TROUBLES`."""


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
    listed: Mapping[str, Sequence[tuple[str, int | None]]],
    settings: AuditSettings,
) -> tuple[tuple[Product, ...], dict[str, str]]:
    """The cards of the products in `audited`, and the content of each picture that was read.

    `listed` has each product's pictures: (address, position). Where the catalogue does not
    tell them, the audit's evidence stands in.
    """
    ids = [row["product_id"] for row in audited]
    missing, evidence = _flags(tables, day, ids)
    shown = {
        product_id: list(listed.get(product_id) or [(uri, None) for uri in evidence[product_id]])
        for product_id in ids
    }
    known = _known(tables, day, sorted({uri for pairs in shown.values() for uri, _ in pairs}))
    names = {
        row["pose_id"]: (row["name"], row["shot_code"])
        for row in tables.query(
            "SELECT pose_id, name, shot_code FROM vocabulary WHERE model_version = ?",
            [day.model_version],
        ).to_pylist()
    }
    pictures = _pictures(ids, shown, known, names, settings)
    cards = []
    for row in audited:
        product_id = row["product_id"]
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
                pictures=tuple(pictures[product_id]),
                missing=tuple(missing[product_id]),
            )
        )
    contents = {uri: row["content_sha256"] for uri, row in known.items() if row["content_sha256"]}
    return tuple(cards), contents


def _flags(
    tables: Tables, day: Day, ids: Sequence[str]
) -> tuple[dict[str, list[Missing]], dict[str, list[str]]]:
    missing: dict[str, list[Missing]] = defaultdict(list)
    evidence: dict[str, list[str]] = defaultdict(list)
    rows = tables.query(
        "SELECT product_id, coalesce(ask_id, pose_id) AS ask_id, pose_name, "
        "coalesce(ask_name, pose_name) AS ask_name, shot_code, state, rank, confidence, "
        "evidence_image, example_images, remedy FROM pose_flags WHERE run_date = ? "
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
                    remedy=row["remedy"] or "",
                    confidence=row["confidence"] or 0.0,
                    examples=tuple(row["example_images"] or ()),
                )
            )
        elif row["evidence_image"]:
            evidence[row["product_id"]].append(row["evidence_image"])
    # One picture may fill several asks.
    return missing, defaultdict(list, {key: [*dict.fromkeys(evidence[key])] for key in evidence})


def _known(tables: Tables, day: Day, uris: Sequence[str]) -> dict[str, dict[str, Any]]:
    """What the warehouse knows of pictures, by address."""
    rows = tables.query(
        """
        SELECT i.image_uri, i.status AS image_status, i.error AS image_error, i.content_sha256,
               l.status AS landmark_status, l.error AS landmark_error, l.person_count,
               p.pose_id, p.confidence, p.near_pose_ids, p.kind,
               coalesce(p.perceptual_hash, l.perceptual_hash) AS perceptual_hash
        FROM images i
        LEFT JOIN (
            SELECT content_sha256, status, error, person_count, perceptual_hash FROM landmarks
            WHERE estimator_id = (SELECT any_value(estimator_id) FROM models
                                  WHERE model_version = ?)
        ) l ON l.content_sha256 = i.content_sha256
        LEFT JOIN (SELECT * FROM image_poses WHERE model_version = ?) p
            ON p.content_sha256 = i.content_sha256
        WHERE i.image_uri IN (SELECT unnest(?))
        """,
        [day.model_version, day.model_version, list(uris)],
    ).to_pylist()
    return {row["image_uri"]: row for row in rows}


def _pictures(
    ids: Sequence[str],
    shown: Mapping[str, Sequence[tuple[str, int | None]]],
    known: Mapping[str, Mapping[str, Any]],
    names: Mapping[int, tuple[str, str | None]],
    settings: AuditSettings,
) -> dict[str, list[Picture]]:
    """Each product's pictures in order, told apart by the audit's own rules."""
    entries = [
        [
            {name: known.get(uri, {}).get(name) for name in (field.name for field in PICTURE)}
            | {"image_uri": uri, "position": position}
            for uri, position in shown[product_id]
        ]
        for product_id in ids
    ]
    batch = pa.record_batch({"pictures": pa.array(entries, pa.list_(PICTURE))})
    flat = flatten(batch, settings.duplicate_distance)
    usable = flat.recognised(settings.min_confidence)
    found: dict[str, list[Picture]] = {product_id: [] for product_id in ids}
    for index, uri in enumerate(flat.uris.to_pylist()):
        pose = names.get(int(flat.pose_ids[index]), ("", None))
        tile = _tile(flat, index, known.get(uri, {}), pose, sure=bool(usable[index]))
        found[ids[flat.product[index]]].append(tile)
    return found


def _tile(
    flat: Pictures,
    index: int,
    known: Mapping[str, Any],
    pose: tuple[str, str | None],
    *,
    sure: bool,
) -> Picture:
    uri = flat.uris[index].as_py()
    if flat.trouble[index] >= 0:
        detail = known.get("image_error") or known.get("landmark_error") or ""
        return Picture(uri, "unreadable", _TROUBLES[flat.trouble[index]], note=detail)
    (name, shot_code), confidence = pose, float(flat.confidence[index])
    people = known.get("person_count") or 0
    note = f"{people} people; the principal one was looked at" if people > 1 else ""
    if flat.duplicate[index]:
        return Picture(uri, "repeat", name, confidence=confidence, note=note)
    if not sure:
        return Picture(uri, "unclear", f"{name}?" if name else "no known pose", note=note)
    return Picture(uri, "shown", name, shot_code, confidence, note)
