"""Garments: what they are, and their surfaces on a figure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unposed_jobs.lab.sample.figure import Figure
from unposed_jobs.lab.sample.geometry import (
    Array,
    Surface,
    angles,
    smoothstep,
    spline,
    surface,
    tube,
)
from unposed_jobs.lab.sample.textures import Colour, shade

KINDS = ("tshirt", "polo", "shirt", "dress", "trousers", "jacket")
"""What a garment can be."""
TOP, BOTTOM = 1.56, 0.78
"""Heights on the reference figure that a trunk's cloth spans."""


@dataclass(frozen=True)
class Garment:
    """One garment of the catalogue: a product is one of these."""

    kind: str
    style: str
    pattern: str
    colour: Colour
    second: Colour
    sleeve: str = "short"
    collar: str = "crew"
    ease: float = 0.014
    hem: float = 0.88
    flare: float = 0.0
    emblem: int = -1
    pocket: bool = False
    seed: int = 0


COLOURS: tuple[Colour, ...] = (
    (236, 234, 228), (40, 42, 48), (32, 48, 86), (150, 44, 48), (62, 104, 76), (214, 180, 92),
    (92, 138, 184), (198, 120, 132), (120, 122, 126), (176, 146, 112), (222, 118, 62),
    (108, 74, 128), (58, 132, 138), (206, 206, 212), (92, 66, 52), (226, 190, 180), (96, 106, 66),
)  # fmt: skip
TROUSER_COLOURS: tuple[Colour, ...] = (
    (44, 58, 92), (36, 38, 44), (150, 132, 104), (92, 96, 102), (66, 84, 120), (84, 80, 58),
    (206, 196, 178), (112, 132, 162), (74, 54, 46),
)  # fmt: skip
_PATTERNS = {
    "tshirt": ("plain", "plain", "plain", "melange", "stripes", "wide_stripes", "colour_block"),
    "polo": ("plain", "plain", "melange", "stripes", "wide_stripes", "colour_block"),
    "shirt": ("plain", "gingham", "tartan", "pinstripes", "dots", "denim", "floral"),
    "dress": ("plain", "floral", "dots", "stripes", "plain", "tartan"),
    "trousers": ("plain", "plain", "denim", "denim", "pinstripes", "herringbone"),
    "jacket": ("plain", "plain", "denim", "herringbone", "tartan"),
}
_STYLES = {
    "tshirt": ("crew-neck T-shirt", "V-neck T-shirt", "printed T-shirt", "long-sleeve T-shirt"),
    "polo": ("polo shirt", "polo shirt", "long-sleeve polo"),
    "shirt": ("casual shirt", "casual shirt", "short-sleeve shirt"),
    "dress": ("A-line dress", "sheath dress", "shirt dress", "summer dress"),
    "trousers": ("slim trousers", "straight trousers", "wide-leg trousers", "cropped trousers"),
    "jacket": ("blazer", "bomber jacket", "trucker jacket"),
}


def random_garment(rng: np.random.Generator, kind: str) -> Garment:
    """A garment of this kind; colour, cloth and cut vary."""
    style = str(rng.choice(_STYLES[kind]))
    pattern = str(rng.choice(_PATTERNS[kind]))
    palette = TROUSER_COLOURS if kind == "trousers" else COLOURS
    colour = palette[int(rng.integers(len(palette)))]
    second = COLOURS[int(rng.integers(len(COLOURS)))]
    while np.abs(np.subtract(colour, second)).sum() < 120:
        second = COLOURS[int(rng.integers(len(COLOURS)))]
    if pattern == "denim":
        colour = ((52, 72, 112), (84, 112, 156), (34, 42, 62))[int(rng.integers(3))]
        second = shade(colour, 1.5)
    if pattern == "herringbone":
        second = shade(colour, 1.3)
    sleeve = "long" if "long" in style or kind == "jacket" or style == "casual shirt" else "short"
    if kind == "dress":
        sleeve = str(rng.choice(("none", "short", "long" if style == "shirt dress" else "none")))
    collar = {"polo": "polo", "shirt": "shirt", "jacket": "lapel"}.get(kind, "crew")
    if style == "V-neck T-shirt" or (kind == "dress" and rng.random() < 0.4):
        collar = "v"
    if style == "shirt dress":
        collar = "shirt"
    if style == "bomber jacket":
        collar = "band"
    if style == "trucker jacket":
        collar = "shirt"
    hem, flare = float(rng.uniform(0.85, 0.91)), 0.0
    if kind == "dress":
        hem = float(rng.choice((0.42, 0.50, 0.56, 0.24)))
        flare = {"A-line dress": 0.16, "summer dress": 0.22, "sheath dress": 0.01}.get(style, 0.08)
    if kind == "trousers":
        flare = {"slim trousers": 0.0, "straight trousers": 0.35, "wide-leg trousers": 1.0}.get(
            style, 0.25
        )
        hem = 1.80 if style == "cropped trousers" else 1.94
    return Garment(
        kind, style, pattern, colour, second, sleeve, collar,
        ease=float(rng.uniform(0.010, 0.024)) + (0.005 if kind == "jacket" else 0.0),
        hem=hem, flare=flare,
        emblem=int(rng.integers(5)) if style == "printed T-shirt" else -1,
        pocket=bool(rng.random() < 0.5), seed=int(rng.integers(1 << 30)),
    )  # fmt: skip


def _ease(figure: Figure, garment: Garment, theta: Array, y: Array) -> Array:
    """How far the cloth hangs outside the trunk: loose at the waist, waved near its hem."""
    s = figure.scale
    t = y / s
    loose = 1.0 if garment.kind != "dress" else 0.2
    waist = np.exp(-(((t - 1.09) / 0.09) ** 2)) * (0.010 + 0.9 * garment.ease) * loose
    hips = smoothstep(1.08, 0.92, t) * (0.024 if garment.kind != "dress" else 0.008)
    rng = np.random.default_rng(garment.seed)
    phase = rng.uniform(0, 6.28, 4)
    lower = smoothstep(1.32, 0.95, t)
    fold = (
        0.55 * np.sin(theta * 5 + phase[0] + 9 * t)
        + 0.45 * np.sin(theta * 9 + phase[1] - 14 * t)
        + 0.40 * np.sin(theta * 3 + phase[2] + 26 * t)
    )
    shoulder = smoothstep(1.47, 1.38, t)  # nearer to the skin at the neck
    return s * (garment.ease * (0.45 + 0.55 * shoulder) + waist + hips + 0.0034 * lower * fold)


def _neckline(garment: Garment, theta: Array) -> Array:
    """Upright reference height of the cloth's upper edge at angle θ."""
    front = np.cos(theta)
    if garment.collar == "v":
        point = np.clip(1.0 - np.abs(theta) / 0.95, 0.0, 1.0)
        return 1.463 - 0.095 * point
    dip = {"crew": 0.030, "polo": 0.014, "shirt": 0.014, "band": 0.010, "lapel": 0.02}
    depth = dip[garment.collar]
    return 1.470 - depth * smoothstep(-0.2, 1.0, front)


def _shell(
    figure: Figure,
    garment: Garment,
    hem: float,
    gap: tuple[float, float] | None,
    extra: float = 0.0,
) -> Surface:
    """The trunk's part of a garment; with a `gap` (half angle at hem and neck) it is open."""
    s = figure.scale
    rows, segments = 56, 64
    theta = angles(segments)[None] if gap is None else np.linspace(1e-3, 2 * np.pi - 1e-3, 65)[None]
    around = np.where(theta > np.pi, theta - 2 * np.pi, theta)
    v = np.linspace(0.0, 1.0, rows)[:, None] ** 1.35
    top = _neckline(garment, around)
    y = top + (hem - top) * v
    around = np.broadcast_to(around, y.shape)
    if gap is not None:
        half = gap[0] + (gap[1] - gap[0]) * smoothstep(1.16, 1.44, y)
        around = np.sign(around) * (half + np.abs(around) * (np.pi - half) / np.pi)
    points = figure.trunk(around, y * s, _ease(figure, garment, around, y * s) + extra * s)
    uv = np.stack([0.5 + around / (2 * np.pi), (TOP - y) / (TOP - BOTTOM)], -1)
    return surface(points, uv, garment.kind, wrap=gap is None)


def _sleeves(figure: Figure, garment: Garment, extra: float = 0.0) -> list[Surface]:
    if garment.sleeve == "none":
        return []
    s, parts = figure.scale, []
    end = 1.62 if garment.sleeve == "short" else 2.93
    phase = garment.seed % 7
    for side in ("left", "right"):
        path, position = figure.arm_path(side, 40)
        inside = position <= end
        path, position = path[inside], position[inside]
        theta = angles(20)[None]
        p = position[:, None]
        ease = garment.ease * (0.55 + 0.45 * smoothstep(0.5, 1.3, p)) + extra
        if garment.sleeve == "short":
            ease = ease + 0.009 * smoothstep(1.1, 1.6, p)
        else:
            ease = ease * (1 - 0.35 * smoothstep(2.5, 2.9, p))
        crease = 0.0035 * np.exp(-(((p - 2.0) / 0.28) ** 2)) * np.sin(p * 34 + 2 * np.sin(theta))
        crease = crease + 0.0022 * np.sin(theta * 3 + p * 7 + phase) * smoothstep(1.0, 1.5, p)
        # Keeps the sleeve's root within the shell's shoulder.
        radii = figure.arm_radius(position)[:, None] + (ease + crease) * s
        length = 0.30 if garment.sleeve == "short" else 0.66
        parts.append(
            tube(
                path, radii, figure.arm_front(side), garment.kind + "_sleeve", 20, caps=False,
                uv_span=(0.0, 0.0, 1.0, 0.999 * min(length / 0.66, 1.0)),
            )
        )  # fmt: skip
    return parts


def _collar(figure: Figure, garment: Garment, extra: float = 0.0) -> list[Surface]:
    """A folded collar, or a knitted band, around the neck."""
    s = figure.scale
    if garment.collar in ("crew", "v", "band"):
        height, thick = (0.016, 0.004) if garment.collar != "band" else (0.034, 0.006)
        theta = angles(48)[None]
        t = np.linspace(0.0, 1.0, 6)[:, None]
        y = _neckline(garment, theta) + height * (0.9 - 1.6 * t)
        offset = garment.ease * 0.45 + thick * np.sin(np.pi * t) + 0.001 + extra
        theta, y, offset = np.broadcast_arrays(theta, y, offset)
        uv = np.stack([0.5 + theta / (2 * np.pi), np.broadcast_to(t * 0.1, y.shape)], -1)
        return [surface(figure.trunk(theta, y * s, offset * s), uv, garment.kind + "_collar")]
    gap = 0.30 if garment.collar == "polo" else 0.22
    theta = np.linspace(gap, 2 * np.pi - gap, 57)[None]
    around = np.where(theta > np.pi, theta - 2 * np.pi, theta)
    t = np.linspace(0.0, 1.0, 14)[:, None]
    front = smoothstep(1.3, 0.25, np.abs(around))
    # Up the stand, over the fold, down to the points, which are longest in front.
    stand = np.clip(t / 0.35, 0, 1)
    fall = np.clip((t - 0.35) / 0.65, 0, 1)
    y = _neckline(garment, around) + 0.032 * stand - (0.040 + 0.040 * front) * fall
    offset = garment.ease * 0.5 + 0.003 + 0.004 * np.sin(np.pi * t)
    offset = offset + (0.010 + 0.008 * front) * fall**0.7 + extra
    around = around * (1 + 0.35 * fall * front)
    around, y, offset = np.broadcast_arrays(around, y, offset)
    uv = np.stack([0.5 + around / (2 * np.pi), np.broadcast_to(0.2 * t, y.shape)], -1)
    points = figure.trunk(around, y * s, offset * s)
    return [surface(points, uv, garment.kind + "_collar", wrap=False)]


def _lapels(
    figure: Figure, garment: Garment, gap: tuple[float, float], extra: float
) -> list[Surface]:
    s, parts = figure.scale, []
    y = np.linspace(1.19, 1.445, 24)[:, None]
    half = gap[0] + (gap[1] - gap[0]) * smoothstep(1.16, 1.44, y)
    width = 0.42 * np.sin(np.clip((y - 1.18) / 0.255, 0, 1) * np.pi * 0.72) + 0.02
    for sign in (1.0, -1.0):
        t = np.linspace(0.0, 1.0, 9)[None]
        around = sign * (half - 0.02 + width * t)
        lift = 0.010 * np.sin(np.pi * np.clip(t, 0, 1)) ** 0.5 + 0.005
        around, height = np.broadcast_arrays(around, y)
        offset = _ease(figure, garment, around, height * s) + (lift + extra) * s
        uv = np.stack([0.5 + around / (2 * np.pi), (TOP - height) / (TOP - BOTTOM)], -1)
        points = figure.trunk(around, height * s, offset)
        parts.append(surface(points, uv, garment.kind + "_collar", wrap=False))
    return parts


def upper_surfaces(figure: Figure, garment: Garment, open_front: bool = False) -> list[Surface]:
    """A T-shirt, polo, shirt or jacket on the figure."""
    if garment.kind != "jacket":
        parts = [_shell(figure, garment, garment.hem, None)]
        return parts + _sleeves(figure, garment) + _collar(figure, garment)
    extra = 0.010
    gap = (0.34, 0.42) if open_front else (0.012, 0.40 if garment.collar == "lapel" else 0.05)
    parts = [_shell(figure, garment, garment.hem - 0.02, gap, extra)]
    parts += _sleeves(figure, garment, extra)
    if garment.collar == "lapel":
        parts += _lapels(figure, garment, gap, extra)
    parts += _collar(figure, garment, extra)
    return parts


def dress_surfaces(figure: Figure, garment: Garment) -> list[Surface]:
    """A dress: a bodice to the waist and a skirt that clears the legs."""
    s = figure.scale
    parts = [_shell(figure, garment, 1.07, None)]
    parts += _sleeves(figure, garment) + _collar(figure, garment)
    theta = np.broadcast_to(angles(72)[None], (44, 73))
    t = np.linspace(0.0, 1.0, 44)[:, None]
    y = 1.09 + (garment.hem - 1.09) * t
    # Never narrower than the hips once below them.
    held = np.maximum(y, 0.92)
    offset = _ease(figure, garment, theta, held * s) + 0.012 * s * smoothstep(0.0, 0.2, t)
    points = figure.trunk(theta, np.broadcast_to(held, theta.shape) * s, offset)
    points[..., 1] = y * s - figure.drop
    centre = points.mean(1, keepdims=True) * [1, 0, 1]
    stride = max(abs(float(ankle[2])) for ankle in figure.ankles.values())
    side = max(abs(float(ankle[0])) for ankle in figure.ankles.values())
    below = smoothstep(1.0, 0.0, (y - 0.1) / 0.95)
    phase = garment.seed % 11
    count = 7 + garment.seed % 5
    wave = 1 + (0.02 + 0.22 * garment.flare) * t * np.sin(theta * count + phase + 1.5 * t)
    grow = 1 + (garment.flare * 1.6 * t**1.1)
    out = (points - centre) * [1, 0, 1]
    scaled = out * (grow * wave)[..., None]
    need = below[..., None] * np.array([max(side - 0.09, 0.0), 0.0, stride * 0.8])
    direction = np.stack([np.sin(theta), 0 * theta, np.cos(theta)], -1)
    points = centre + scaled + direction * need + points * [0, 1, 0]
    uv = np.stack([0.5 + theta / (2 * np.pi), np.broadcast_to(t, theta.shape) * 0.999], -1)
    parts.append(surface(points, uv, "dress_skirt"))
    return parts


def trouser_surfaces(figure: Figure, garment: Garment) -> list[Surface]:
    """Trousers: the seat and two legs."""
    s, parts = figure.scale, []
    theta = np.broadcast_to(angles(48)[None], (20, 49))
    y = np.linspace(1.03, 0.80, 20)[:, None]
    offset = (0.008 + 0.004 * smoothstep(1.0, 0.9, y)) * s
    points = figure.trunk(theta, np.broadcast_to(y, theta.shape) * s, offset)
    uv = np.stack([0.5 + theta / (2 * np.pi), np.broadcast_to((1.03 - y) / 0.25, theta.shape)], -1)
    parts.append(surface(points, uv, "trousers"))
    knots = np.array([0.0, 0.3, 0.8, 1.2, 1.6, 2.0])
    slim = np.array([0.010, 0.010, 0.012, 0.014, 0.016, 0.014])
    wide = np.array([0.012, 0.022, 0.042, 0.055, 0.066, 0.076])
    for side in ("left", "right"):
        path, position = figure.leg_path(side, 44)
        inside = position <= garment.hem
        path, position = path[inside], position[inside]
        ease = spline(knots, slim + garment.flare * (wide - slim), position)[:, None]
        around = angles(24)[None]
        p = position[:, None]
        crease = 0.004 * np.exp(-(((p - 1.0) / 0.16) ** 2)) * np.sin(p * 40 + 2 * np.cos(around))
        crease = crease + 0.006 * smoothstep(1.72, 1.95, p) * np.sin(p * 55 + np.sin(around * 2))
        crease = crease + 0.003 * np.exp(-(((p - 0.05) / 0.2) ** 2)) * np.sin(p * 30 + around * 2)
        radii = figure.leg_radius(position)[:, None] + (ease + crease) * s
        parts.append(
            tube(path, radii, np.array([0, 0, 1.0]), "trousers_leg", 24,
                 flatten=figure.leg_flatten(position), caps=False,
                 uv_span=(0.0, 0.0, 1.0, 0.999))
        )  # fmt: skip
    return parts


def shoes(figure: Figure) -> list[Surface]:
    """A pair of shoes with soles."""
    s, parts = figure.scale, []
    for side, sign in (("left", 1.0), ("right", -1.0)):
        ankle = figure.legs[side][2]
        t = np.linspace(0.0, 1.0, 22)[:, None]
        length = 0.262 * s
        z = -0.070 * s + length * t
        profile = np.sqrt(np.clip(1 - (2 * t - 1) ** 6, 0, 1))
        half = (0.030 + 0.014 * np.exp(-(((t - 0.68) / 0.25) ** 2))) * s * profile
        tall = np.interp(
            t, [0, 0.12, 0.32, 0.55, 0.8, 1.0], [0.078, 0.098, 0.094, 0.066, 0.048, 0.030]
        )
        tall = tall * s * np.clip(profile, 0.35, 1)
        around = angles(24)[None]
        turn_out = sign * 0.16
        for material, low, high, wide in (("shoe", 0.012, 1.0, 1.0), ("sole", 0.0, 0.0, 1.08)):
            top = tall * high + (0.022 * s if material == "sole" else 0.0)
            mid = (top + low * s) / 2
            x = half * wide * np.sign(np.sin(around)) * np.abs(np.sin(around)) ** 0.6
            y = mid + (top - low * s) / 2 * np.sign(np.cos(around)) * np.abs(np.cos(around)) ** 0.7
            narrow = 1 - 0.35 * smoothstep(0.04, 0.10, y / s) * (material == "shoe")
            x, y, along = np.broadcast_arrays(
                x * narrow, y, z * (1.02 if material == "sole" else 1)
            )
            base = ankle[1] - 0.085 * s
            points = np.stack(
                [
                    ankle[0] + x * np.cos(turn_out) + along * np.sin(turn_out),
                    base + y,
                    ankle[2] - x * np.sin(turn_out) + along * np.cos(turn_out),
                ],
                -1,
            )
            uv = np.stack(np.broadcast_arrays(around / 6.28 + 0.5, t), -1)
            parts.append(surface(points, uv, material))
    return parts
