"""The colour of a product: k-means in Lab over its pixels, near clusters joined.

Shade and light change a cloth's lightness more than its hue, so lightness counts less when clusters
are joined, and a cluster's colour is its middle by lightness. Of a plain product one colour stays,
of a pattern several.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageColor

from unposed_jobs.pictures.body import Body

SWATCH_SIDE = 50
"""Pixels of a swatch's side."""

_CLUSTERS = 6
_SAMPLE = 1000
_LEAST_PIXELS = 30
_JOINED = 12.0
"""Clusters nearer than this, lightness counted by `_LIGHTNESS`, are one."""
_LIGHTNESS = 0.45
_LEAST_SHARE = 0.08
_LARGE = 0.2
"""Share of a product's pixels from which a colour of a pattern is one of its own."""
_SKIN, _LEAST_OTHER = 11.0, 0.15
_STRIPE = 0.06
"""In torsos: what is of the skin's colour and thinner is no arm."""
_ASIDE = 0.3
"""Between the shoulders, in torsos: who has less is seen from the side."""
_ARM, _CLEAR = 0.15, 0.25
"""How thick an arm is, in torsos, and how much of a part must be left beside arms, to be enough."""
_SHADE, _OWN, _AGREEING = 0.45, 0.35, 0.25
"""Of a difference between pictures, which are not lit alike; set on seeds 21 to 23."""
_BLACK = np.array([16, 0, 0], np.float32)
"""Lab's lightness is proportional to a cube root of light from 16 below its black on."""
_Picture = npt.NDArray[np.uint8]
_Inside = npt.NDArray[np.bool_]
_Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Colour:
    """One of a product's colours: ``#rrggbb``, the nearest standard name, its share in [0, 1]."""

    hex: str
    name: str
    share: float

    @property
    def rgb(self) -> tuple[int, int, int]:
        """0 to 255."""
        red, green, blue = bytes.fromhex(self.hex[1:])
        return red, green, blue


def dominant(picture: _Picture, inside: _Inside) -> list[Colour]:
    """The colours of an RGB picture (rows, columns, 3) where `inside`, the largest first.

    Empty where hardly a pixel is inside.
    """
    places = np.flatnonzero(inside)
    if len(places) < _LEAST_PIXELS:
        return []
    if len(places) > _SAMPLE:
        places = places[np.random.default_rng(0).choice(len(places), _SAMPLE, replace=False)]
    lab = to_lab(picture.reshape(-1, 3)[places])
    centres, labels = _clustered(lab)
    groups = _joined(centres, np.bincount(labels, minlength=len(centres)))
    found = []
    for group in range(groups.max() + 1):
        own = lab[groups[labels] == group]
        share = len(own) / len(lab)
        if share >= _LEAST_SHARE:
            found.append((share, _middle(own)))
    found.sort(key=lambda item: -item[0])
    total = sum(share for share, _ in found)
    return [named(to_rgb(middle), share / total) for share, middle in found]


def named(rgb: tuple[int, int, int], share: float = 1.0) -> Colour:
    """A colour with the nearest standard name (CSS's)."""
    names, table = _standard()
    nearest = int(delta_e(to_lab(np.array([rgb], np.uint8)), table).argmin())
    return Colour("#{:02x}{:02x}{:02x}".format(*rgb), names[nearest], float(share))


def disagreement(pictures: Sequence[Sequence[Colour]]) -> tuple[float, int] | None:
    """How far the colours of a product's pictures are apart, and which picture is farthest.

    The picture whose colours are farthest from the others', by the nearest quarter of them
    (`_away`): a light fabric is like a few of its product's pictures, another product's like none.
    None with fewer than two pictures that have a colour.
    """
    found = {number: _palette(colours) for number, colours in enumerate(pictures) if colours}
    if len(found) < 2:
        return None
    away = [
        float(
            np.quantile(
                [_away(own, other) for other in found.values() if other is not own], _AGREEING
            )
        )
        for own in found.values()
    ]
    worst = int(np.argmax(away))
    return away[worst], list(found)[worst]


def _away(own: tuple[_Floats, _Floats], other: tuple[_Floats, _Floats]) -> float:
    """How far a picture's colours are from another's.

    Each colour's distance to the other's nearest, by its share; `_OWN` of it for what the picture
    shows, the rest for what it lacks: a detail may show one colour of a pattern alone.
    """
    (colours, shares), (others, their) = own, other
    apart = _unshaded(colours, others)
    return float(_OWN * (apart.min(1) @ shares) + (1 - _OWN) * (apart.min(0) @ their))


def _unshaded(one: _Floats, other: _Floats) -> _Floats:
    """(N, M) distances between Lab colours (N, 3) and (M, 3), what light makes of one counted less.

    Light scales all of a cloth's linear values, and with them L + 16, a and b together: a cloth
    that is lit more is lighter and more colourful. Of the difference of two such lengths `_SHADE`
    counts, of their directions all.
    """
    rays, others = one + _BLACK, other + _BLACK
    lengths, their = np.linalg.norm(rays, axis=1)[:, None], np.linalg.norm(others, axis=1)
    aside = 2 * np.maximum(lengths * their - rays @ others.T, 0)
    return np.asarray(np.sqrt((_SHADE * (lengths - their)) ** 2 + aside), np.float32)


def _palette(colours: Sequence[Colour]) -> tuple[_Floats, _Floats]:
    """Lab (N, 3) of a picture's colours, and their shares (N,), which sum to one."""
    shares = np.array([one.share for one in colours], np.float32)
    return to_lab(np.array([one.rgb for one in colours], np.uint8)), shares / shares.sum()


def large(colours: Sequence[Colour]) -> _Floats:
    """Lab (N, 3) of a picture's large colours, the largest first; of any, where none is."""
    chosen = [one.rgb for one in colours if one.share >= _LARGE] or [one.rgb for one in colours[:1]]
    return to_lab(np.array(chosen, np.uint8))


def swatch(colour: Colour) -> bytes:
    """A PNG of `SWATCH_SIDE` x `SWATCH_SIDE` pixels of this colour."""
    stream = io.BytesIO()
    Image.new("RGB", (SWATCH_SIDE, SWATCH_SIDE), colour.rgb).save(stream, "PNG")
    return stream.getvalue()


def to_lab(pixels: npt.NDArray[np.uint8]) -> _Floats:
    """CIE Lab (N, 3) of sRGB pixels (N, 3) uint8, D65."""
    values = pixels.reshape(1, -1, 3).astype(np.float32) / 255
    return np.asarray(cv2.cvtColor(values, cv2.COLOR_RGB2LAB)[0], np.float32)


def to_rgb(lab: npt.ArrayLike) -> tuple[int, int, int]:
    """sRGB, 0 to 255, of one CIE Lab colour."""
    values = np.asarray(lab, np.float32).reshape(1, 1, 3)
    red, green, blue = np.clip(cv2.cvtColor(values, cv2.COLOR_LAB2RGB)[0, 0] * 255 + 0.5, 0, 255)
    return int(red), int(green), int(blue)


def delta_e(one: npt.ArrayLike, other: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """ΔE00 (Sharma, Wu & Dalal 2005) of Lab colours (..., 3); shapes broadcast."""
    lab1, lab2 = (np.asarray(value, np.float64) for value in (one, other))
    light1, light2 = lab1[..., 0], lab2[..., 0]
    mean_chroma = (np.hypot(*_ab(lab1)) + np.hypot(*_ab(lab2))) / 2
    seventh = mean_chroma**7
    stretch = 1.5 - 0.5 * np.sqrt(seventh / (seventh + 25.0**7))
    a1, a2 = lab1[..., 1] * stretch, lab2[..., 1] * stretch
    b1, b2 = lab1[..., 2], lab2[..., 2]
    chroma1, chroma2 = np.hypot(a1, b1), np.hypot(a2, b2)
    hue1, hue2 = np.degrees(np.arctan2(b1, a1)) % 360, np.degrees(np.arctan2(b2, a2)) % 360
    grey = chroma1 * chroma2 == 0
    turn = np.where(grey, 0.0, (hue2 - hue1 + 180) % 360 - 180)
    d_light, d_chroma = light2 - light1, chroma2 - chroma1
    d_hue = 2 * np.sqrt(chroma1 * chroma2) * np.sin(np.radians(turn / 2))
    light, chroma = (light1 + light2) / 2, (chroma1 + chroma2) / 2
    far = np.abs(hue1 - hue2) > 180
    hue = np.where(grey, hue1 + hue2, (hue1 + hue2 + np.where(far, 360, 0)) / 2) % 360
    weight = (
        1
        - 0.17 * np.cos(np.radians(hue - 30))
        + 0.24 * np.cos(np.radians(2 * hue))
        + 0.32 * np.cos(np.radians(3 * hue + 6))
        - 0.20 * np.cos(np.radians(4 * hue - 63))
    )
    s_light = 1 + 0.015 * (light - 50) ** 2 / np.sqrt(20 + (light - 50) ** 2)
    s_chroma, s_hue = 1 + 0.045 * chroma, 1 + 0.015 * chroma * weight
    seventh = chroma**7
    rotation = (
        -2
        * np.sqrt(seventh / (seventh + 25.0**7))
        * np.sin(np.radians(60 * np.exp(-(((hue - 275) / 25) ** 2))))
    )
    terms = d_light / s_light, d_chroma / s_chroma, d_hue / s_hue
    square = sum(term**2 for term in terms) + rotation * terms[1] * terms[2]
    return np.asarray(np.sqrt(np.maximum(square, 0)))


def _ab(lab: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    return lab[..., 1], lab[..., 2]


def _clustered(lab: _Floats) -> tuple[_Floats, npt.NDArray[np.intp]]:
    count = min(_CLUSTERS, len(lab))
    cv2.setRNGSeed(1)
    labels = np.zeros((len(lab), 1), np.int32)
    stop = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 12, 0.5)
    _, _, centres = cv2.kmeans(lab, count, labels, stop, 1, cv2.KMEANS_PP_CENTERS)
    return np.asarray(centres, np.float32), labels[:, 0].astype(np.intp)


def _joined(centres: _Floats, sizes: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """The group of each cluster: the nearest two are joined until none are near."""
    groups = np.arange(len(centres))
    middles = {number: centres[number].astype(np.float64) for number in groups}
    weights = {number: float(sizes[number]) for number in groups}
    while len(middles) > 1:
        keys = list(middles)
        table = np.stack([middles[key] for key in keys]) * (_LIGHTNESS, 1, 1)
        apart = np.linalg.norm(table[:, None] - table[None], axis=-1)
        apart[np.diag_indices(len(keys))] = np.inf
        first, second = np.unravel_index(int(apart.argmin()), apart.shape)
        if apart[first, second] > _JOINED:
            break
        kept, gone = keys[first], keys[second]
        total = max(weights[kept] + weights[gone], 1.0)
        middles[kept] = (middles[kept] * weights[kept] + middles.pop(gone) * weights[gone]) / total
        weights[kept] += weights.pop(gone)
        groups[groups == gone] = kept
    return np.unique(groups, return_inverse=True)[1].astype(np.intp)


def _middle(lab: _Floats) -> _Floats:
    """The colour where the pixels are densest by lightness: not the shade of folds, nor shine."""
    low, high = np.quantile(lab[:, 0], [0.4, 0.93])
    lit = lab[(lab[:, 0] >= low) & (lab[:, 0] <= high)]
    return np.asarray(np.median(lit if len(lit) else lab, axis=0), np.float32)


@cache
def _standard() -> tuple[list[str], _Floats]:
    table: dict[tuple[int, ...], str] = {}
    for name in ImageColor.colormap:
        # Of names for one colour the first by spelling that is American, as in CSS.
        table.setdefault(ImageColor.getrgb(name)[:3], name.replace("grey", "gray"))
    return list(table.values()), to_lab(np.array(list(table), np.uint8))


_WORDS = {
    "dress": ("dress", "gown", "jumpsuit", "romper", "kurta", "saree", "overall", "kleid"),
    "shoes": ("shoe", "boot", "sneaker", "sandal", "heel", "slipper", "loafer", "footwear",
              "trainer", "flip", "clog", "mule", "schuh"),
    "head": ("hat", "cap", "beanie", "headwear", "helmet", "scarf"),
    "lower_garment": ("trouser", "jean", "pant", "short", "skirt", "bottom", "legging", "chino",
                      "jogger", "tights", "hose", "rock"),
    "outer_garment": ("jacket", "coat", "outerwear", "blazer", "cardigan", "parka", "anorak"),
    "upper_garment": ("shirt", "top", "blouse", "sweater", "hoodie", "polo", "vest", "knit",
                      "pullover", "tee", "bra"),
}  # fmt: skip
"""Words of categories and what they are about; the first that fits counts."""
PARTS = tuple(_WORDS)
"""What a product can be about. An outer garment, which may be open over another, is an upper one
of which sleeves and sides count.
"""


def part_of(words: Iterable[str]) -> str:
    """What a product of these categories is: one of `PARTS`, ``upper_garment`` if unsure.

    >>> part_of(["Bottoms", "Trousers"])
    'lower_garment'
    """
    text = " ".join(words).lower().replace("t-shirt", "shirt").replace("sweatshirt", "shirt")
    for part, known in _WORDS.items():
        # "Dress shirts" are shirts, and "shorts" are no shirt.
        if part == "dress" and "shirt" in text and "shirt dress" not in text:
            continue
        if any(f" {word}" in f" {text}" or text.endswith(word) for word in known):
            return part
    return "upper_garment"


def part_mask(body: Body, inside: _Inside, part: str) -> _Inside:
    """Where a part of a person surely is: (rows, columns), within their mask.

    A polygon or thick bones by the landmarks; narrower than the part, so that neither skin nor
    what is worn beside it counts.
    """
    rows, columns = inside.shape
    scale = np.array([columns / body.width, rows / body.height])
    drawn = np.zeros((rows, columns), np.uint8)
    unit = body.torso * float(scale.mean())
    if part == "outer_garment":
        _sleeves_and_sides(drawn, body, scale)
    if part in ("upper_garment", "dress"):
        _fill_torso(drawn, body, scale, down=0.75 if part == "upper_garment" else 1.1)
    if part == "dress":
        hips, knees = body.both("hip"), body.both("knee")
        _fill(drawn, np.concatenate([hips, (hips + 0.55 * (knees - hips))[::-1]]) * scale)
    if part == "lower_garment":
        for side in ("left", "right"):
            hip, knee = (body.at(f"{side}_{joint}") * scale for joint in ("hip", "knee"))
            start = hip + 0.15 * (knee - hip)
            _bone(drawn, start, hip + 0.95 * (knee - hip), 0.13 * unit)
    if part == "shoes":
        for side in ("left", "right"):
            foot = [body.at(f"{side}_{joint}") for joint in ("heel", "foot_index")]
            ankle = body.at(f"{side}_ankle")
            low = ankle + 0.6 * (np.mean(foot, axis=0) - ankle)
            _fill(drawn, np.stack([low, *foot]) * scale)
            _bone(drawn, foot[0] * scale, foot[1] * scale, 0.05 * unit)
    if part == "head":
        nose = body.at("nose")
        reach = max(body.chin - nose[1], 0.12 * body.torso)
        top = (nose - (0, 1.6 * reach)) * scale
        cv2.ellipse(
            drawn, _pixel(top), _pixel(np.array([1.0, 0.8]) * reach * scale), 0, 0, 360, 1, -1
        )
    found = np.asarray((drawn > 0) & inside)
    if part in ("shoes", "head"):
        return found
    clear = found & ~_arms(body, inside.shape, hands_only=part == "outer_garment")
    return clear if clear.sum() >= _CLEAR * found.sum() else found


def _arms(body: Body, shape: tuple[int, int], *, hands_only: bool) -> _Inside:
    """Where forearms and hands are: (rows, columns); of somebody seen from the side all of an arm,
    which hangs before the middle of what they wear.
    """
    rows, columns = shape
    scale = np.array([columns / body.width, rows / body.height])
    drawn = np.zeros((rows, columns), np.uint8)
    thick = _ARM * body.torso * float(scale.mean())
    for side in ("left", "right"):
        shoulder, elbow, wrist, finger = (
            body.at(f"{side}_{joint}") * scale for joint in ("shoulder", "elbow", "wrist", "index")
        )
        _bone(drawn, wrist, finger + 0.5 * (finger - wrist), thick)
        if not hands_only:
            _bone(drawn, elbow, wrist, thick)
            if body.breadth < _ASIDE:
                _bone(drawn, shoulder + 0.3 * (elbow - shoulder), elbow, thick)
    return np.asarray(drawn > 0)


def without_skin(picture: _Picture, inside: _Inside, body: Body, person: _Inside) -> _Inside:
    """A part's mask without pixels of the colour of the face, where enough others are left.

    Of somebody seen from the side alone, whose arm hangs before the cloth. A cloth of the skin's
    own colour stays: hardly anything else is there. `picture` is RGB (rows, columns, 3), `person`
    the person's mask.
    """
    if not body.in_frame("nose") or body.view != "side":
        return inside
    rows, columns = inside.shape
    scale = np.array([columns / body.width, rows / body.height])
    face = np.zeros((rows, columns), np.uint8)
    nose, mouth = body.at("nose"), body.chin
    reach = max(0.35 * (mouth - nose[1]), 1.0)
    cv2.circle(face, _pixel(nose * scale), max(1, round(float(reach * scale.mean()))), 1, -1)
    seen = (face > 0) & person
    if seen.sum() < 6 or not inside.any():
        return inside
    skin = np.median(to_lab(picture[seen]), axis=0)
    away = np.linalg.norm((to_lab(picture[inside]) - skin) * (_LIGHTNESS, 1, 1), axis=1)
    alike = np.zeros(inside.shape, np.uint8)
    alike[inside] = away <= _SKIN
    # Stripes of the skin's colour are thinner than an arm.
    thick = max(1, round(_STRIPE * body.torso * float(scale.mean())))
    arms = cv2.morphologyEx(alike, cv2.MORPH_OPEN, np.ones((thick, thick), np.uint8)) > 0
    kept = inside & ~arms
    return kept if kept.sum() >= _LEAST_OTHER * inside.sum() else inside


def _fill_torso(drawn: npt.NDArray[np.uint8], body: Body, scale: _Floats, down: float) -> None:
    """The torso without its outermost tenth and the neck's opening."""
    shoulders, hips = body.both("shoulder"), body.both("hip")
    if body.breadth < _ASIDE:  # As a bone, wide enough to be seen beside an arm.
        start, end = body.middle("shoulder"), body.middle("hip")
        start, end = start + 0.3 * (end - start), start + down * (end - start)
        _bone(drawn, start * scale, end * scale, 0.36 * body.torso * float(scale.mean()))
        return
    corners = [
        shoulders + 0.22 * (hips - shoulders),
        (shoulders + down * (hips - shoulders))[::-1],
    ]
    polygon = np.concatenate(corners)
    middle = polygon.mean(0)
    _fill(drawn, (middle + (polygon - middle) * (0.85, 1.0)) * scale)


def _sleeves_and_sides(drawn: npt.NDArray[np.uint8], body: Body, scale: _Floats) -> None:
    """What of a jacket is seen also where it is open."""
    unit = body.torso * float(np.mean(scale))
    for side in ("left", "right"):
        shoulder, elbow, wrist = (
            body.at(f"{side}_{part}") for part in ("shoulder", "elbow", "wrist")
        )
        _bone(drawn, (shoulder + 0.25 * (elbow - shoulder)) * scale, elbow * scale, 0.10 * unit)
        _bone(drawn, elbow * scale, (elbow + 0.6 * (wrist - elbow)) * scale, 0.08 * unit)
        if body.breadth >= _ASIDE:
            # Straight down: towards the hips is what is worn below.
            other = body.at(f"{'right' if side == 'left' else 'left'}_shoulder")
            start = shoulder - 0.05 * (other - shoulder)
            end = start + 0.8 * (body.middle("hip") - body.middle("shoulder"))
            _bone(drawn, (start + 0.25 * (end - start)) * scale, end * scale, 0.10 * unit)


def _fill(drawn: npt.NDArray[np.uint8], polygon: npt.NDArray[np.float64]) -> None:
    hull = cv2.convexHull(np.rint(polygon).astype(np.int32).reshape(-1, 1, 2))
    cv2.fillConvexPoly(drawn, hull, 1)


def _bone(
    drawn: npt.NDArray[np.uint8],
    start: npt.NDArray[np.float64],
    end: npt.NDArray[np.float64],
    thick: float,
) -> None:
    cv2.line(drawn, _pixel(start), _pixel(end), 1, max(1, round(thick)))


def _pixel(point: npt.NDArray[np.float64]) -> tuple[int, int]:
    x, y = np.clip(np.rint(point), -32000, 32000)
    return int(x), int(y)
