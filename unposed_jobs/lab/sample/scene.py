"""Camera, light and the making of one picture of drawn figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from unposed_jobs.lab.sample import backdrop as backdrops
from unposed_jobs.lab.sample import raster
from unposed_jobs.lab.sample.backdrop import Backdrop
from unposed_jobs.lab.sample.geometry import Surface, triangles, turn, unit
from unposed_jobs.lab.sample.textures import TEXELS, reduced

SUPERSAMPLING = 2
SHADOW_MAP = 384

_GLOSS = {  # specular strength, exponent, wrap of light, redness of the shade
    "skin": (0.05, 18.0, 0.30, 0.35), "face": (0.05, 18.0, 0.30, 0.35),
    "hair": (0.10, 22.0, 0.25, 0.0), "eye": (0.25, 40.0, 0.30, 0.0),
    "shoe": (0.12, 26.0, 0.15, 0.0), "sole": (0.02, 10.0, 0.2, 0.0),
}  # fmt: skip
_CLOTH = (0.012, 9.0, 0.22, 0.0)


@dataclass(frozen=True)
class Actor:
    """A dressed figure ready to stand in the scene: turned by `yaw` and moved by x, z."""

    surfaces: Sequence[Surface]
    textures: dict[str, Image.Image]
    feet: npt.NDArray[np.float64]
    joints: npt.NDArray[np.float64]
    yaw: float
    x: float = 0.0
    z: float = 0.0

    def placed(self, points: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """The figure's own points (..., 3) where they are in the scene."""
        moved: npt.NDArray[np.float64] = points @ turn(self.yaw).T + (self.x, 0.0, self.z)
        return moved


@dataclass(frozen=True)
class Camera:
    """Looks at (x, y, 0) from `height`; `span` metres fill the picture's height there."""

    x: float
    y: float
    span: float
    height: float
    field: float
    """Vertical field of view, radians."""
    roll: float = 0.0

    def stand(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """The eye (3,), and the axes right, up and forward (3, 3)."""
        distance = self.span / 2 / np.tan(self.field / 2)
        target = np.array([self.x, self.y, 0.0])
        rise = np.clip(self.height - self.y, -0.6 * distance, 0.6 * distance)
        eye = target + np.array([0.0, rise, np.sqrt(distance**2 - rise**2)])
        forward = unit(target - eye)
        right = unit(np.cross(forward, np.array([np.sin(self.roll), np.cos(self.roll), 0.0])))
        return eye, np.stack([right, np.cross(right, forward), forward])

    def project(
        self, points: npt.NDArray[np.float64], size: tuple[int, int]
    ) -> npt.NDArray[np.float64]:
        """Points (..., 3) of the scene as x, y in [0, 1] of a picture of `size`."""
        eye, axes = self.stand()
        seen = (points - eye) @ axes.T
        focal = 1 / 2 / np.tan(self.field / 2)
        x = 0.5 + seen[..., 0] / seen[..., 2] * focal * size[1] / size[0]
        return np.stack([x, 0.5 - seen[..., 1] / seen[..., 2] * focal], -1)


@dataclass(frozen=True)
class Light:
    """The key light comes from `azimuth` (0 = the camera's side) and `elevation`, radians."""

    azimuth: float
    elevation: float
    strength: float
    fill: float
    warmth: float
    shadow: float
    rim: float


def random_light(rng: np.random.Generator) -> Light:
    """A soft key from the front or a side, from above."""
    return Light(
        azimuth=float(rng.uniform(-1.1, 1.1)),
        elevation=float(rng.uniform(0.55, 1.1)),
        strength=float(rng.uniform(0.62, 0.86)),
        fill=float(rng.uniform(0.34, 0.52)),
        warmth=float(rng.uniform(-0.06, 0.08)),
        shadow=float(rng.uniform(0.35, 0.75)),
        rim=float(rng.uniform(0.0, 0.5)),
    )


class _Mesh:
    """All actors' surfaces in a few flat arrays, as the kernels take them."""

    def __init__(self, actors: Sequence[Actor], pixels_per_metre: float):
        surfaces: list[Surface] = []
        points, normals, materials, texture_of, blocks = [], [], [], [], []
        table: list[tuple[int, int, int]] = []
        offset = 0
        for actor in actors:
            rotation = turn(actor.yaw)
            names = list(dict.fromkeys(part.material for part in actor.surfaces))
            first = len(table)
            for name in names:
                texels = {"face": 256 / 0.24, "hair": 500.0, "eye": 3000.0}.get(name, float(TEXELS))
                pixels = reduced(actor.textures[name], texels / pixels_per_metre)
                table.append((offset, pixels.shape[0], pixels.shape[1]))
                blocks.append(pixels.ravel())
                offset += pixels.size
            for part in actor.surfaces:
                surfaces.append(part)
                points.append(part.points.reshape(-1, 3) @ rotation.T + (actor.x, 0.0, actor.z))
                normals.append(part.normals.reshape(-1, 3) @ rotation.T)
                materials.append(_GLOSS.get(part.material, _CLOTH))
                texture_of.append(first + names.index(part.material))
        self.positions = np.concatenate(points).astype(np.float32)
        self.normals = np.concatenate(normals).astype(np.float32)
        self.uv = np.concatenate([part.uv.reshape(-1, 2) for part in surfaces]).astype(np.float32)
        counts = [part.points.shape[0] * part.points.shape[1] for part in surfaces]
        self.surface_of = np.repeat(np.arange(len(surfaces), dtype=np.int32), counts)
        starts = np.concatenate([[0], np.cumsum(counts)[:-1]]).astype(np.int32)
        grids = [
            triangles(*part.points.shape[:2]) + start
            for part, start in zip(surfaces, starts, strict=True)
        ]
        self.triangles = np.concatenate(grids).astype(np.int32)
        self.closed = np.repeat(
            np.array([part.closed for part in surfaces], dtype=np.uint8), [len(g) for g in grids]
        )
        self.materials = np.array(materials, dtype=np.float32)
        self.texture_of = np.array(texture_of, dtype=np.int32)
        self.textures = np.concatenate(blocks)
        self.texture_table = np.array(table, dtype=np.int64)


def photograph(
    actors: Sequence[Actor],
    camera: Camera,
    light: Light,
    backdrop: Backdrop,
    *,
    size: tuple[int, int],
    seed: int,
) -> Image.Image:
    """Render one RGB picture of `size` = (width, height) pixels; `seed` is its grain's."""
    width, height = size
    eye, (right, up, forward) = camera.stand()
    focal = height / 2 / np.tan(camera.field / 2)
    mesh = _Mesh(actors, height / camera.span)
    screen, nearness = _projected(mesh, camera, size)
    depth, owner, background, picture = _buffers(width, height)
    depth.fill(0.0)
    owner.fill(-1)
    raster.draw(screen, nearness, mesh.triangles, mesh.closed, depth, owner)

    key = np.array(
        [
            np.sin(light.azimuth) * np.cos(light.elevation),
            np.sin(light.elevation),
            np.cos(light.azimuth) * np.cos(light.elevation),
        ]
    )
    shadow, to_shadow, shadow_depth = _shadow_map(mesh, key)
    outline = Image.fromarray(np.where(shadow > -1e8, 255, 0).astype(np.uint8))
    sharp = np.asarray(outline.filter(ImageFilter.GaussianBlur(3.0)))
    soft = np.asarray(outline.filter(ImageFilter.GaussianBlur(13.0)))

    warm = np.array([1 + light.warmth, 1.0, 1 - light.warmth])
    key_colour = (light.strength * warm).astype(np.float32)
    sky = (light.fill * (2 - warm)).astype(np.float32)
    floor = np.array(backdrop.floor) / 255.0
    bounce = (light.fill * 0.75 * (0.35 + 0.65 * floor)).astype(np.float32)
    rim = np.array([-np.sin(light.azimuth) * 0.8, 0.35, -0.6, light.rim], np.float32)
    contacts = np.concatenate([actor.placed(actor.feet) for actor in actors])[:, [0, 2]]
    wall_light = np.array([-np.sin(light.azimuth) * 0.5, 1.3, *warm, 0.4], dtype=np.float32)
    as_f32 = [np.asarray(value, dtype=np.float32) for value in (eye, right, up, forward)]
    backdrops.paint(
        *as_f32, np.float32(focal), backdrops.parameters(backdrop), wall_light,
        contacts.astype(np.float32), sharp, soft, to_shadow, np.float32(light.shadow * 0.8),
        background,
    )  # fmt: skip
    raster.shade(
        depth, owner, SUPERSAMPLING, screen, nearness, mesh.triangles, mesh.positions, mesh.normals,
        mesh.uv, mesh.surface_of, mesh.texture_of, mesh.textures, mesh.texture_table,
        mesh.materials, as_f32[0], key.astype(np.float32), key_colour, sky, bounce, rim, shadow,
        to_shadow, shadow_depth, np.float32(light.shadow), background, picture,
    )  # fmt: skip
    developed = np.empty((height, width, 3), np.uint8)
    noise = np.random.default_rng(seed).standard_normal((64, 64)).astype(np.float32)
    raster.develop(picture, noise, np.float32(1.3), developed)
    return Image.fromarray(developed)


def seen_materials(
    actors: Sequence[Actor], camera: Camera, size: tuple[int, int]
) -> tuple[npt.NDArray[np.int32], list[str]]:
    """What `photograph` shows in each pixel: (height, width) int32, and the materials' names.

    -1 is the backdrop, else the place of a surface's material among the names; a pixel is what at
    least half of its samples show.
    """
    width, height = size
    mesh = _Mesh(actors, height / camera.span)
    screen, nearness = _projected(mesh, camera, size)
    depth, owner, _, _ = _buffers(width, height)
    depth.fill(0.0)
    owner.fill(-1)
    raster.draw(screen, nearness, mesh.triangles, mesh.closed, depth, owner)
    materials = [part.material for actor in actors for part in actor.surfaces]
    names = sorted(set(materials))
    number = np.array([names.index(name) for name in materials], np.int32)
    of_triangle = number[mesh.surface_of[mesh.triangles[:, 0]]]
    samples = np.where(owner >= 0, of_triangle[owner], -1)
    samples = samples.reshape(height, SUPERSAMPLING, width, SUPERSAMPLING)
    samples = np.sort(samples.transpose(0, 2, 1, 3).reshape(height, width, -1), axis=-1)
    # The upper middle of four: with two of the figure and two of the backdrop, the figure.
    return samples[..., samples.shape[-1] // 2], names


def _projected(
    mesh: _Mesh, camera: Camera, size: tuple[int, int]
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """The mesh's points on the screen (V, 2), in samples, and how near they are (V,)."""
    width, height = size
    eye, axes = camera.stand()
    focal = height / 2 / np.tan(camera.field / 2)
    offset = mesh.positions - eye.astype(np.float32)
    seen = offset @ axes.astype(np.float32).T
    nearness = (1.0 / np.maximum(seen[:, 2], 0.05)).astype(np.float32)
    scale = np.float32(focal * SUPERSAMPLING)
    screen = np.empty((len(seen), 2), np.float32)
    screen[:, 0] = width * SUPERSAMPLING / 2 + seen[:, 0] * nearness * scale
    screen[:, 1] = height * SUPERSAMPLING / 2 - seen[:, 1] * nearness * scale
    return screen, nearness


@lru_cache(maxsize=2)
def _buffers(width: int, height: int) -> tuple[npt.NDArray[Any], ...]:
    """Depth, owner, background and light: big, so each process keeps its own."""
    samples = (height * SUPERSAMPLING, width * SUPERSAMPLING)
    return (
        np.empty(samples, np.float32),
        np.empty(samples, np.int32),
        np.empty((height, width, 3), np.float32),
        np.empty((height, width, 3), np.float32),
    )


def _shadow_map(
    mesh: _Mesh, key: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """What the light sees: nearness (S, S), the (2, 4) map of a point to it, the depth's axis."""
    across = unit(np.cross(np.array([0.0, 1.0, 0.0]), key))
    upward = np.cross(key, across)
    axes = np.stack([across, upward]).astype(np.float32)
    flat = mesh.positions @ axes.T
    low, high = flat.min(0), flat.max(0)
    scale = np.float32((SHADOW_MAP - 32) / float((high - low).max()))
    to_shadow = np.zeros((2, 4), np.float32)
    to_shadow[:, :3] = axes * scale
    to_shadow[:, 3] = SHADOW_MAP / 2 - scale * (low + high) / 2
    screen = flat * scale + to_shadow[:, 3]
    nearness = (mesh.positions @ key).astype(np.float32)
    depth = np.full((SHADOW_MAP, SHADOW_MAP), -1e9, np.float32)
    owner = np.full(depth.shape, -1, np.int32)
    open_sides = np.zeros_like(mesh.closed)
    raster.draw(
        np.ascontiguousarray(screen, dtype=np.float32), nearness, mesh.triangles, open_sides, depth,
        owner,
    )  # fmt: skip
    return depth, to_shadow, key.astype(np.float32)


def warm_up() -> None:
    """Compile the kernels, or load them, by rendering a picture the size of a stamp."""
    from unposed_jobs.lab.sample.geometry import ellipsoid

    ball = ellipsoid(np.array([0.0, 1.0, 0.0]), np.full(3, 0.3), "sole")
    actor = Actor(
        [ball], {"sole": Image.new("RGB", (8, 8))}, np.zeros((2, 3)), np.zeros((13, 3)), 0.0
    )
    camera = Camera(0.0, 1.0, 1.0, 1.0, 0.5)
    paper = Backdrop((240, 240, 240), (240, 240, 240), False, 2.0, 0.1)
    light = Light(0.3, 0.8, 0.7, 0.4, 0.0, 0.5, 0.2)
    photograph([actor], camera, light, paper, size=(16, 16), seed=0)
