"""Pictures without a person whose kind is known, by our own renderer, varied far beyond it.

The renderer's flat-lays lie on few grounds, well lit and well framed. What a head is to learn is
not what they look like but how a thing lies to its ground, so they are laid on printed, woven and
tiled grounds, in uneven light, small or large, out of focus; and what is no garment, one thing or
a pair, is laid there as well.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont, ImageOps

from unposed_jobs.lab.sample import flat_lay
from unposed_jobs.lab.sample.cohorts import Shot
from unposed_jobs.lab.sample.garments import COLOURS, Garment, random_garment
from unposed_jobs.lab.sample.plan import plan_product
from unposed_jobs.lab.sample.shots import Studio
from unposed_jobs.lab.sample.textures import cloth
from unposed_jobs.pose.kinds.reading import CHART, DETAIL, FABRIC, GARMENT

SIZE = 448
_GARMENTS = ("tshirt", "polo", "shirt", "dress", "trousers", "jacket")
_CLOTHS = ("plain", "melange", "stripes", "wide_stripes", "gingham", "tartan", "dots", "floral",
           "herringbone", "colour_block", "rib")  # fmt: skip
_DAY = date(2026, 1, 5)


@dataclass(frozen=True)
class Example:
    """A picture and its kind; `group` is what may not be in two folds at once."""

    picture: Image.Image
    kind: str
    group: str


def examples(seed: int, rounds: int) -> Iterator[Example]:
    """Examples of all kinds, about a dozen a round; the same seed gives the same."""
    for number in range(rounds):
        rng = np.random.default_rng([seed, number])
        group = f"{seed}/{number}"
        for kind, picture in _round(rng, seed, number):
            yield Example(photographed(rng, picture), kind, group)


def _round(rng: np.random.Generator, seed: int, number: int) -> Iterator[tuple[str, Image.Image]]:
    product = plan_product(number, max(number + 1, 60), seed, _DAY)
    studio = Studio(np.random.default_rng([seed, 3, number]), product.garment,
                    product.womenswear, 640)  # fmt: skip
    yield GARMENT, studio.picture(Shot("flat_lay"), 0, number)
    yield FABRIC, studio.picture(Shot("fabric"), 0, number)
    yield CHART, studio.picture(Shot("size_chart"), 0, number)
    yield CHART, _page(rng)
    yield FABRIC, _smooth_cloth(rng, *_size(rng), near=True)
    for garment in (True, True, False, False):
        picture, mask = _laid(rng, garment=garment)
        yield GARMENT, _framed(rng, picture, mask)
        crop = _cut(rng, picture, mask)
        if crop is not None and garment | (number % 2):
            yield DETAIL, crop
    for framing in ("chest", "legs"):
        view = str(rng.choice(("front", "back", "three_quarter")))
        yield DETAIL, _around(rng, studio.picture(Shot("person", view, framing), 1, number))


def _size(rng: np.random.Generator) -> tuple[int, int]:
    shape = float(rng.choice((0.56, 0.7, 0.75, 0.8, 0.8, 1.0, 1.25)))
    return (round(SIZE * shape), SIZE) if shape <= 1 else (SIZE, round(SIZE / shape))


def _laid(rng: np.random.Generator, *, garment: bool) -> tuple[Image.Image, Image.Image]:
    """Something on a ground, with its mask, with room around it."""
    width, height = _size(rng)
    picture = _ground(rng, width, height)
    fill = float(rng.uniform(0.45, 1.0))
    if garment:
        return picture, flat_lay.lay(picture, rng, _garment(rng), fill)
    return picture, _thing(rng, picture, fill)


def _garment(rng: np.random.Generator) -> Garment:
    garment = random_garment(rng, str(rng.choice(_GARMENTS)))
    if rng.random() < 0.5:
        garment = replace(garment, pattern=str(rng.choice(_CLOTHS)))
    return garment


def _thing(rng: np.random.Generator, picture: Image.Image, fill: float) -> Image.Image:
    """One round thing, or a mirrored pair of long ones, drawn into the picture; its mask."""
    width, height = picture.size
    turns = np.linspace(0, 2 * np.pi, 90, endpoint=False)
    pair = bool(rng.random() < 0.5)
    waves = [(n, float(rng.normal(0, 0.16 / n)), float(rng.uniform(0, 6))) for n in range(2, 7)]
    radius = 1 + sum(size * np.sin(n * turns + phase) for n, size, phase in waves)
    tall = fill * 0.48 * height
    wide = fill * (0.2 if pair else float(rng.uniform(0.3, 0.5))) * width
    mask = Image.new("L", picture.size, 0)
    for side in (-1, 1) if pair else (0,):
        x = width / 2 + side * width * fill * 0.25 + (side or 1) * wide * radius * np.cos(turns)
        y = height / 2 + tall * radius * np.sin(turns) * (0.8 if pair else 1)
        ImageDraw.Draw(mask).polygon(list(zip(x.tolist(), y.tolist(), strict=True)), fill=255)
    mask = mask.filter(ImageFilter.GaussianBlur(1.2))
    flat_lay._shadow(picture, mask, width / 60, float(rng.uniform(0.1, 0.6)))
    sheet = _smooth_cloth(rng, width, height, near=False)
    draw = ImageDraw.Draw(sheet)
    for _ in range(int(rng.integers(0, 7))):  # straps, laces, seams, a print
        points = [(float(x), float(y)) for x, y in rng.uniform(0, 1, (3, 2)) * picture.size]
        draw.line(points, fill=_colour(rng), width=int(rng.integers(1, 9)), joint="curve")
    picture.paste(flat_lay._folded(sheet, mask, rng), mask=mask)
    return mask


def _colour(rng: np.random.Generator) -> tuple[int, int, int]:
    chosen = COLOURS[int(rng.integers(len(COLOURS)))]
    red, green, blue = (int(np.clip(c + rng.integers(-30, 31), 0, 255)) for c in chosen)
    return red, green, blue


def _smooth_cloth(rng: np.random.Generator, width: int, height: int, *, near: bool) -> Image.Image:
    """Cloth that fills the picture, in folds."""
    texels = float(rng.uniform(1200, 4200) if near else rng.uniform(250, 1400))
    sheet = cloth(
        str(rng.choice(_CLOTHS)), _colour(rng), _colour(rng), 1.6 * width / texels,
        1.6 * height / texels, seed=int(rng.integers(1 << 30)), texels=texels,
    ).rotate(float(rng.uniform(-40, 40)), Image.Resampling.BILINEAR)  # fmt: skip
    left, top = (sheet.width - width) // 2, (sheet.height - height) // 2
    return _creased(rng, sheet.crop((left, top, left + width, top + height)))


def _creased(rng: np.random.Generator, sheet: Image.Image) -> Image.Image:
    width, height = sheet.size
    light = sum(
        strength * flat_lay._clouds(rng, width, height, width / waves)
        for waves, strength in ((2, 0.06), (6, 0.05), (18, 0.04))
    ) * float(rng.uniform(0, 1.8))  # fmt: skip
    values = np.asarray(sheet, np.float32) * (1 + np.clip(light, -0.6, 0.6))[..., None]
    return Image.fromarray(np.clip(values, 0, 255).astype(np.uint8))


def _ground(rng: np.random.Generator, width: int, height: int) -> Image.Image:
    kind = int(rng.integers(6))
    if kind == 0:
        return flat_lay._table(rng, width, height)
    if kind == 1:
        return _smooth_cloth(rng, width, height, near=False)
    if kind == 2:  # a plain sheet or blanket, creased
        return _creased(rng, Image.new("RGB", (width, height), _colour(rng)))
    if kind == 3:
        return _tiles(rng, width, height)
    if kind == 4:  # a wall, or a wall above a floor
        picture = Image.new("RGB", (width, height), _colour(rng))
        edge = int(height * rng.uniform(0.6, 1.1))
        floor = (
            _tiles(rng, width, height)
            if rng.random() < 0.5
            else flat_lay._table(rng, width, height)
        )
        picture.paste(floor.crop((0, min(edge, height), width, height)), (0, min(edge, height)))
        if rng.random() < 0.5:  # what it hangs on
            draw, x = ImageDraw.Draw(picture), width * float(rng.uniform(0.4, 0.6))
            draw.line(
                (x, 0, width / 2, height * 0.2), fill=_colour(rng), width=int(rng.integers(2, 7))
            )
        return picture
    level = float(rng.uniform(170, 255))
    return Image.new("RGB", (width, height), tuple(int(level - d) for d in rng.uniform(0, 25, 3)))


def _tiles(rng: np.random.Generator, width: int, height: int) -> Image.Image:
    """Tiles, boards or parquet, each in its own tone."""
    big = int(1.5 * max(width, height))
    tone = np.array(_colour(rng), np.float32) * 0.6 + 90
    wide, high = (int(big * rng.uniform(0.05, 0.4)) for _ in range(2))
    rows, columns = big // high + 1, big // wide + 1
    own = rng.normal(1, float(rng.uniform(0.0, 0.12)), (rows, columns))
    values = np.kron(own, np.ones((high, wide)))[:big, :big, None] * tone
    gap = int(rng.integers(0, 4))
    if gap:
        dark = float(rng.uniform(0.5, 1.2))
        values[np.arange(big) % high < gap] *= dark
        values[:, np.arange(big) % wide < gap] *= dark
    streaks = flat_lay._clouds(rng, big, big, big / 60).repeat(2, 0)[:big]
    values *= 1 + float(rng.uniform(0, 0.08)) * streaks[..., None]
    tiles = Image.fromarray(np.clip(values, 0, 255).astype(np.uint8))
    tiles = tiles.rotate(float(rng.choice((0, 0, 90, 45, rng.uniform(0, 180)))),
                         Image.Resampling.BILINEAR)  # fmt: skip
    left, top = (big - width) // 2, (big - height) // 2
    return tiles.crop((left, top, left + width, top + height))


def _share(mask: Image.Image) -> tuple[float, float]:
    """How much of the picture, and of its border, is of the thing."""
    there = np.asarray(mask) > 127
    rim = np.concatenate([there[0], there[-1], there[:, 0], there[:, -1]])
    return float(there.mean()), float(rim.mean())


def _framed(rng: np.random.Generator, picture: Image.Image, mask: Image.Image) -> Image.Image:
    """The picture cut to where the thing lies off the middle, and touches the border a little at
    most: as people take it who have no room."""
    most = float(rng.choice((0.02, 0.06, 0.16)))
    for _ in range(8):
        left, top, right, bottom = rng.uniform(0, 0.25, 4)
        box = (int(left * picture.width), int(top * picture.height),
               int((1 - right) * picture.width), int((1 - bottom) * picture.height))  # fmt: skip
        if _share(mask.crop(box))[1] < most:
            return picture.crop(box)
    return picture


def _cut(rng: np.random.Generator, picture: Image.Image, mask: Image.Image) -> Image.Image | None:
    """A part of the thing that crosses the border: a collar, a pocket, a toe."""
    for _ in range(12):
        size = rng.uniform(0.22, 0.55)
        wide, high = int(picture.width * size), int(picture.height * size)
        left = int(rng.uniform(0, picture.width - wide))
        top = int(rng.uniform(0, picture.height - high))
        box = (left, top, left + wide, top + high)
        share, rim = _share(mask.crop(box))
        if share > 0.35 and rim > 0.35:
            return picture.crop(box)
    return None


def _around(rng: np.random.Generator, picture: Image.Image) -> Image.Image:
    """The middle of a picture of a person: a body whose ends are all cut off."""
    wide, high = (int(side * rng.uniform(0.4, 0.75)) for side in picture.size)
    left = (picture.width - wide) // 2 + int(rng.normal(0, picture.width * 0.05))
    top = int(rng.uniform(0, picture.height - high))
    left = min(max(left, 0), picture.width - wide)
    return picture.crop((left, top, left + wide, top + high))


def _page(rng: np.random.Generator) -> Image.Image:
    """Words and figures in lines or in a table, dark on light or the other way about."""
    width, height = _size(rng)
    ground = tuple(int(v) for v in rng.uniform(225, 256) - rng.uniform(0, 14, 3))
    ink = tuple(int(v) for v in rng.uniform(0, 90, 3))
    if rng.random() < 0.25:
        ground, ink = ink, ground
    page = Image.new("RGB", (width, height), ground)
    draw = ImageDraw.Draw(page)
    size = float(rng.uniform(0.022, 0.05)) * height
    font, y = ImageFont.load_default(size), size
    columns = int(rng.integers(0, 7))
    letters = "ABCDEFGHIKLMNOPRSTUVWabcdefghiklmnoprstuvw0123456789 .,/-"
    if rng.random() < 0.6:
        title = "".join(rng.choice(list(letters), 10))
        draw.text((size, y), title, ink, ImageFont.load_default(size * 2))
        y += 3 * size
    while y < height * float(rng.uniform(0.75, 1)) - size:
        cells = max(columns, 1)
        for cell in range(cells):
            count = int(rng.integers(1, 6)) if columns else int(width / size * 1.4)
            text = "".join(rng.choice(list(letters), count))
            draw.text((size + cell * (width - 2 * size) / cells, y), text, ink, font)
        if columns and rng.random() < 0.7:
            draw.line((size, y + 1.3 * size, width - size, y + 1.3 * size), fill=ink)
        y += 1.6 * size
    return page


def photographed(rng: np.random.Generator, picture: Image.Image) -> Image.Image:
    """The same as a camera might have taken it: light, colour, focus, grain, compression."""
    width, height = picture.size
    values = np.asarray(picture, np.float32) / 255
    if rng.random() < 0.8:
        y, x = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j].astype(np.float32)
        angle, strength = float(rng.uniform(0, 2 * np.pi)), float(rng.uniform(0, 0.5))
        slope = (x - 0.5) * np.cos(angle) + (y - 0.5) * np.sin(angle)
        away = (x - rng.uniform(0, 1)) ** 2 + (y - rng.uniform(0, 1)) ** 2
        values = values * (1 + strength * slope - 0.5 * strength * away)[..., None]
        values = np.clip(values, 0, 1) ** float(rng.uniform(0.7, 1.5))
        values = values * rng.uniform(0.82, 1.0, 3).astype(np.float32)
    if rng.random() < 0.5:
        values = values + rng.normal(0, float(rng.uniform(0, 0.04)), values.shape)
    image = Image.fromarray((np.clip(values, 0, 1) * 255).astype(np.uint8))
    if rng.random() < 0.4:
        image = image.filter(ImageFilter.GaussianBlur(float(rng.uniform(0, 1.6))))
    if rng.random() < 0.5:
        image = ImageOps.mirror(image)
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=int(rng.integers(55, 95)))
    return Image.open(stream).convert("RGB")
