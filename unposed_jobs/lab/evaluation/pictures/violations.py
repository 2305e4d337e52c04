"""Violations put into pictures that keep all rules: is each found, by its rule, and nothing else?

The pictures are rendered products, parted from their ground by the truth and laid out on white, as
the rules of `catalogue.toml` want them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from unposed_jobs.lab.evaluation.pictures.cases import Case, Picture, look
from unposed_jobs.lab.evaluation.pictures.figures import Score
from unposed_jobs.lab.sample import parts as labels
from unposed_jobs.pictures import cutouts, standards
from unposed_jobs.pictures.facts import FactsReader
from unposed_jobs.pictures.standards import Frame, Listed
from unposed_jobs.pose.estimator import PoseEstimator

MARKET = "catalogue"
FRAME = Frame(760, 760, 500, 500, 0.84, "#ffffff")
_WORDS = ("NEW IN", "SALE -30%", "www.shop.example", "BEST SELLER", "FREE SHIPPING", "Only today")

Change = Callable[[Picture, np.random.Generator], Picture]


def clean(case: Case) -> Picture | None:
    """The case's product on white, whole, in the middle; None where the frame cuts it, or it
    is too small."""
    kind, framing = case.row["kind"], case.row["framing"]
    if kind == "flat_lay":
        inside = case.labels == labels.number("laid")
    elif kind == "person" and framing == "full":
        inside = case.labels > 0
    else:
        return None
    if not inside.any() or inside[0].any() or inside[-1].any() or inside[:, [0, -1]].any():
        return None
    soft = cv2.GaussianBlur(inside.astype(np.float32), (0, 0), 0.7)
    made = cutouts.laid_out(case.picture, np.rint(soft * 255).astype(np.uint8), FRAME)
    return None if made.note else made.picture


def _tint(picture: Picture, rng: np.random.Generator) -> Picture:
    """The background is a light colour, or grey."""
    tone = 255 - rng.uniform(8, 60, 3)
    return np.rint(picture.astype(np.float32) * tone / 255).astype(np.uint8)


def _shrink(picture: Picture, rng: np.random.Generator) -> Picture:
    """The whole picture has fewer pixels than the least."""
    side = int(rng.integers(180, 480))
    return np.asarray(cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA))


def _small(picture: Picture, rng: np.random.Generator) -> Picture:
    """The product fills little of the frame."""
    return _small_by(picture, float(rng.uniform(0.3, 0.62)))


def _moved(picture: Picture, share: float, axis: int) -> Picture:
    pixels = round(len(picture) * share)
    found = np.full_like(picture, 255)
    if axis == 0:
        found[max(pixels, 0) : len(picture) + min(pixels, 0)] = picture[
            max(-pixels, 0) : len(picture) - max(pixels, 0)
        ]
    else:
        found[:, max(pixels, 0) : len(picture) + min(pixels, 0)] = picture[
            :, max(-pixels, 0) : len(picture) - max(pixels, 0)
        ]
    return found


def _move(picture: Picture, rng: np.random.Generator) -> Picture:
    """The product is off the middle, and may be cut; smaller, so that it can move."""
    smaller = _small_by(picture, 0.72)
    share = float(rng.choice((-1, 1))) * float(rng.uniform(0.12, 0.18))
    return _moved(smaller, share, int(rng.integers(2)))


def _small_by(picture: Picture, scale: float) -> Picture:
    side = round(len(picture) * scale)
    found = np.full_like(picture, 255)
    start = (len(picture) - side) // 2
    found[start : start + side, start : start + side] = cv2.resize(
        picture, (side, side), interpolation=cv2.INTER_AREA
    )
    return found


def _cut(picture: Picture, rng: np.random.Generator) -> Picture:
    """A side of the frame cuts the product off."""
    box = np.argwhere(picture.min(axis=2) < 250)
    (top, left), (bottom, right) = box.min(0), box.max(0)
    share = float(rng.uniform(0.08, 0.25))
    side = int(rng.integers(4))
    across, down = round((right - left) * share), round((bottom - top) * share)
    kept = [
        picture[:, left + across :],
        picture[:, : right - across],
        picture[top + down :],
        picture[: bottom - down],
    ][side]
    return np.ascontiguousarray(kept)


def _blur(picture: Picture, rng: np.random.Generator) -> Picture:
    """Out of focus."""
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), float(rng.uniform(2.4, 5.0))))


def _darken(picture: Picture, rng: np.random.Generator) -> Picture:
    """Underexposed by four stops and more."""
    return (picture.astype(np.float32) * float(rng.uniform(0.02, 0.05))).astype(np.uint8)


def _write(picture: Picture, rng: np.random.Generator) -> Picture:
    """Words laid over it."""
    image = Image.fromarray(picture)
    draw = ImageDraw.Draw(image, "RGBA")
    high = round(image.height * float(rng.uniform(0.035, 0.08)))
    font = ImageFont.load_default(high)
    words = str(rng.choice(_WORDS))
    left, top, right, bottom = draw.textbbox((0, 0), words, font=font)
    x = float(rng.uniform(0.02, 0.98)) * max(image.width - (right - left), 1)
    y = float(rng.uniform(0.02, 0.9)) * max(image.height - (bottom - top), 1)
    ink = ((20, 20, 20), (200, 30, 40), (30, 60, 160))[int(rng.integers(3))]
    if rng.random() < 0.5:
        pad = high // 4
        draw.rectangle((x - pad, y - pad + top, x + right + pad, y + bottom + pad), fill=ink)
        ink = (255, 255, 255)
    draw.text((x, y), words, fill=ink, font=font)
    return np.asarray(image)


CHANGES: dict[str, tuple[Change, tuple[str, ...]]] = {
    "small picture": (_shrink, ("width", "height")),
    "tinted background": (_tint, ("white",)),
    "small product": (_small, ("fill",)),
    "off the middle": (_move, ("centred_x",)),
    "cut off": (_cut, ("whole",)),
    "blurred": (_blur, ("sharp",)),
    "dark": (_darken, ("dark",)),
    "words over it": (_write, ("text",)),
}
"""Violations and the rules of `MARKET` that must find each."""


def judged(
    cases: Sequence[Case],
    estimator: PoseEstimator,
    reader: FactsReader,
    *,
    most: int,
    seed: int,
    progress: Callable[[int], None] = lambda count: None,
) -> Iterator[Score]:
    """Of at most so many clean pictures: false alarms by rule, and violations found by kind."""
    market = standards.market(MARKET)
    whole = [(case, picture) for case in cases if (picture := clean(case)) is not None]
    order = np.random.default_rng([seed, 7]).permutation(len(whole))[:most]
    chosen = [whole[row] for row in sorted(order.tolist())]
    parts = [case.part for case, _ in chosen]
    pictures = [picture for _, picture in chosen]
    rules = {rule.rule for rule in market.rules if rule.measure != "pictures"}
    for (case, _), failing in zip(
        chosen, _failing(pictures, parts, estimator, reader, progress), strict=True
    ):
        for rule in sorted(rules):
            yield Score(f"false alarm: {rule}", case.product, float(rule in failing))
    for number, (name, (change, wanted)) in enumerate(CHANGES.items()):
        rng = np.random.default_rng([seed, 8, number])
        rows = [
            row
            for row, (case, _) in enumerate(chosen)
            if name != "cut off" or case.row["kind"] == "flat_lay"
        ]
        changed = [change(pictures[row], rng) for row in rows]
        found = _failing(changed, [parts[row] for row in rows], estimator, reader, progress)
        for row, failing in zip(rows, found, strict=True):
            hit = float(bool(failing & set(wanted)))
            yield Score(f"found: {name}", chosen[row][0].product, hit)


def _failing(
    pictures: Sequence[Picture],
    parts: Sequence[str],
    estimator: PoseEstimator,
    reader: FactsReader,
    progress: Callable[[int], None],
) -> list[set[str]]:
    market = standards.market(MARKET)
    encoded = [_jpeg(picture) for picture in pictures]
    found: list[set[str]] = []
    for one in look([picture for picture, _ in encoded], parts, estimator, reader, progress):
        listed = Listed("", one.facts, encoded[len(found)][1], "JPEG")
        found.append({failing.rule.rule for failing in standards.judge(market, [listed])})
    return found


def _jpeg(picture: Picture) -> tuple[Picture, int]:
    """As a shop would store it, and its bytes."""
    done, data = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 92])
    read = cv2.imdecode(data, cv2.IMREAD_COLOR)
    assert done
    assert read is not None
    return np.ascontiguousarray(read[..., ::-1], dtype=np.uint8), len(data)
