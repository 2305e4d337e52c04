"""A product's page, its pictures and their landmarks."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import JSONResponse, Response
from PIL import Image

from unposed_jobs.config import Settings
from unposed_jobs.errors import UnposedError
from unposed_jobs.pose.topology import BLAZEPOSE33, COCO17
from unposed_jobs.remedies.candidates import CROP, FRAME
from unposed_jobs.report import parts
from unposed_jobs.warehouse.staging import bucket_of
from unposed_jobs.web import changes as of_days
from unposed_jobs.web import words
from unposed_jobs.web.marks import today
from unposed_jobs.web.pictures import NoPicture
from unposed_jobs.web.reading import Ask, Day
from unposed_jobs.web.routes.context import (
    TheDay,
    ThePictures,
    TheSettings,
    TheStore,
    TheTemplates,
)
from unposed_jobs.web.security import Reader

ROUTES = APIRouter()
MOST_HISTORY = 400
"""Days that a history goes back."""
SEEN = 0.5
"""Visibility from which a landmark is drawn."""


@ROUTES.get("/product")
def product(
    request: Request,
    person: Reader,
    day: TheDay,
    store: TheStore,
    templates: TheTemplates,
    settings: TheSettings,
    id: Annotated[str, Query(max_length=500)],
    list: Annotated[str, Query(max_length=4000)] = "",
) -> Response:
    """One product: its pictures, each ask with its evidence, and what happened."""
    row = day.product(id)
    if row is None:
        raise HTTPException(404, f"the day lists no product {id[:80]}")
    with day.views() as ask:
        pictures, flags = ask(_PICTURES, [id]), ask(_FLAGS, [id])
        history = ask(_HISTORY, [id, day.about.run_date, MOST_HISTORY])
        # Most products' history is that nothing happened.
        changes = of_days.of_product(day, ask, id, MOST_HISTORY) if history else []
        layers = _layers(day, ask, settings, [one["content_sha256"] for one in pictures])
        frames = {flag["ask_id"]: _frame(day, ask, settings, flag) for flag in flags}
        readiness = _readiness(day, ask, id, [one["image_uri"] for one in pictures])
    marks = day.gaps_of(id)
    for flag in flags:
        for name in ("shown_by", "advice", "remedy_uri", "remedy_box"):
            flag.setdefault(name, None)
        flag["advice"] = flag["advice"] or flag["remedy"]
        crop = flag["remedy"] == CROP and flag["remedy_uri"] and flag["remedy_box"]
        flag["crop"] = parts.address(flag["remedy_uri"], flag["remedy_box"]) if crop else None
        flag["frame"] = frames[flag["ask_id"]]
        flag["mark"] = marks.get(flag["ask_id"])
        flag["ask_name"] = day.ask_name(flag["ask_id"])
        flag["work_state"] = flag["mark"]["work_state"] if flag["mark"] else flag["state"]
    order = {"missing": 0, "unknown": 1, "present": 2, "waived": 3, "not_applicable": 4}
    flags.sort(key=lambda flag: (order[flag["state"]], flag["rank"] or 999, flag["ask_id"]))
    return templates.page(
        request,
        "product.html",
        person,
        product=row,
        about=day.about,
        pictures=pictures,
        flags=[flag for flag in flags if flag["state"] != "not_applicable"],
        not_asked=[flag for flag in flags if flag["state"] == "not_applicable"],
        history=_history(day, history, changes),
        decisions=store.about(id),
        day=day,
        list=list,
        layers=layers,
        readiness=readiness,
        links=links(settings.serve.links, id),
        today=today(),
    )


def _history(
    day: Day, moved: Sequence[dict[str, Any]], changes: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Each ask's states one after another; where a gap opened or closed, why, and by which
    picture."""
    reasons = {(one["run_date"], one["ask_id"]): one for one in changes}
    nothing = {"change": None, "why": None, "picture": None}
    return [
        one
        | {name: reasons.get((one["run_date"], one["ask_id"]), nothing)[name] for name in nothing}
        | {"ask_name": day.ask_name(one["ask_id"])}
        for one in moved
    ]


def _frame(day: Day, ask: Ask, settings: Settings, flag: dict[str, Any]) -> str | None:
    """The frame of a video that shows an ask, as the address of a small picture."""
    uri, seconds = flag.get("remedy_uri"), flag.get("remedy_seconds")
    if flag["remedy"] != FRAME or not uri or seconds is None or not day.has("video_frames"):
        return None
    (bucket,) = bucket_of([uri], settings.warehouse.buckets).to_pylist()
    found = ask(_PREVIEW, [bucket, uri, seconds])
    return _as_address(found[0]["preview"], "jpeg") if found else None


def _as_address(picture: bytes, kind: str) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(picture).decode()}"


def _readiness(
    day: Day, ask: Ask, product_id: str, pictures: Sequence[str]
) -> Sequence[dict[str, Any]]:
    """Of each marketplace whether it would take the pictures, and the rules that fail, each once
    with the places of the pictures that it is about."""
    if not day.has("ready_for_current"):
        return []
    found = ask(_READY, [product_id])
    failing = ask(_FAILING, [product_id]) if found else []
    place = {uri: number for number, uri in enumerate(pictures, start=1)}
    for one in found:
        rules: dict[str, dict[str, Any]] = {}
        for row in failing:
            if row["marketplace"] != one["marketplace"]:
                continue
            rule = rules.setdefault(row["rule"], row | {"places": [], "values": []})
            rule["values"].append(row["found"] or "")
            if row["image_uri"] in place:
                rule["places"].append(place[row["image_uri"]])
        one["rules"] = [_in_words(rule) for rule in rules.values()]
    return found


def _in_words(rule: dict[str, Any]) -> dict[str, Any]:
    """With the measure, its limits, and what was found in all pictures together."""
    measure, _, limits = (rule["wanted"] or "").partition(" ")
    if measure not in words.MEASURES:
        return rule | {"measure": None}
    try:
        least, most = (f"{end([*map(float, rule['values'])]):.2g}" for end in (min, max))
    except ValueError:  # A kind of file.
        return rule | {"measure": measure, "limits": limits}
    found = least if least == most else f"{least} – {most}"
    return rule | {"measure": measure, "limits": limits, "found": found}


_PREVIEW = """
SELECT f.preview FROM images i JOIN video_frames f USING (content_sha256)
WHERE i.bucket = ? AND i.image_uri = ? AND f.second = ? AND f.preview IS NOT NULL LIMIT 1
"""
_READY = """
SELECT marketplace, ready FROM ready_for_current WHERE product_id = ? ORDER BY ready, marketplace
"""
_FAILING = """
SELECT marketplace, rule, level, image_uri, found, wanted FROM failing_rules
WHERE product_id = ? ORDER BY level DESC, rule, image_uri
"""
_PICTURES = """
SELECT image_uri, position, content_sha256, status, reason, pose_id, pose_name, confidence,
    coalesce(ask_id, pose_id) AS ask_id, ask_name, person_count, repeat_of, repeat_kind
FROM product_images_current WHERE product_id = ? ORDER BY position, image_uri
"""
# A file of views from before an upgrade may lack the newest columns.
_FLAGS = """
SELECT * REPLACE (
        coalesce(ask_id, pose_id) AS ask_id, coalesce(ask_name, pose_name) AS ask_name
    )
FROM pose_flags_current WHERE product_id = ?
"""
# When each ask changed its state, the latest first.
_HISTORY = """
SELECT run_date, coalesce(ask_id, pose_id) AS ask_id, state, model_version,
    lag(state) OVER asks AS before, lag(model_version) OVER asks AS model_before
FROM pose_flags WHERE product_id = ? AND run_date > ?::DATE - INTERVAL (?) DAY
WINDOW asks AS (PARTITION BY coalesce(ask_id, pose_id) ORDER BY run_date)
QUALIFY before IS NOT NULL AND before <> state
ORDER BY run_date DESC, ask_id
"""


@ROUTES.get("/picture/{size}/{signature}")
def picture(
    person: Reader,
    pictures: ThePictures,
    size: str,
    signature: str,
    u: Annotated[str, Query(max_length=4096)],
) -> Response:
    """A picture that a page has shown, made small."""
    if size not in ("small", "large"):
        raise HTTPException(404, "there is no such size")
    try:
        data = pictures.read(size, signature, u)
    except PermissionError:
        raise HTTPException(404, "there is no such picture") from None
    except NoPicture as reason:
        raise HTTPException(404, str(reason)) from None
    headers = {"cache-control": "private, max-age=3600"}
    return Response(data, media_type="image/webp", headers=headers)


@ROUTES.get("/overlay")
def overlay(
    person: Reader,
    day: TheDay,
    settings: TheSettings,
    content: Annotated[str, Query(pattern="^[0-9a-f]{64}$")],
) -> Response:
    """What is drawn over a picture, in shares of its width and height: points and bones of its
    principal person, crops, and the mask as an image."""
    (bucket,) = bucket_of([content], settings.warehouse.buckets).to_pylist()
    there = [name for name, table in _LAYERS.items() if day.has(table)]
    with day.views() as ask:
        rows = ask(_LANDMARKS, [bucket, content, day.about.model_version])
        masks = ask(_MASK, [bucket, content]) if "mask" in there else []
        crops = ask(_CROPS, [bucket, content]) if "crops" in there else []
    drawn: dict[str, Any] = skeleton((rows[0]["landmarks"] if rows else None) or [])
    drawn["mask"] = tinted(masks[0]["mask"]) if masks and masks[0]["mask"] else None
    drawn["crops"] = [{"name": one["crop"], "box": one["box"]} for one in crops]
    return JSONResponse(drawn, headers={"cache-control": "private, max-age=3600"})


_LAYERS = {"mask": "picture_facts", "crops": "picture_crops"}
"""What can be drawn beside landmarks, by the table that it is in."""
_LANDMARKS = """
SELECT landmarks FROM landmarks WHERE bucket = ? AND content_sha256 = ? AND estimator_id =
    (SELECT any_value(estimator_id) FROM models WHERE model_version = ?)
"""
_LATEST_FACTS = """
facts_version = (
    SELECT arg_max(f.facts_version, coalesce(r.finished_at, TIMESTAMPTZ '2000-01-01'))
    FROM picture_facts f LEFT JOIN runs r USING (run_id)
    WHERE f.bucket = $1 AND f.content_sha256 = $2
)
"""


def _layers(
    day: Day, ask: Ask, settings: Settings, contents: Sequence[str | None]
) -> Sequence[str]:
    """What there is to draw over any of the pictures, beside landmarks."""
    known = sorted({content for content in contents if content})
    if not known:
        return []
    buckets = bucket_of(known, settings.warehouse.buckets).to_pylist()
    return [
        layer
        for layer, table in _LAYERS.items()
        if day.has(table)
        and ask(
            f"SELECT 1 FROM {table} WHERE bucket IN (SELECT unnest(?)) "  # noqa: S608 - our own
            "AND content_sha256 IN (SELECT unnest(?)) LIMIT 1",
            [buckets, known],
        )
    ]


_MASK = f"""
SELECT mask FROM picture_facts WHERE bucket = $1 AND content_sha256 = $2 AND {_LATEST_FACTS}
"""  # noqa: S608
_CROPS = f"""
SELECT crop, box FROM picture_crops WHERE bucket = $1 AND content_sha256 = $2 AND {_LATEST_FACTS}
ORDER BY box[3] * box[4] DESC
"""  # noqa: S608


def tinted(mask: bytes) -> str:
    """A grey mask (PNG, white is the product) as an address of a picture of its colour."""
    with Image.open(io.BytesIO(mask)) as opened:
        alpha = opened.convert("L").point(lambda value: value * 120 // 255)
    coloured = Image.new("RGBA", alpha.size, _TINT)
    coloured.putalpha(alpha)
    encoded = io.BytesIO()
    coloured.save(encoded, "PNG")
    return _as_address(encoded.getvalue(), "png")


_TINT = (163, 52, 31)


def links(wanted: Sequence[str], product_id: str) -> list[tuple[str, str]]:
    """(name, address) of `[serve] links` for a product.

    Raises UnposedError for one that is none.
    """
    found = []
    for one in wanted:
        name, _, address = (part.strip() for part in one.partition("="))
        if not name or not address.startswith("https://"):
            raise UnposedError(f"[serve] links: {one!r} is no NAME=https://...")
        found.append((name, address.replace("{product_id}", quote(product_id, safe=""))))
    return found


def skeleton(values: list[float]) -> dict[str, Any]:
    """Points and bones to draw; none where there are no landmarks.

    `values` are flat: 33 points of 5 values or 17 of 3, as in the table `landmarks`.
    """
    if len(values) == 165:
        names, width = BLAZEPOSE33, 5
    elif len(values) == 51:
        names, width = COCO17, 3
    else:
        return {"points": [], "bones": []}
    points = {
        name: (values[place * width], values[place * width + 1])
        for place, name in enumerate(names)
        if values[place * width + (3 if width == 5 else 2)] >= SEEN
    }
    bones = [(a, b) for a, b in _BONES if a in points and b in points]
    return {
        "points": [[round(x, 4), round(y, 4)] for x, y in points.values()],
        "bones": [[*(round(v, 4) for v in (*points[a], *points[b]))] for a, b in bones],
    }


_SIDES = ("left", "right")
_BONES = [
    ("left_shoulder", "right_shoulder"),
    ("left_hip", "right_hip"),
    ("nose", "left_eye"),
    ("nose", "right_eye"),
    *(
        (f"{side}_{a}", f"{side}_{b}")
        for side in _SIDES
        for a, b in (
            ("eye", "ear"),
            ("shoulder", "elbow"),
            ("elbow", "wrist"),
            ("wrist", "index"),
            ("shoulder", "hip"),
            ("hip", "knee"),
            ("knee", "ankle"),
            ("ankle", "heel"),
            ("heel", "foot_index"),
            ("ankle", "foot_index"),
        )
    ),
]
