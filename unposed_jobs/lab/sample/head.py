"""Head, face and hair of a drawn figure."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from unposed_jobs.lab.sample.figure import Figure
from unposed_jobs.lab.sample.geometry import (
    Array,
    Surface,
    angles,
    ellipsoid,
    smoothstep,
    surface,
    tube,
)
from unposed_jobs.lab.sample.people import Build

FACE = 256
"""Side of the face's texture in texels; it covers 0.24 m of the head, seen from the front."""


def _skull(build: Build, theta: Array, phi: Array, offset: Array | float = 0.0) -> Array:
    """Head-local points (…, 3), metres at the reference height, y up, z to the nose."""
    y = np.cos(phi)
    ring = np.sin(phi)
    sin, cos = np.sin(theta), np.cos(theta)
    width = 0.074 + 0.003 * build.masculine
    # Below the cheekbones the head narrows to the jaw; the chin is before the neck.
    lower = smoothstep(-0.05, -0.95, y)
    jaw = 1.0 - (0.30 - 0.14 * build.jaw) * lower
    dome = np.where(y > 0, ring**0.80, ring**0.92)
    x = (width + offset) * dome * sin * jaw
    depth = np.where(cos > 0, 0.092, 0.098)
    z = (depth + offset) * np.where(y > 0, ring**0.82, ring**0.9) * cos
    back_lower = smoothstep(0.0, -0.9, y) * (cos < 0)
    z = z * (1 - 0.30 * back_lower) + 0.010 * lower * (cos > -0.2)
    up = np.where(y > 0, 0.112, 0.118 + 0.006 * build.masculine)
    points = np.stack([x, (up + offset) * y, z], -1)
    front = smoothstep(0.0, 0.6, cos)

    def bump(cx: float, cy: float, sx: float, sy: float) -> Array:
        return np.exp(-(((np.abs(x) - cx) / sx) ** 2) - ((points[..., 1] - cy) / sy) ** 2) * front

    py = points[..., 1]
    bridge = np.exp(-((x / 0.010) ** 2)) * smoothstep(0.034, -0.036, py) * (py > -0.05)
    face = bridge * 0.022 * smoothstep(-0.053, -0.038, py)
    face = face + 0.007 * bump(0.011, -0.037, 0.007, 0.008)  # the wings of the nose
    face = face - 0.008 * bump(0.030, 0.006, 0.015, 0.011)  # the sockets of the eyes
    face = (
        face + 0.007 * bump(0.0, -0.0615, 0.018, 0.0045) + 0.006 * bump(0.0, -0.0715, 0.016, 0.005)
    )
    face = face + 0.003 * bump(0.036, -0.022, 0.016, 0.018)  # cheekbones
    face = face + 0.005 * bump(0.028, 0.025, 0.022, 0.008)  # brows
    face = face + 0.009 * bump(0.0, -0.098, 0.018, 0.013)  # chin
    points[..., 2] += face * (np.abs(offset) < 0.002 if np.isscalar(offset) else 1.0)
    return points


def _place(figure: Figure, local: Array) -> Array:
    """Head-local points into the world."""
    return figure.head + (local * figure.scale) @ figure.head_turn.T


def head_surfaces(figure: Figure) -> list[Surface]:
    """The head with its nose and ears, and the hair."""
    build = figure.build
    theta = angles(64)[None]
    phi = np.linspace(0.0, np.pi, 56)[:, None]
    local = _skull(build, np.broadcast_to(theta, (56, 65)), np.broadcast_to(phi, (56, 65)))
    # Projected from the front; the back of the head takes the border's plain skin.
    behind = local[..., 2] < 0.0
    uv = np.stack([0.5 + local[..., 0] / 0.24, 0.5 - local[..., 1] / 0.26], -1)
    uv[behind] = (0.04, 0.5)
    parts = [surface(_place(figure, local), uv, "face", closed=True)]
    for sign in (1.0, -1.0):
        centre = _place(figure, np.array([sign * 0.0745, -0.008, -0.004]))
        lobe = ellipsoid(
            centre,
            np.array([0.009, 0.031, 0.019]) * figure.scale,
            "skin",
            figure.head_turn,
            rows=10,
            segments=12,
        )
        parts.append(lobe)
        hollow = _place(figure, np.array([sign * 0.0800, -0.004, 0.002]))
        axes = np.array([0.0052, 0.017, 0.010]) * figure.scale
        parts.append(ellipsoid(hollow, axes, "ear", figure.head_turn, rows=8, segments=10))
        # Eyeballs stand out a little, so that an eye is seen in profile too.
        centre = _place(figure, np.array([sign * 0.0310, 0.0062, 0.0662]))
        axes = np.array([0.0138, 0.0060, 0.0120]) * figure.scale
        parts.append(ellipsoid(centre, axes, "eye", figure.head_turn, rows=12, segments=20))
    return parts + _hair(figure)


def _cap(
    figure: Figure, offset: float, line: tuple[float, float, float],
    *, lift: float = 0.0, rough: float = 0.0, sweep: float = 0.0,
) -> Surface:  # fmt: skip
    """Hair close to the head, down to a hairline given as heights (m) at front, side and back."""
    front, side, back = line
    theta = np.broadcast_to(angles(64)[None], (36, 65))
    around = np.abs(theta)
    edge = np.where(
        around < 1.15,
        front + 0.006 + (side - front - 0.006) * smoothstep(0.05, 1.2, around),
        side + (back - side) * smoothstep(1.55, 2.2, around),
    )
    edge = edge + sweep * np.sin(theta) * (around < 1.0)
    lowest = np.arccos(np.clip(edge / 0.117, -0.999, 0.999))
    t = np.linspace(0.0, 1.0, 36)[:, None]
    phi = lowest * t
    thick = offset + lift * np.exp(-(((around - 0.0) / 1.2) ** 2)) * np.sin(np.pi * t) ** 0.7
    if rough:
        thick = thick + rough * (
            np.sin(theta * 11 + 3 * np.sin(phi * 7)) * np.sin(phi * 13 + np.cos(theta * 5))
        )
    thick = thick * (1 - 0.75 * smoothstep(0.86, 1.0, t))  # thins out at the hairline
    local = _skull(figure.build, theta, phi, thick + 0.0025)
    uv = np.stack(np.broadcast_arrays(theta / (2 * np.pi) * 3, t * 1.0), -1)
    return surface(_place(figure, local), uv, "hair")


def _curtain(figure: Figure, length: float, flare: float, opening: float) -> Surface:
    """Hair that hangs at the sides and back from ear height down over `length` metres."""
    t = np.linspace(0.0, 1.0, 26)[:, None]
    theta = np.linspace(opening, 2 * np.pi - opening, 49)[None]
    y = 0.075 - (length + 0.075) * t
    fall = smoothstep(0.0, 0.5, t)
    wave = 0.004 * np.sin(theta * 9 + 9 * t) * fall
    x = np.sin(theta) * (0.064 + 0.027 * smoothstep(0.0, 0.3, t) + flare * fall + wave)
    back = 0.078 + 0.034 * smoothstep(0.0, 0.3, t) + flare * 0.4 * fall
    z = np.where(np.cos(theta) > 0, 0.062, back) * np.cos(theta) + wave
    z = z - 0.012 * fall * (1 - t)
    thin = 1 - 0.25 * smoothstep(0.8, 1.0, t)
    local = np.stack(np.broadcast_arrays(x * thin, y + 0.0 * theta, z), -1)
    # It hangs straight down, whatever the head does, and follows the head at its roots.
    turned = local @ figure.head_turn.T
    upright = local.copy()
    weight = smoothstep(0.15, 0.7, t)[..., None]
    points = figure.head + ((1 - weight) * turned + weight * upright) * figure.scale
    uv = np.stack(np.broadcast_arrays(theta / (2 * np.pi) * 3, t * 1.2), -1)
    return surface(points, uv, "hair", wrap=False)


def _hair(figure: Figure) -> list[Surface]:
    style, s = figure.build.hair_style, figure.scale
    if style == "bald":
        return []
    cap = {
        "buzz": lambda: _cap(figure, 0.003, (0.072, 0.030, -0.060)),
        "short": lambda: _cap(figure, 0.011, (0.070, 0.022, -0.066), lift=0.008),
        "quiff": lambda: _cap(figure, 0.011, (0.074, 0.028, -0.064), lift=0.026, sweep=0.008),
        "pixie": lambda: _cap(figure, 0.014, (0.058, -0.012, -0.080), lift=0.008, sweep=0.018),
        "afro": lambda: _cap(figure, 0.040, (0.066, -0.005, -0.080), lift=0.010, rough=0.004),
        "bob": lambda: _cap(figure, 0.015, (0.066, 0.0, -0.07), lift=0.006),
        "long": lambda: _cap(figure, 0.014, (0.070, 0.005, -0.07), lift=0.006),
        "bun": lambda: _cap(figure, 0.011, (0.072, 0.014, -0.066), lift=0.004),
        "ponytail": lambda: _cap(figure, 0.011, (0.072, 0.014, -0.066), lift=0.004),
    }
    parts = [cap[style]()]
    if style == "bob":
        parts.append(_curtain(figure, 0.135, 0.016, 1.0))
    elif style == "long":
        parts.append(_curtain(figure, 0.30, 0.014, 1.15))
    elif style == "bun":
        centre = _place(figure, np.array([0.0, 0.075, -0.105]))
        parts.append(ellipsoid(centre, np.array([0.042, 0.040, 0.042]) * s, "hair"))
    elif style == "ponytail":
        root = _place(figure, np.array([0.0, 0.045, -0.100]))
        drop = np.array([0.0, -1.0, 0.0])
        t = np.linspace(0, 1, 16)[:, None]
        back = figure.head_turn @ np.array([0.0, 0.0, -1.0])
        path = root + (back * 0.05 * np.sin(np.minimum(t * 2.2, 1.6)) + drop * 0.30 * t**1.3) * s
        radii = np.interp(t[:, 0], [0, 0.15, 0.5, 0.9, 1], [0.014, 0.026, 0.030, 0.018, 0.004])
        parts.append(tube(path, radii * s, back, "hair", 14, uv_span=(0, 0, 2, 1.5)))
    return parts


def eye_texture(build: Build) -> Image.Image:
    """White, iris, pupil and a glint, around an eyeball."""
    image = Image.new("RGB", (256, 128), (236, 231, 226))
    draw = ImageDraw.Draw(image)
    draw.ellipse((128 - 22, 64 - 52, 128 + 22, 64 + 52), fill=build.eye_colour)
    draw.ellipse((128 - 10, 64 - 24, 128 + 10, 64 + 24), fill=(14, 10, 10))
    draw.ellipse((132, 34, 138, 46), fill=(255, 255, 255))
    draw.rectangle((0, 0, 256, 26), fill=(70, 50, 44))  # the lashes' shade
    return image.filter(ImageFilter.GaussianBlur(1.5))


def face_texture(build: Build) -> Image.Image:
    """Eyes, brows, lips and shades on skin, seen from the front; FACE texels a side."""
    size = FACE * 2
    skin = np.array(build.skin, dtype=float)
    image = Image.new("RGB", (size, size), build.skin)

    def place(x: float, y: float) -> tuple[float, float]:
        return (0.5 + x / 0.24) * size, (0.5 - y / 0.26) * size

    def colour(factors: tuple[float, float, float]) -> tuple[int, int, int]:
        return tuple(int(value) for value in np.clip(skin * factors, 0, 255))  # type: ignore[return-value]

    def blob(layer: ImageDraw.ImageDraw, x: float, y: float, rx: float, ry: float, fill) -> None:  # noqa: PLR0917
        cx, cy = place(x, y)
        layer.ellipse((cx - rx / 0.24 * size, cy - ry / 0.26 * size,
                       cx + rx / 0.24 * size, cy + ry / 0.26 * size), fill=fill)  # fmt: skip

    soft = image.copy()
    draw = ImageDraw.Draw(soft)
    for sign in (1, -1):
        blob(draw, sign * 0.031, 0.008, 0.019, 0.013, colour((0.86, 0.80, 0.79)))
        blob(draw, sign * 0.043, -0.034, 0.017, 0.013, colour((1.01, 0.955, 0.95)))
        blob(draw, sign * 0.010, -0.046, 0.005, 0.003, colour((0.62, 0.52, 0.50)))
        blob(draw, sign * 0.012, -0.012, 0.003, 0.020, colour((0.90, 0.86, 0.85)))
    blob(draw, 0, -0.050, 0.012, 0.003, colour((0.78, 0.70, 0.68)))
    blob(draw, 0, -0.083, 0.014, 0.004, colour((0.82, 0.76, 0.74)))
    if build.beard:
        shade = skin * (1 - build.beard * 0.75) + np.array(build.hair_colour) * build.beard * 0.75
        fill = tuple(int(value) for value in shade)
        points = [
            (-0.078, -0.010), (-0.062, -0.045), (-0.034, -0.057), (0, -0.053), (0.034, -0.057),
            (0.062, -0.045), (0.078, -0.010), (0.08, -0.13), (-0.08, -0.13),
        ]  # fmt: skip
        draw.polygon([place(x, y) for x, y in points], fill=fill)
    image = soft.filter(ImageFilter.GaussianBlur(size / 120))
    draw = ImageDraw.Draw(image)
    dark = tuple(int(value * 0.8) for value in build.hair_colour)
    for sign in (1, -1):
        blob(draw, sign * 0.031, 0.0075, 0.0158, 0.0074, (52, 34, 28))
        blob(draw, sign * 0.031, 0.0058, 0.0146, 0.0056, (236, 231, 226))
        blob(draw, sign * 0.031, 0.0064, 0.0066, 0.0066, build.eye_colour)
        blob(draw, sign * 0.031, 0.0064, 0.0031, 0.0033, (14, 10, 10))
        blob(draw, sign * 0.0325, 0.0090, 0.0014, 0.0015, (255, 255, 255))
        lid = [(0.0155, 0.0075), (0.020, 0.0132), (0.031, 0.0160), (0.042, 0.0132),
               (0.0468, 0.0072), (0.041, 0.0098), (0.031, 0.0108), (0.021, 0.0100)]  # fmt: skip
        draw.polygon([place(sign * x, y) for x, y in lid], fill=colour((0.80, 0.72, 0.70)))
        crease = [
            (0.0155, 0.0072),
            (0.021, 0.0098),
            (0.031, 0.0107),
            (0.041, 0.0097),
            (0.0475, 0.0068),
        ]
        draw.line([place(sign * x, y) for x, y in crease], fill=(44, 28, 24), width=size // 180)
        thick = 0.0022 + 0.0016 * build.masculine
        brow = [(0.012, 0.0235), (0.028, 0.0290), (0.048, 0.0225), (0.046, 0.0245 + thick),
                (0.028, 0.0305 + thick), (0.012, 0.0255 + thick)]  # fmt: skip
        draw.polygon([place(sign * x, y) for x, y in brow], fill=dark)
    upper = [(-0.026, -0.0655), (-0.008, -0.0595), (0, -0.0612), (0.008, -0.0595), (0.026, -0.0655),
             (0, -0.0680)]  # fmt: skip
    lower = [(-0.026, -0.0655), (0, -0.0672), (0.026, -0.0655), (0.014, -0.0735), (0, -0.0755),
             (-0.014, -0.0735)]  # fmt: skip
    deep = tuple(int(value * 0.86) for value in build.lips)
    draw.polygon([place(x, y) for x, y in lower], fill=build.lips)
    draw.polygon([place(x, y) for x, y in upper], fill=deep)
    draw.line([place(-0.026, -0.0655), place(0, -0.0678), place(0.026, -0.0655)],
              fill=tuple(int(value * 0.55) for value in build.lips), width=size // 200)  # fmt: skip
    image = image.filter(ImageFilter.GaussianBlur(size / 420))
    return image.resize((FACE, FACE), Image.Resampling.BOX)
