"""Cloth patterns and the details painted on garments: plackets, buttons, pockets, prints, seams."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter

Colour = tuple[int, int, int]
Pixels = npt.NDArray[np.uint8]

TEXELS = 640
"""Texels for each metre of cloth."""

_MIXED = {
    "stripes": (0.0, 1.0), "wide_stripes": (0.0, 1.0), "pinstripes": (0.0, 1.0),
    "colour_block": (0.0, 1.0), "floral": (0.0, 1.0), "gingham": (0.0, 0.5, 1.0),
    "tartan": (0.0, 0.38), "herringbone": (0.0, 0.35),
}  # fmt: skip
"""Of patterns how much of the second colour is in each colour that covers a fifth and more."""


def painted(pattern: str, colour: Colour, second: Colour) -> list[Colour]:
    """The colours that a fifth and more of a cloth has: mixed ones where threads cross."""
    mixes = _MIXED.get(pattern, (0.0,))
    return [_mixed(colour, second, mix) for mix in mixes]


def _mixed(colour: Colour, second: Colour, mix: float) -> Colour:
    red, green, blue = (round(a + mix * (b - a)) for a, b in zip(colour, second, strict=True))
    return red, green, blue


def cloth(
    pattern: str,
    colour: Colour,
    second: Colour,
    width: float,
    height: float,
    *,
    seed: int,
    texels: float = TEXELS,
) -> Image.Image:
    """A piece of cloth of `width` × `height` metres, warp upright; `texels` for each metre.

    Patterns: plain, melange, stripes, wide_stripes, pinstripes, gingham, tartan, dots, floral,
    denim, herringbone, colour_block, rib.
    """
    w, h = max(round(width * texels), 8), max(round(height * texels), 8)
    rng = np.random.default_rng(seed)
    x = (np.arange(w, dtype=np.float32) + 0.5)[None] / texels
    y = (np.arange(h, dtype=np.float32) + 0.5)[:, None] / texels
    first, other = np.array(colour, np.float32), np.array(second, np.float32)
    mix = np.zeros((h, w), np.float32)
    if pattern == "stripes":
        mix += (y % 0.036 < 0.015).astype(np.float32)
    elif pattern == "wide_stripes":
        mix += (y % 0.11 < 0.05).astype(np.float32)
    elif pattern == "pinstripes":
        mix += (x % 0.022 < 0.005).astype(np.float32)
    elif pattern == "gingham":
        mix += 0.5 * (x % 0.025 < 0.0125) + 0.5 * (y % 0.025 < 0.0125)
    elif pattern == "tartan":
        for axis in (x, y):
            mix += 0.38 * (axis % 0.09 < 0.034) + 0.3 * (np.abs(axis % 0.09 - 0.062) < 0.003)
    elif pattern == "dots":
        row = np.floor(y / 0.022)
        mix += ((x + 0.011 * (row % 2)) % 0.022 - 0.011) ** 2 + (y % 0.022 - 0.011) ** 2 < 0.0045**2
    elif pattern == "colour_block":
        mix += (y > height * 0.42).astype(np.float32) * np.ones_like(x)
    elif pattern == "denim":
        mix += 0.10 + 0.10 * (((x + y) % 0.0035) < 0.0016)
    elif pattern == "rib":
        mix -= 0.10 * (x % 0.0045 < 0.002)
    elif pattern == "herringbone":
        zig = np.abs((x % 0.03) - 0.015)
        mix += 0.35 * (((y + zig) % 0.010) < 0.005)
    values = first + np.clip(mix, -1, 1)[..., None] * (other - first)
    weave = rng.normal(0, 1, (h, w)).astype(np.float32)
    strength = {"melange": 9.0, "denim": 7.0}.get(pattern, 2.0)
    values += (weave * strength)[..., None]
    image = Image.fromarray(np.clip(values, 0, 255).astype(np.uint8))
    if pattern == "floral":
        _flowers(image, colour, second, texels, rng)
    return image


def _flowers(
    image: Image.Image, colour: Colour, second: Colour, texels: float, rng: np.random.Generator
) -> None:
    draw = ImageDraw.Draw(image)
    area = image.width * image.height / texels**2
    centre = tuple(int(value) for value in 0.5 * np.add(second, (250, 210, 80)))
    leaf = tuple(int(value) for value in 0.6 * np.array(colour) + 0.4 * np.array((70, 120, 60)))
    for _ in range(int(area * 900)):
        cx, cy = rng.uniform(0, image.width), rng.uniform(0, image.height)
        r, start = rng.uniform(0.006, 0.012) * texels, rng.uniform(0, 2 * np.pi)
        draw.ellipse((cx - r * 0.4 + r, cy - r * 0.8, cx + r * 0.4 + r, cy + r * 0.8), fill=leaf)
        for petal in range(5):
            angle = start + petal * 2 * np.pi / 5
            px, py = cx + 0.6 * r * np.cos(angle), cy + 0.6 * r * np.sin(angle)
            draw.ellipse((px - r / 2, py - r / 2, px + r / 2, py + r / 2), fill=second)
        draw.ellipse((cx - r / 3, cy - r / 3, cx + r / 3, cy + r / 3), fill=centre)


def shade(colour: Colour, factor: float) -> Colour:
    """The colour made darker (< 1) or lighter (> 1)."""
    red, green, blue = (int(min(max(channel * factor, 0), 255)) for channel in colour)
    return red, green, blue


class Panel:
    """A piece of cloth to paint on, in metres from its top centre."""

    def __init__(self, image: Image.Image, texels: float = TEXELS):
        self.image, self.texels = image, texels
        self.draw = ImageDraw.Draw(image)

    def _at(self, x: float, y: float) -> tuple[float, float]:
        return self.image.width / 2 + x * self.texels, y * self.texels

    def strip(self, x0: float, y0: float, x1: float, y1: float, factor: float) -> None:
        """A darker or lighter strip that keeps its pattern."""
        box = (*(int(v) for v in self._at(x0, y0)), *(int(v) for v in self._at(x1, y1)))
        left, top = max(box[0], 0), max(box[1], 0)
        right, bottom = min(box[2], self.image.width), min(box[3], self.image.height)
        if right > left and bottom > top:
            area = (left, top, right, bottom)
            piece = self.image.crop(area).point(lambda value: min(255, int(value * factor)))
            self.image.paste(piece, area)

    def fill(self, x0: float, y0: float, x1: float, y1: float, colour: Colour) -> None:
        """A plain rectangle."""
        self.draw.rectangle((*self._at(x0, y0), *self._at(x1, y1)), fill=colour)

    def line(self, points: list[tuple[float, float]], colour: Colour, width: float) -> None:
        """A seam through `points`."""
        self.draw.line(
            [self._at(x, y) for x, y in points], fill=colour,
            width=max(round(width * self.texels), 1),
        )  # fmt: skip

    def button(self, x: float, y: float, colour: Colour, radius: float = 0.006) -> None:
        """A round button with a dark rim."""
        cx, cy = self._at(x, y)
        r = radius * self.texels
        self.draw.ellipse((cx - r, cy - r, cx + r, cy + r), fill=shade(colour, 0.55))
        r *= 0.78
        self.draw.ellipse((cx - r, cy - r - 0.5, cx + r, cy + r - 0.5), fill=colour)

    def outline(self, points: list[tuple[float, float]], colour: Colour, width: float) -> None:
        """A closed seam, such as a pocket's."""
        self.line([*points, points[0]], colour, width)

    def emblem(self, kind: int, y: float, colour: Colour, size: float) -> None:
        """A print on the chest: a disc, a mountain, bars, a ring or a star."""
        cx, cy = self._at(0, y)
        r = size * self.texels
        if kind == 0:
            self.draw.ellipse((cx - r, cy - r, cx + r, cy + r), fill=colour)
            self.draw.rectangle(
                (cx - r, cy + r * 0.1, cx + r, cy + r * 0.25), fill=shade(colour, 0.5)
            )
        elif kind == 1:
            self.draw.polygon([(cx - r, cy + r * 0.7), (cx - r * 0.2, cy - r * 0.7),
                               (cx + r * 0.2, cy - r * 0.1), (cx + r * 0.45, cy - r * 0.4),
                               (cx + r, cy + r * 0.7)], fill=colour)  # fmt: skip
        elif kind == 2:
            for bar in range(4):
                top = cy - r * 0.8 + bar * r * 0.45
                self.draw.rectangle(
                    (cx - r, top, cx + r * (1 - 0.3 * bar), top + r * 0.25), fill=colour
                )
        elif kind == 3:
            self.draw.ellipse(
                (cx - r, cy - r, cx + r, cy + r), outline=colour, width=max(int(r / 5), 1)
            )
        else:
            angle = np.arange(10) * np.pi / 5 - np.pi / 2
            length = np.where(np.arange(10) % 2, 0.42, 1.0) * r
            points = np.stack([cx + length * np.cos(angle), cy + length * np.sin(angle)], 1)
            self.draw.polygon([(float(px), float(py)) for px, py in points], fill=colour)


def strands(colour: Colour, seed: int) -> Image.Image:
    """Hair: fine upright streaks, 256×256."""
    rng = np.random.default_rng(seed)
    streak = rng.normal(0, 1, (8, 256)).repeat(32, 0)
    base = Image.fromarray(np.clip(128 + 34 * streak, 0, 255).astype(np.uint8))
    smooth = np.asarray(base.filter(ImageFilter.BoxBlur((0, 12))), float) / 128.0
    return Image.fromarray(
        np.clip(np.array(colour) * smooth[..., None] + 2, 0, 255).astype(np.uint8)
    )


def reduced(image: Image.Image, texels_per_pixel: float) -> Pixels:
    """The texture shrunk by a whole factor, so that it does not glitter at the picture's scale."""
    factor = int(min(max(np.floor(texels_per_pixel + 0.25), 1), 8))
    small = image.reduce(factor) if factor > 1 else image
    return np.ascontiguousarray(np.asarray(small.convert("RGB"), dtype=np.uint8))
