# ruff: noqa: PLR0917, PLR0912, PLR0915, RUF046 - a kernel takes flat arrays
"""What stands behind a figure: seamless paper, or a room with a wall and a floor of boards."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit

from unposed_jobs.lab.sample.textures import Colour

_OPTIONS: dict[str, Any] = {"cache": True, "fastmath": True, "nogil": True, "error_model": "numpy"}


@dataclass(frozen=True)
class Backdrop:
    """`boards` draws a wooden floor, a skirting board and a wall; else paper without a seam."""

    wall: Colour
    floor: Colour
    boards: bool
    distance: float
    """Of the wall behind the figure, metres."""
    falloff: float
    """How much darker the wall is away from the light, 0 to 1."""
    panel: float = 0.0
    """Spacing of the wall's mouldings in metres; 0 for a plain wall."""


def random_backdrop(rng: np.random.Generator) -> Backdrop:
    """Mostly white and grey paper, as catalogues have it; some coloured, some rooms."""
    kind = rng.random()
    distance = float(rng.uniform(1.2, 3.0))
    if kind < 0.42:
        level = int(rng.integers(226, 252))
        return Backdrop((level, level, level), (level, level, level), False, distance,
                        float(rng.uniform(0.05, 0.25)))  # fmt: skip
    if kind < 0.62:
        level = int(rng.integers(120, 215))
        tint = rng.integers(-6, 7, 3)
        paper = _shift((level, level, level), tint)
        return Backdrop(paper, paper, False, distance, float(rng.uniform(0.2, 0.5)))
    if kind < 0.80:
        papers = ((214, 190, 178), (176, 196, 206), (196, 206, 180), (222, 206, 164),
                  (188, 176, 204), (206, 160, 148), (140, 164, 172))  # fmt: skip
        paper = _shift(papers[int(rng.integers(len(papers)))], rng.integers(-8, 9, 3))
        return Backdrop(paper, paper, False, distance, float(rng.uniform(0.15, 0.4)))
    walls = ((228, 224, 216), (206, 212, 214), (196, 204, 190), (222, 206, 190), (170, 180, 190))
    floors = ((176, 136, 96), (142, 106, 76), (196, 168, 132), (120, 112, 106))
    return Backdrop(
        _shift(walls[int(rng.integers(len(walls)))], rng.integers(-8, 9, 3)),
        floors[int(rng.integers(len(floors)))], True, distance, float(rng.uniform(0.15, 0.4)),
        float(rng.choice([0.0, 0.9, 1.3])),
    )  # fmt: skip


def _shift(colour: Colour, by: np.ndarray) -> Colour:
    red, green, blue = (int(np.clip(c + d, 0, 255)) for c, d in zip(colour, by, strict=True))
    return red, green, blue


def parameters(backdrop: Backdrop) -> np.ndarray:
    """The backdrop as the kernel takes it, (10,) float32, colours as light."""
    wall, floor = ((np.array(c) / 255.0) ** 2 for c in (backdrop.wall, backdrop.floor))
    rest = [float(backdrop.boards), backdrop.distance, backdrop.falloff, backdrop.panel]
    return np.array([*wall, *floor, *rest], dtype=np.float32)


@njit(**_OPTIONS)
def _blurred(image, x, y):
    height, width = image.shape
    x -= 0.5
    y -= 0.5
    ix, iy = int(math.floor(x)), int(math.floor(y))
    if ix < 0 or iy < 0 or ix >= width - 1 or iy >= height - 1:
        return np.float32(0.0)
    fx, fy = x - ix, y - iy
    upper = image[iy, ix] * (1 - fx) + image[iy, ix + 1] * fx
    lower = image[iy + 1, ix] * (1 - fx) + image[iy + 1, ix + 1] * fx
    return np.float32((upper * (1 - fy) + lower * fy) / 255.0)


@njit(**_OPTIONS)
def _hash(value):
    turned = math.sin(value * 12.9898 + 4.1414) * 43758.5453
    return np.float32(turned - math.floor(turned))


@njit(**_OPTIONS)
def paint(
    eye, right, up, forward, focal, settings, light, contacts, sharp, soft, to_shadow, strength, out
):
    """Fill `out` (h, w, 3) float32 with the light of the backdrop.

    focal: pixels; light (6,): where the wall is brightest (x, y), the key's colour, ambient share;
    contacts (N, 2): feet on the floor (x, z); sharp, soft: blurred figure outlines from the light.
    """
    height, width = out.shape[0], out.shape[1]
    boards, distance, falloff, panel = settings[6] > 0.5, settings[7], settings[8], settings[9]
    bend = np.float32(0.45)
    for py in range(height):
        for px in range(width):
            sx = (np.float32(px) + np.float32(0.5) - width * np.float32(0.5)) / focal
            sy = (height * np.float32(0.5) - np.float32(py) - np.float32(0.5)) / focal
            dx = forward[0] + sx * right[0] + sy * up[0]
            dy = forward[1] + sx * right[1] + sy * up[1]
            dz = forward[2] + sx * right[2] + sy * up[2]
            far = (-distance - eye[2]) / dz if dz < -1e-6 else np.float32(1e9)
            fall = -eye[1] / dy if dy < -1e-6 else np.float32(1e9)
            on_floor = fall < far
            t = min(fall, far)
            x, y, z = eye[0] + t * dx, eye[1] + t * dy, eye[2] + t * dz
            # Paper is bent from wall to floor: mix the two near the corner.
            if on_floor:
                mix = np.float32(1.0)
                if not boards:
                    mix = min(max((z + distance) / bend, np.float32(0.0)), np.float32(1.0))
                    mix = np.float32(0.5) + np.float32(0.5) * mix
            else:
                mix = np.float32(0.0)
                if not boards:
                    mix = np.float32(0.5) * max(np.float32(1.0) - y / bend, np.float32(0.0))
            wx, wy = x - light[0], (y - light[1]) * np.float32(0.8)
            wall = np.float32(1.0) - falloff * min(
                (wx * wx + wy * wy) * np.float32(0.22), np.float32(1.0)
            )
            ground = np.float32(1.02) - falloff * min(
                (x * x + z * z) * np.float32(0.12), np.float32(0.9)
            )
            tone = np.float32(1.0)
            if boards and on_floor:
                row = math.floor(x / 0.13)
                along = z / 1.1 + _hash(row * 1.7) * 3.0
                piece = math.floor(along)
                tone = np.float32(0.84) + np.float32(0.22) * _hash(row * 7.1 + piece * 3.3)
                edge = abs(x / 0.13 - row - 0.5)
                if edge > 0.485 or abs(along - piece - 0.5) > 0.4975:
                    tone *= np.float32(0.72)
                tone *= np.float32(1.0) + np.float32(0.05) * np.float32(
                    math.sin(x * 190.0 + 4.0 * math.sin(z * 3.0 + row))
                )
            elif boards:
                if y < 0.11:
                    tone = np.float32(1.1) if y < 0.10 else np.float32(0.8)
                elif panel > 0.0:
                    cell = abs(x / panel - math.floor(x / panel) - 0.5) * panel
                    inset = panel * 0.5 - 0.11
                    inside_x, low, high = cell < inset, y > 0.25, y < 2.3
                    rim_x = abs(cell - inset) < 0.012 and low and high
                    rim_y = (abs(y - 0.25) < 0.012 or abs(y - 2.3) < 0.012) and inside_x
                    if rim_x or rim_y:
                        tone = np.float32(0.88)
                if y < 0.16 and not y < 0.11:
                    tone *= np.float32(0.93)
            level = tone * (mix * ground + (np.float32(1.0) - mix) * wall)
            # The figure's shadow: sharp near its feet, soft farther off.
            u = to_shadow[0, 0] * x + to_shadow[0, 1] * y + to_shadow[0, 2] * z + to_shadow[0, 3]
            v = to_shadow[1, 0] * x + to_shadow[1, 1] * y + to_shadow[1, 2] * z + to_shadow[1, 3]
            away = min(math.sqrt(x * x + z * z) * np.float32(0.9), np.float32(1.0))
            dark = _blurred(soft, u, v)
            if on_floor:
                dark = dark * away + _blurred(sharp, u, v) * (np.float32(1.0) - away)
            else:
                dark *= np.float32(0.8)
            level *= np.float32(1.0) - strength * dark
            if on_floor:
                for k in range(contacts.shape[0]):
                    cx, cz = x - contacts[k, 0], z - contacts[k, 1]
                    near = math.exp(-(cx * cx * 160.0 + cz * cz * 45.0))
                    level *= np.float32(1.0) - np.float32(0.42) * np.float32(near)
            for channel in range(3):
                colour = mix * settings[3 + channel] + (np.float32(1.0) - mix) * settings[channel]
                tint = light[5] + (np.float32(1.0) - light[5]) * light[2 + channel]
                out[py, px, channel] = colour * level * tint
