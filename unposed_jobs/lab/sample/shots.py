"""Makes the picture that a shot asks for: pose, camera and light around a dressed figure."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from PIL import Image

from unposed_jobs.lab.sample import objects, parts, scene
from unposed_jobs.lab.sample.backdrop import Backdrop, random_backdrop
from unposed_jobs.lab.sample.cohorts import Shot
from unposed_jobs.lab.sample.flat_lay import flat_lay_masked
from unposed_jobs.lab.sample.garments import Garment
from unposed_jobs.lab.sample.joints import JOINTS
from unposed_jobs.lab.sample.people import Pose, random_pose
from unposed_jobs.lab.sample.scene import Camera, Light, random_light
from unposed_jobs.lab.sample.wardrobe import (
    Outfit,
    dressed,
    outfit_textures,
    random_outfit,
)


@dataclass(frozen=True)
class Photograph:
    """A picture, and the joints (people, 13, 2) of those in it: x, y in [0, 1] of the picture.

    `labels` (height, width) uint8, where they were asked for, are what each pixel shows (`parts`).
    """

    image: Image.Image
    joints: npt.NDArray[np.float64]
    labels: npt.NDArray[np.uint8] | None = None


class Studio:
    """One product's session: its garment, one or two models, a usual backdrop and light."""

    def __init__(self, rng: np.random.Generator, garment: Garment, womenswear: bool, size: int):
        self._garment, self._womenswear = garment, womenswear
        self._seed = int(rng.integers(1 << 31))
        shape = float(rng.choice((0.8, 0.8, 0.8, 5 / 6, 1.0)))
        self.width, self.height = max(round(size * shape), 1), size
        self._backdrop: Backdrop = random_backdrop(rng)
        self._light: Light = random_light(rng)
        self._cast: dict[int, tuple[Outfit, dict[str, Image.Image]]] = {}

    def _model(self, which: int) -> tuple[Outfit, dict[str, Image.Image]]:
        if which not in self._cast:
            rng = np.random.default_rng([self._seed, which])
            outfit = random_outfit(rng, self._garment, self._womenswear)
            self._cast[which] = outfit, outfit_textures(outfit)
        return self._cast[which]

    def picture(self, shot: Shot, people: int, seed: int) -> Image.Image:
        """The picture of this shot, `seed` deciding all that the shot leaves open."""
        return self.take(shot, people, seed).image

    def take(self, shot: Shot, people: int, seed: int, *, labelled: bool = False) -> Photograph:
        """As `picture`, with the truth about the people in it; `labelled`: about each pixel too."""
        rng = np.random.default_rng([self._seed, 9, seed])
        if shot.kind != "person":
            return self._object(rng, shot.kind)
        which = int(rng.random() < 0.12)
        backdrop = self._backdrop if rng.random() < 0.8 else random_backdrop(rng)
        light = replace(self._light, azimuth=self._light.azimuth + float(rng.normal(0, 0.1)))
        yaw = _yaw(rng, shot.view)
        open_front = bool(rng.random() < 0.6)
        outfit, painted = self._model(which)
        camera = frame(rng, shot.framing, outfit.build.scale)
        pose = random_pose(rng, shot.view)
        if shot.view in ("left", "right"):  # models often look a little to the camera
            glance = float(rng.uniform(-0.05, 0.55)) * (1 if shot.view == "left" else -1)
            pose = replace(pose, head_yaw=pose.head_yaw * 0.5 + glance)
        if people == 1:
            actors = [dressed(outfit, painted, pose, yaw, open_front=open_front)]
        else:
            camera = replace(camera, span=camera.span * 1.12, x=0.0)
            apart = 0.31 if shot.framing == "upper" else 0.34
            second, other = self._model(2)
            calm = Pose(jitter=pose.jitter)
            actors = [
                dressed(outfit, painted, calm, yaw + 0.12, open_front=open_front, x=-apart, z=0.03),
                dressed(second, other, replace(calm, legs="apart"), yaw - 0.15, x=apart, z=-0.05),
            ]
        size = (self.width, self.height)
        image = scene.photograph(
            actors, camera, light, backdrop, size=size, seed=int(rng.integers(1 << 31))
        )
        standing = np.stack([actor.placed(actor.joints) for actor in actors])
        labels = parts.of_scene(actors, camera, size) if labelled else None
        return Photograph(image, camera.project(standing, size), labels)

    def _object(self, rng: np.random.Generator, kind: str) -> Photograph:
        size, nobody = (self.width, self.height), np.empty((0, len(JOINTS), 2))
        if kind == "flat_lay":
            image, mask = flat_lay_masked(rng, self._garment, *size)
            return Photograph(image, nobody, parts.of_mask(mask))
        draw = {"fabric": objects.fabric, "size_chart": objects.size_chart}[kind]
        laid = parts.number("laid") if kind == "fabric" else 0
        labels = np.full((self.height, self.width), laid, np.uint8)
        return Photograph(draw(rng, self._garment, *size), nobody, labels)


def _yaw(rng: np.random.Generator, view: str) -> float:
    """How far the figure is turned from facing the camera, radians."""
    middle, spread = {
        "front": (0.0, 12.0),
        "back": (180.0, 14.0),
        "left": (-84.0, 12.0),
        "right": (84.0, 12.0),
        "three_quarter": (42.0 if rng.random() < 0.5 else -42.0, 9.0),
    }[view]
    return float(np.deg2rad(middle + rng.uniform(-spread, spread)))


def frame(rng: np.random.Generator, framing: str, scale: float) -> Camera:
    """A camera whose picture holds what the framing asks for; `scale` is the figure's."""
    low, high = {
        "full": (rng.uniform(-0.16, -0.05), rng.uniform(1.83, 1.98)),
        "upper": (rng.uniform(0.62, 0.94), rng.uniform(1.80, 1.92)),
        "chest": (rng.uniform(0.86, 1.02), rng.uniform(1.49, 1.545)),
        "legs": (rng.uniform(-0.10, -0.03), rng.uniform(0.96, 1.10)),
    }[framing]
    heights = {"full": (0.8, 1.6), "upper": (1.1, 1.65), "chest": (1.1, 1.5), "legs": (0.4, 1.2)}
    span = float(high - low) * scale
    return Camera(
        x=float(rng.normal(0, 0.018)) * span,
        y=float(high + low) / 2 * scale,
        span=span,
        height=float(rng.uniform(*heights[framing])) * scale,
        field=float(rng.uniform(0.34, 0.62)),
        roll=float(rng.normal(0, 0.008)),
    )
