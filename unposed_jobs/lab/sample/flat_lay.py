"""A garment laid flat and seen from above, on paper, wood or stone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from unposed_jobs.lab.sample.garments import Garment
from unposed_jobs.lab.sample.geometry import Array
from unposed_jobs.lab.sample.textures import Colour, Panel, cloth, shade

Points = list[tuple[float, float]]


@dataclass(frozen=True)
class _Layout:
    """Where the garment lies: metres (x from its middle, y down from its top) to pixels."""

    size: tuple[int, int]
    tall: float
    scale: float
    angle: float

    def place(self, x: float, y: float) -> tuple[float, float]:
        radians = np.deg2rad(self.angle)
        cos, sin = float(np.cos(radians)), float(np.sin(radians))
        x, y = x * self.scale, (y - self.tall / 2) * self.scale
        return self.size[0] / 2 + cos * x - sin * y, self.size[1] / 2 + sin * x + cos * y


def flat_lay(rng: np.random.Generator, garment: Garment, width: int, height: int) -> Image.Image:
    """Draw the garment, its sleeves spread or folded over the chest; it fills most of the frame."""
    return flat_lay_masked(rng, garment, width, height)[0]


def flat_lay_masked(
    rng: np.random.Generator, garment: Garment, width: int, height: int
) -> tuple[Image.Image, Image.Image]:
    """As `flat_lay`, and the garment's mask (L, 255 where it is)."""
    picture = _table(rng, width, height)
    mask = lay(picture, rng, garment)
    return _grain(picture, rng), mask


def lay(
    picture: Image.Image, rng: np.random.Generator, garment: Garment, fill: float = 1.0
) -> Image.Image:
    """Draw the garment on a ground, of which it takes up to `fill` of the size; returns its mask.

    The mask is L, 255 where the garment is.
    """
    width, height = picture.size
    folded = garment.sleeve == "long" and bool(rng.random() < 0.6)
    pieces, tall, wide = _pieces(garment, folded)
    scale = min(height * 0.92 / tall, width * 0.95 / wide) * float(rng.uniform(0.88, 1.0)) * fill
    layout = _Layout((width, height), tall, scale, float(rng.normal(0, 8.0)))
    masks = [
        _smooth_mask([layout.place(x, y) for x, y in outline], width, height)
        for outline, _ in pieces
    ]
    whole = masks[0]
    for mask in masks[1:]:
        whole = ImageChops.lighter(whole, mask)
    _shadow(picture, whole, width / 70, 0.45)
    for index, (mask, (_, grain)) in enumerate(zip(masks, pieces, strict=True)):
        if index and folded:
            _shadow(picture, mask, width / 130, 0.25)
        sheet = _sheet(garment, index, layout, mask, grain, (wide, tall))
        picture.paste(_folded(sheet, mask, rng), mask=mask)
        if folded and index == 0:
            _details(picture, garment, layout)
    if not folded:
        _details(picture, garment, layout)
    return whole


def _shadow(picture: Image.Image, mask: Image.Image, blur: float, strength: float) -> None:
    soft = ImageChops.offset(
        mask.filter(ImageFilter.GaussianBlur(blur)), int(blur * 0.6), int(blur)
    )
    dark = Image.new("RGB", picture.size, (20, 18, 18))
    picture.paste(dark, mask=soft.point(lambda value: int(value * strength)))


def _sheet(  # noqa: PLR0917
    garment: Garment, index: int, layout: _Layout, mask: Image.Image, grain: float,
    size: tuple[float, float],
) -> Image.Image:  # fmt: skip
    """Cloth for one piece over the whole picture, turned by its grain, centred on the piece."""
    wide, tall = size if index == 0 else (0.7, 0.7)
    panel = cloth(
        garment.pattern, garment.colour, garment.second, wide + 0.25, tall + 0.15,
        seed=garment.seed + index, texels=layout.scale,
    )  # fmt: skip
    turned = panel.rotate(
        -(grain + layout.angle), Image.Resampling.BILINEAR, expand=True, fillcolor=garment.colour
    )
    sheet = Image.new("RGB", layout.size, garment.colour)
    box = mask.getbbox() if index else None
    left, top, right, bottom = box or (0, 0, *layout.size)
    corner = ((left + right - turned.width) // 2, (top + bottom - turned.height) // 2)
    sheet.paste(turned, corner)
    return sheet


def _mirror(half: Points) -> Points:
    return half + [(-x, y) for x, y in reversed(half)]


def _pieces(garment: Garment, folded: bool) -> tuple[list[tuple[Points, float]], float, float]:
    """Outlines in metres (x from the middle, y down) with the cloth's turn; height and width."""
    if garment.kind == "trousers":
        hem = 1.02 if garment.hem > 1.9 else 0.90
        flare = 0.02 + 0.05 * garment.flare
        half = [(0.0, 0.0), (0.19, 0.0), (0.235, 0.25), (0.20 + flare, hem),
                (0.075 - flare * 0.3, hem), (0.012, 0.32)]  # fmt: skip
        return [(_mirror(half), 0.0)], hem, 0.56 + 2 * flare
    body_hem, flare = 0.70, 0.0
    if garment.kind == "dress":
        body_hem, flare = 1.50 - garment.hem, 0.05 + 0.6 * garment.flare
    neck = 0.20 if garment.collar == "v" else 0.07
    waist = 0.22 if garment.kind == "dress" else 0.258
    half = [(0.0, neck), (0.045, neck * 0.55 + 0.012), (0.085, 0.0), (0.228, 0.026), (0.255, 0.19),
            (waist, 0.40), (0.262 + flare * 0.3, 0.62), (0.262 + flare, body_hem)]  # fmt: skip
    pieces: list[tuple[Points, float]] = [(_mirror(half), 0.0)]
    wide = 0.56 + 2 * flare
    if garment.sleeve != "none":
        wide, turn = 0.92, -62.0
        right: Points = [
            (0.185, 0.022), (0.235, 0.032), (0.435, 0.125), (0.385, 0.240),
            (0.250, 0.205), (0.19, 0.2),
        ]  # fmt: skip
        if garment.sleeve == "long" and folded:  # over the chest
            wide, turn = 0.56, 38.0
            right = [(0.19, 0.04), (0.245, 0.075), (0.262, 0.30), (0.245, 0.345), (-0.05, 0.56),
                     (-0.105, 0.49), (0.16, 0.285), (0.18, 0.12)]  # fmt: skip
        elif garment.sleeve == "long":
            wide, turn = 0.84, -14.0
            right = [(0.185, 0.038), (0.23, 0.055), (0.40, 0.62), (0.31, 0.645), (0.235, 0.24),
                     (0.19, 0.2)]  # fmt: skip
        pieces += [(right, turn), ([(-x, y) for x, y in right], -turn)]
        wide = max(wide, 0.56 + 2 * flare)
    return pieces, body_hem, wide


def _smooth_mask(points: Points, width: int, height: int) -> Image.Image:
    """A filled outline with rounded corners and soft edges."""
    mask = Image.new("L", (width, height), 0)
    ImageDraw.Draw(mask).polygon(points, fill=255)
    # Blurred corners are round; steepened again, the edge is one pixel wide.
    radius = width / 140
    mask = mask.filter(ImageFilter.GaussianBlur(radius))
    return mask.point(lambda value: int(min(max((value - 127.5) * 2.2 * radius + 127.5, 0), 255)))


def _folded(sheet: Image.Image, mask: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Cloth with a rounded rim and soft folds, lit from the upper left."""
    width, height = sheet.size
    small = (max(width // 4, 2), max(height // 4, 2))
    noise = rng.normal(128, 70, (height // 32 + 2, width // 40 + 2)).clip(0, 255).astype(np.uint8)
    folds = Image.fromarray(noise).resize(small, Image.Resampling.BICUBIC)
    rim = mask.resize(small, Image.Resampling.BILINEAR).filter(ImageFilter.GaussianBlur(2.2))
    relief = np.asarray(folds, np.float32) * 0.07 + np.asarray(rim, np.float32) * 0.05
    dy, dx = np.gradient(relief)
    light = Image.fromarray(np.clip(128 + 10 * (dx + 1.2 * dy), 50, 190).astype(np.uint8))
    light = light.resize((width, height), Image.Resampling.BICUBIC)
    values = np.asarray(sheet, np.float32) * (np.asarray(light, np.float32) / 132.0)[..., None]
    return Image.fromarray(np.clip(values, 0, 255).astype(np.uint8))


def _details(picture: Image.Image, garment: Garment, layout: _Layout) -> None:
    """Seams, buttons, collar, print."""
    place, scale = layout.place, layout.scale
    draw = ImageDraw.Draw(picture)
    dark = shade(garment.colour, 0.62)
    thin = max(int(scale * 0.004), 1)

    def line(points: Points, width: int = thin, colour: Colour = dark) -> None:
        draw.line([place(x, y) for x, y in points], fill=colour, width=width, joint="curve")

    def button(x: float, y: float) -> None:
        px, py = place(x, y)
        r = max(scale * 0.007, 2.0)
        draw.ellipse((px - r, py - r, px + r, py + r), fill=(238, 232, 220), outline=dark)

    if garment.kind == "trousers":
        line([(-0.19, 0.04), (0.19, 0.04)])
        line([(0, 0.04), (0, 0.31)])
        for sign in (-1, 1):
            line([(sign * 0.10, 0.045), (sign * 0.19, 0.14)])
            line([(sign * 0.12, 0.35), (sign * 0.12, 0.85)], thin, shade(garment.colour, 0.85))
        button(0, 0.02)
        return
    # The neck's inside, then what the collar is.
    neck = 0.20 if garment.collar == "v" else 0.07
    inside = [(-0.078, 0.006), (-0.04, 0.024), (0.04, 0.024), (0.078, 0.006), (0.042, neck * 0.6),
              (0, neck), (-0.042, neck * 0.6)]  # fmt: skip
    draw.polygon([place(x, y) for x, y in inside], fill=shade(garment.colour, 0.5))
    if garment.collar in ("polo", "shirt", "lapel"):
        long = 0.22 if garment.collar == "lapel" else 0.115
        for sign in (-1, 1):
            flap = [(sign * 0.082, -0.004), (sign * 0.035, -0.012), (sign * 0.002, neck),
                    (sign * 0.045, long), (sign * 0.098, 0.06)]  # fmt: skip
            draw.polygon(
                [place(x, y) for x, y in flap], fill=shade(garment.colour, 0.92), outline=dark
            )
        bottom = 0.22 if garment.collar == "polo" else 0.68
        line([(-0.017, neck), (-0.017, bottom)])
        line([(0.017, neck), (0.017, bottom)])
        step = 0.045 if garment.collar == "polo" else 0.085
        start = 0.24 if garment.collar == "lapel" else neck + 0.035
        for y in np.arange(start, bottom - 0.01, step):
            button(0, float(y))
    else:
        line([(-0.085, 0.0), (-0.045, neck * 0.7), (0, neck + 0.012), (0.045, neck * 0.7),
              (0.085, 0.0)], max(int(scale * 0.014), 2), shade(garment.colour, 0.85))  # fmt: skip
    if garment.style == "bomber jacket":
        line([(0, neck), (0, 0.69)], max(int(scale * 0.01), 2), (160, 160, 164))
    if garment.emblem >= 0:
        stencil = Panel(Image.new("RGB", (160, 160)), 640)
        stencil.emblem(garment.emblem, 0.125, (255, 255, 255), 0.10)
        size = max(int(0.25 * scale), 8)
        mask = stencil.image.convert("L").resize((size, size))
        px, py = place(0, 0.26)
        corner = (int(px - size / 2), int(py - size / 2))
        picture.paste(Image.new("RGB", (size, size), garment.second), corner, mask)


def _table(rng: np.random.Generator, width: int, height: int) -> Image.Image:
    """White or coloured paper, wood, or stone."""
    kind = int(rng.integers(5))
    if kind == 0:
        level = int(rng.integers(236, 255))
        base = Image.new("RGB", (width, height), (level, level, level))
    elif kind == 1:
        papers = (
            (222, 208, 192),
            (196, 210, 214),
            (210, 196, 206),
            (186, 190, 178),
            (120, 130, 142),
        )
        base = Image.new("RGB", (width, height), papers[int(rng.integers(len(papers)))])
    elif kind == 2:
        base = _boards(rng, width, height)
    else:
        low, fine = (_clouds(rng, width, height, cell) for cell in (width / 5, width / 40))
        values = (228.0 if kind == 3 else 160.0) + (9 * low + 3 * fine)[..., None] * (
            1.0,
            0.97,
            0.94,
        )
        if kind == 3:  # marble: a few veins, fading in and out
            line = _clouds(rng, width, height, width / 3) + 0.12 * fine
            fade = np.clip(0.5 + low, 0, 1) * 34
            values -= (fade * np.exp(-((line / 0.05) ** 2)))[..., None]
        base = Image.fromarray(values.clip(0, 255).astype(np.uint8))
    corner = rng.uniform(0, 1, 2)
    y, x = np.mgrid[0:1:16j, 0:1:16j]
    fade = 255 - 46 * ((x - corner[0]) ** 2 + (y - corner[1]) ** 2)
    light = Image.fromarray(fade.clip(0, 255).astype(np.uint8)).resize(
        (width, height), Image.Resampling.BICUBIC
    )
    return ImageChops.multiply(base, Image.merge("RGB", (light, light, light)))


def _clouds(rng: np.random.Generator, width: int, height: int, cell: float) -> Array:
    """Smooth noise of about unit size, (height, width), its waves about `cell` pixels long."""
    shape = (int(height / cell) + 3, int(width / cell) + 3)
    coarse = Image.fromarray(rng.normal(0, 1, shape).astype(np.float32))
    return np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC))


def _boards(rng: np.random.Generator, width: int, height: int) -> Image.Image:
    tone = np.array(
        ((182, 144, 104), (210, 186, 154), (112, 84, 62))[int(rng.integers(3))], np.float32
    )
    count = int(rng.integers(5, 9))
    values = np.empty((height, width, 3), np.float32)
    for index in range(count):
        top, bottom = index * height // count, (index + 1) * height // count
        streak = rng.normal(0, 1, (bottom - top + 15, width // 24 + 2))
        streak = (streak[:-15] + streak[5:-10] + streak[15:]) * 5.0
        wide = np.repeat(streak, 24, axis=1)[:, :width]
        values[top:bottom] = tone * float(rng.uniform(0.88, 1.08)) + wide[..., None]
        values[top : top + 2] *= 0.6
    image = Image.fromarray(values.clip(0, 255).astype(np.uint8))
    return image.filter(ImageFilter.BoxBlur((9, 0)))


def _grain(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    width, height = picture.size
    tile = rng.normal(0, 1.3, (96, 96)).astype(np.float32)
    noise = np.tile(tile, (height // 96 + 1, width // 96 + 1))[:height, :width, None]
    return Image.fromarray((np.asarray(picture, np.float32) + noise).clip(0, 255).astype(np.uint8))
