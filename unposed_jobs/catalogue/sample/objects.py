"""Pictures without a person: a garment laid flat, cloth from near, a table of sizes."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont

from unposed_jobs.catalogue.sample import textures
from unposed_jobs.catalogue.sample.garments import Garment
from unposed_jobs.catalogue.sample.textures import Colour, Panel, cloth, shade

Points = list[tuple[float, float]]


def flat_lay(rng: np.random.Generator, garment: Garment, width: int, height: int) -> Image.Image:
    """The garment laid out on a table, a floor or paper, seen from above."""
    picture = _table(rng, width, height)
    # Metres to pixels: the garment fills most of the frame.
    pieces, tall, wide = _pieces(garment)
    scale = min(height * 0.84 / tall, width * 0.88 / wide) * float(rng.uniform(0.86, 1.0))
    angle = float(rng.normal(0, 4.0))
    cx, cy = width / 2, height / 2
    whole = Image.new("L", (width, height), 0)
    layers = []
    for outline, grain in pieces:
        points = [_turned(x * scale, (y - tall / 2) * scale, angle, cx, cy) for x, y in outline]
        mask = _smooth_mask(points, width, height)
        layers.append((mask, grain))
        whole = ImageChops.lighter(whole, mask)
    shadow = ImageChops.offset(
        whole.filter(ImageFilter.GaussianBlur(width / 70)), width // 110, height // 90
    )
    dark = Image.new("RGB", (width, height), (20, 18, 18))
    picture.paste(dark, mask=shadow.point(lambda value: int(value * 0.45)))
    for index, (mask, grain) in enumerate(layers):
        panel = _flat_panel(garment, index, tall)
        turned = panel.rotate(-(grain + angle), resample=Image.Resampling.BILINEAR, expand=True)
        size = (
            int(turned.width * scale / textures.TEXELS),
            int(turned.height * scale / textures.TEXELS),
        )
        turned = turned.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0)
        sheet = Image.new("RGB", (width, height), garment.colour)
        if index == 0:
            px, py = int(cx - size[0] / 2), int(cy - size[1] / 2)
        else:
            box = mask.getbbox() or (0, 0, width, height)
            px = int((box[0] + box[2] - size[0]) / 2)
            py = int((box[1] + box[3] - size[1]) / 2)
        sheet.paste(turned, (px, py))
        picture.paste(_folded(sheet, mask, rng), mask=mask)
    _flat_details(
        picture,
        garment,
        lambda x, y: _turned(x * scale, (y - tall / 2) * scale, angle, cx, cy),
        scale,
    )
    return _grain(picture, rng)


def _turned(x: float, y: float, angle: float, cx: float, cy: float) -> tuple[float, float]:
    radians = np.deg2rad(angle)
    cos, sin = float(np.cos(radians)), float(np.sin(radians))
    return cx + cos * x - sin * y, cy + sin * x + cos * y


def _mirror(half: Points) -> Points:
    return half + [(-x, y) for x, y in reversed(half)]


def _pieces(garment: Garment) -> tuple[list[tuple[Points, float]], float, float]:
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
    waist = 0.22 if garment.kind == "dress" else 0.245
    half = [(0.0, neck), (0.045, neck * 0.55 + 0.012), (0.085, 0.0), (0.215, 0.045), (0.245, 0.20),
            (waist, 0.40), (0.25 + flare * 0.3, 0.62), (0.25 + flare, body_hem)]  # fmt: skip
    pieces: list[tuple[Points, float]] = [(_mirror(half), 0.0)]
    wide = 0.56 + 2 * flare
    if garment.sleeve != "none":
        long = garment.sleeve == "long"
        end = (0.44, 0.60) if long else (0.40, 0.205)
        inner = (0.345, 0.625) if long else (0.33, 0.285)
        right: Points = [(0.185, 0.038), (0.23, 0.055), end, inner, (0.235, 0.24), (0.19, 0.2)]
        turn = -22.0 if long else -48.0
        pieces += [(right, turn), ([(-x, y) for x, y in right], -turn)]
        wide = max(wide, 0.92 if long else 0.84)
    return pieces, body_hem, wide


def _smooth_mask(points: Points, width: int, height: int) -> Image.Image:
    """A filled outline with rounded corners and soft edges."""
    mask = Image.new("L", (width, height), 0)
    ImageDraw.Draw(mask).polygon(points, fill=255)
    # Blurred corners are round; steepened again, the edge is one pixel wide.
    radius = width / 140
    mask = mask.filter(ImageFilter.GaussianBlur(radius))
    return mask.point(lambda value: int(min(max((value - 127.5) * 2.2 * radius + 127.5, 0), 255)))


def _flat_panel(garment: Garment, index: int, tall: float) -> Image.Image:
    if index == 0 and garment.kind == "trousers":
        return cloth(garment.pattern, garment.colour, garment.second, 0.7, tall, seed=garment.seed)
    height = tall if index == 0 else 0.7
    return cloth(
        garment.pattern, garment.colour, garment.second, 0.75, height, seed=garment.seed + index
    )


def _folded(sheet: Image.Image, mask: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Cloth with a rounded rim and soft folds, lit from the upper left."""
    width, height = sheet.size
    small = (max(width // 4, 2), max(height // 4, 2))
    noise = rng.normal(128, 70, (height // 32 + 2, width // 40 + 2)).clip(0, 255).astype(np.uint8)
    folds = Image.fromarray(noise).resize(small, Image.Resampling.BICUBIC)
    rim = mask.resize(small, Image.Resampling.BILINEAR).filter(ImageFilter.GaussianBlur(2.2))
    relief = np.asarray(folds, np.float32) * 0.10 + np.asarray(rim, np.float32) * 0.16
    dy, dx = np.gradient(relief)
    light = Image.fromarray(np.clip(128 + 16 * (dx + 1.2 * dy), 40, 200).astype(np.uint8))
    light = light.resize((width, height), Image.Resampling.BICUBIC)
    values = np.asarray(sheet, np.float32) * (np.asarray(light, np.float32) / 132.0)[..., None]
    return Image.fromarray(np.clip(values, 0, 255).astype(np.uint8))


def _flat_details(picture: Image.Image, garment: Garment, place, scale: float) -> None:
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
        patch = Panel(Image.new("RGB", (160, 160), garment.colour), 640)
        patch.emblem(garment.emblem, 0.125, garment.second, 0.10)
        size = max(int(0.25 * scale), 8)
        px, py = place(0, 0.26)
        picture.paste(patch.image.resize((size, size)), (int(px - size / 2), int(py - size / 2)))


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
        low = rng.normal(0, 1, (height // 40 + 2, width // 40 + 2))
        stone = Image.fromarray((128 + 36 * low).clip(0, 255).astype(np.uint8))
        veins = (
            np.asarray(stone.resize((width, height), Image.Resampling.BICUBIC), np.float32) - 128
        )
        tone = 226.0 if kind == 3 else 150.0
        values = tone + veins[..., None] * (0.14, 0.13, 0.12)
        if kind == 3:
            values -= 26.0 * np.exp(-((veins / 3.0) ** 2))[..., None]
        base = Image.fromarray(values.clip(0, 255).astype(np.uint8))
    corner = rng.uniform(0, 1, 2)
    y, x = np.mgrid[0:1:16j, 0:1:16j]
    fade = 255 - 46 * ((x - corner[0]) ** 2 + (y - corner[1]) ** 2)
    light = Image.fromarray(fade.clip(0, 255).astype(np.uint8)).resize(
        (width, height), Image.Resampling.BICUBIC
    )
    return ImageChops.multiply(base, Image.merge("RGB", (light, light, light)))


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


def fabric(rng: np.random.Generator, garment: Garment, width: int, height: int) -> Image.Image:
    """Cloth from so near that its yarns show: woven, twilled, knitted or ribbed, in soft folds."""
    zoom = float(rng.uniform(2200, 3600))  # pixels a metre
    image = cloth(
        garment.pattern, garment.colour, garment.second, width / zoom * 1.02, height / zoom * 1.02,
        seed=garment.seed, texels=zoom,
    )  # fmt: skip
    base = np.asarray(image.resize((width, height)), np.float32)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    knitted = garment.kind in ("tshirt", "polo")
    yarn = float(rng.uniform(6.0, 11.0))
    u, v = x / yarn, y / yarn
    if garment.pattern in ("denim", "herringbone") or garment.kind == "trousers":
        relief = np.sin(2 * np.pi * (u + v) / 1.6) * 0.7 + 0.3 * np.sin(2 * np.pi * u)
    elif knitted and garment.seed % 2:
        stitch = np.abs(u % 2 - 1)
        relief = np.sin(np.pi * (v * 1.4 + stitch * 1.3)) * (0.5 + 0.5 * np.sin(np.pi * stitch))
    elif knitted:
        relief = np.sin(np.pi * u * 0.8) + 0.25 * np.sin(2 * np.pi * v)
    else:
        over = (np.floor(u) + np.floor(v)) % 2
        relief = np.where(over > 0, np.sin(np.pi * (u % 1)), np.sin(np.pi * (v % 1))) * 1.4 - 0.7
    angle = float(rng.uniform(0, np.pi))
    across = (np.cos(angle) * x + np.sin(angle) * y) / width
    bend = np.sin(across * float(rng.uniform(3, 9)) + 1.6 * np.sin(y / height * 2.4 + angle))
    light = 1.0 + 0.11 * relief + 0.20 * bend * float(rng.uniform(0.3, 1.2))
    values = base * light[..., None] + rng.normal(0, 3.0, (height, width, 1)).astype(np.float32)
    return Image.fromarray(values.clip(0, 255).astype(np.uint8))


_ROWS = {
    "trousers": (("Waist", 74, 4), ("Hip", 92, 4), ("Inseam", 78, 1), ("Rise", 25, 1),
                 ("Hem", 17, 1)),
    "dress": (("Bust", 82, 4), ("Waist", 64, 4), ("Hip", 90, 4), ("Length", 92, 1)),
}  # fmt: skip
_UPPER = (
    ("Chest", 92, 6),
    ("Shoulder", 42, 2),
    ("Length", 67, 2),
    ("Sleeve", 20, 1),
    ("Hem", 90, 6),
)


def size_chart(rng: np.random.Generator, garment: Garment, width: int, height: int) -> Image.Image:
    """A table of sizes and measures."""
    accent = shade(garment.colour, 0.75) if sum(garment.colour) > 300 else garment.colour
    paper = (255, 255, 255) if rng.random() < 0.6 else (246, 243, 238)
    image = Image.new("RGB", (width, height), paper)
    draw = ImageDraw.Draw(image)
    margin = width // 16
    title, small = ImageFont.load_default(width / 15), ImageFont.load_default(width / 34)
    cell = ImageFont.load_default(width / 28)
    draw.text((margin, margin), "SIZE GUIDE" if rng.random() < 0.5 else "Size chart", accent, title)
    draw.text(
        (margin, margin + width // 11), f"{garment.style} - measurements in cm", (96, 96, 96), small
    )
    sizes: tuple[str, ...] = ("XS", "S", "M", "L", "XL", "XXL")
    first = int(rng.integers(2))
    sizes = sizes[first : first + int(rng.integers(4, 6))]
    rows = _ROWS.get(garment.kind, _UPPER)
    top, line = margin + width // 6, height // (len(rows) + 6)
    column = (width - 2 * margin) / (len(sizes) + 1.6)
    banded = rng.random() < 0.7
    for number in range(len(rows) + 1):
        y = top + number * line
        if number == 0:
            draw.rectangle((margin, y, width - margin, y + line), fill=accent)
        elif banded and number % 2 == 0:
            draw.rectangle((margin, y, width - margin, y + line), fill=shade(paper, 0.95))
        ink = (250, 250, 250) if number == 0 else (50, 50, 54)
        label = "Size" if number == 0 else rows[number - 1][0]
        draw.text((margin + 8, y + line / 2), label, ink, cell, anchor="lm")
        for index, size in enumerate(sizes):
            text = (
                size
                if number == 0
                else str(rows[number - 1][1] + rows[number - 1][2] * (index + first))
            )
            x = margin + column * (1.6 + index + 0.5)
            draw.text((x, y + line / 2), text, ink, cell, anchor="mm")
        draw.line((margin, y + line, width - margin, y + line), fill=(205, 205, 205), width=1)
    notes = ("Measure around the fullest part.", "Between two sizes? Choose the larger one.",
             "Wash at 30 degrees, inside out.")  # fmt: skip
    for number, note in enumerate(notes):
        y = top + (len(rows) + 1) * line + margin + number * width // 20
        if y < height - margin:
            draw.text((margin, y), note, (110, 110, 110), small)
    return image
