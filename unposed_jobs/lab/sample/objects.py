"""Pictures without a person besides the flat-lay: cloth from near, a table of sizes."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from unposed_jobs.lab.sample.garments import Garment
from unposed_jobs.lab.sample.textures import cloth, shade


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
