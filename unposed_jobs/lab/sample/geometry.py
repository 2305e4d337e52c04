"""Surfaces of the drawn figures: grids of points with normals, tubes along curves, joint angles.

World frame: metres, y up, the figure stands at the origin and faces +z, so that its left is +x.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Surface:
    """A grid of R×S points: `points` and `normals` (R, S, 3), `uv` (R, S, 2), a material's name.

    Rows run downwards and columns to the figure's left, so that the grid's own normal looks
    inwards. A `closed` surface is never seen from inside, so its far side need not be drawn.
    """

    points: Array
    normals: Array
    uv: Array
    material: str
    closed: bool = False


def surface(
    points: Array, uv: Array, material: str, wrap: bool = True, closed: bool = False
) -> Surface:
    """Make a surface of a (R, S, 3) grid; `wrap` says its first and last columns are one seam."""
    along = np.empty_like(points)
    along[1:-1] = points[2:] - points[:-2]
    along[0] = points[1] - points[0]
    along[-1] = points[-1] - points[-2]
    around = np.empty_like(points)
    around[:, 1:-1] = points[:, 2:] - points[:, :-2]
    if wrap:
        around[:, 0] = around[:, -1] = points[:, 1] - points[:, -2]
    else:
        around[:, 0] = points[:, 1] - points[:, 0]
        around[:, -1] = points[:, -1] - points[:, -2]
    normals = np.empty_like(points)
    normals[..., 0] = around[..., 1] * along[..., 2] - around[..., 2] * along[..., 1]
    normals[..., 1] = around[..., 2] * along[..., 0] - around[..., 0] * along[..., 2]
    normals[..., 2] = around[..., 0] * along[..., 1] - around[..., 1] * along[..., 0]
    length = np.sqrt((normals**2).sum(-1))
    normals /= np.maximum(length, 1e-12)[..., None]
    for row, inner in ((0, 1), (-1, -2)):
        if length[row].max() < 1e-9:  # a pole: all its points are one
            mean = normals[inner].mean(0)
            normals[row] = mean / max(float(np.linalg.norm(mean)), 1e-9)
    return Surface(points, normals, uv, material, closed)


@lru_cache(maxsize=128)
def triangles(rows: int, columns: int) -> npt.NDArray[np.int32]:
    """The 2·(R-1)·(S-1) triangles of a grid, as rows of three flat indices."""
    corner = (np.arange(rows - 1)[:, None] * columns + np.arange(columns - 1)).ravel()
    first = np.stack([corner, corner + 1, corner + columns], 1)
    second = np.stack([corner + 1, corner + columns + 1, corner + columns], 1)
    return np.concatenate([first, second]).astype(np.int32)


def angles(segments: int) -> Array:
    """Around a vertical body, (S+1,): 0 and ±π; 0 is the front, +π/2 the figure's left."""
    return np.linspace(-np.pi, np.pi, segments + 1)


def unit(vector: Array) -> Array:
    """The vectors of the last axis at length 1."""
    return vector / np.maximum(np.linalg.norm(vector, axis=-1, keepdims=True), 1e-12)


def smoothstep(low: float, high: float, value: Array | float) -> Array:
    """0 below `low`, 1 above `high`, smooth between."""
    t = np.clip((np.asarray(value, dtype=float) - low) / (high - low), 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


def spline(knots: Array, values: Array, at: Array) -> Array:
    """Monotone-limited cubic Hermite through `values` (N,) at ascending `knots`; ends held."""
    step = np.diff(knots)
    slope = np.diff(values) / step
    tangent = np.zeros_like(values)
    left, right = slope[:-1], slope[1:]
    same = left * right > 0
    tangent[1:-1][same] = 2 * left[same] * right[same] / (left[same] + right[same])
    at = np.clip(at, knots[0], knots[-1])
    index = np.clip(np.searchsorted(knots, at, side="right") - 1, 0, len(step) - 1)
    h = step[index]
    t = (at - knots[index]) / h
    t2, t3 = t * t, t * t * t
    return (
        (2 * t3 - 3 * t2 + 1) * values[index]
        + (t3 - 2 * t2 + t) * h * tangent[index]
        + (3 * t2 - 2 * t3) * values[index + 1]
        + (t3 - t2) * h * tangent[index + 1]
    )


def two_bones(start: Array, target: Array, upper: float, lower: float, pole: Array) -> Array:
    """The (3, 3) start, middle and end of a limb that reaches for `target`, bending to `pole`."""
    reach = target - start
    distance = float(np.clip(np.linalg.norm(reach), 0.2 * upper, 0.997 * (upper + lower)))
    axis = unit(reach)
    end = start + axis * distance
    along = (upper**2 - lower**2 + distance**2) / (2 * distance)
    off = np.sqrt(max(upper**2 - along**2, 0.0))
    side = unit(pole - axis * float(pole @ axis))
    return np.stack([start, start + axis * along + side * off, end])


def rounded_path(corners: Array, samples: int, rounding: float = 0.25) -> tuple[Array, Array]:
    """A curve along a polyline whose inner corners are rounded off.

    Returns ((N, 3) points, (N,) positions) where position k is at `corners[k]`.
    """
    position = np.linspace(0.0, len(corners) - 1.0, samples)
    nearest = np.clip(np.rint(position).astype(int), 1, len(corners) - 2)
    base = np.stack(
        [np.interp(position, np.arange(len(corners)), corners[:, axis]) for axis in range(3)], 1
    )
    offset = position - nearest
    inside = np.abs(offset) < rounding
    if len(corners) > 2:
        before, here, after = corners[nearest - 1], corners[nearest], corners[nearest + 1]
        t = ((offset + rounding) / (2 * rounding))[:, None]
        start = here + (before - here) * rounding
        end = here + (after - here) * rounding
        curve = (1 - t) ** 2 * start + 2 * t * (1 - t) * here + t**2 * end
        base = np.where(inside[:, None], curve, base)
    return base, position


def tube(
    path: Array,
    radii: Array,
    front: Array,
    material: str,
    segments: int = 24,
    *,
    flatten: float | Array = 1.0,
    caps: bool = True,
    uv_span: tuple[float, float, float, float] = (0.0, 0.0, 1.0, 1.0),
    closed: bool = False,
) -> Surface:
    """A tube along `path` (N, 3) with `radii` (N,) or (N, S+1); `front` is where θ = 0 looks.

    `flatten` scales the sideways radius. `uv_span` is (u0, v0, u1, v1). Caps close the ends.
    """
    tangent = unit(np.gradient(path, axis=0))
    ahead = unit(front - tangent * (tangent @ front)[:, None])
    side = np.cross(tangent, ahead)
    theta = angles(segments)
    r = np.broadcast_to(
        np.asarray(radii, dtype=float).reshape(len(path), -1), (len(path), segments + 1)
    )
    wide = np.broadcast_to(np.asarray(flatten, dtype=float), (len(path),))[:, None]
    points = (
        path[:, None]
        + ahead[:, None] * (r * np.cos(theta))[..., None]
        - side[:, None] * (r * wide * np.sin(theta))[..., None]
    )
    v = np.linspace(0.0, 1.0, len(path))
    if caps:
        first, last = path[0], path[-1]
        points = np.concatenate(
            [
                np.broadcast_to(first, (1, segments + 1, 3)),
                points,
                np.broadcast_to(last, (1, segments + 1, 3)),
            ]
        )
        v = np.concatenate([[0.0], v, [1.0]])
    u0, v0, u1, v1 = uv_span
    uv = np.empty((*points.shape[:2], 2))
    uv[..., 0] = u0 + (u1 - u0) * (0.5 + theta / (2 * np.pi))
    uv[..., 1] = (v0 + (v1 - v0) * v)[:, None]
    return surface(points, uv, material, closed=closed)


def ellipsoid(
    centre: Array,
    axes: Array,
    material: str,
    rotation: Array | None = None,
    *,
    rows: int = 14,
    segments: int = 20,
) -> Surface:
    """An ellipsoid of half-lengths `axes`; `rotation` (3, 3) has its axes as columns."""
    phi = np.linspace(0.0, np.pi, rows)[:, None]
    theta = angles(segments)[None]
    local = np.stack(
        [
            axes[0] * np.sin(phi) * np.sin(theta),
            axes[1] * np.cos(phi) * np.ones_like(theta),
            axes[2] * np.sin(phi) * np.cos(theta),
        ],
        -1,
    )
    points = centre + (local if rotation is None else local @ rotation.T)
    uv = np.stack(
        np.broadcast_arrays(0.5 + theta / (2 * np.pi), phi / np.pi),
        -1,
    )
    return surface(points, uv, material, closed=True)


def turn(yaw: float = 0.0, pitch: float = 0.0, roll: float = 0.0) -> Array:
    """(3, 3) rotation: roll about z, then pitch about x, then yaw about y (radians).

    A positive yaw turns +z towards +x; a positive pitch looks down.
    """
    cy, sy, cp, sp, cr, sr = (
        np.cos(yaw), np.sin(yaw), np.cos(pitch), np.sin(pitch), np.cos(roll), np.sin(roll),
    )  # fmt: skip
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_x = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    about_z = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    return about_y @ about_x @ about_z
