"""People seen from all round: pictures and videos whose angle is known exactly.

A turntable is one dressed person before one camera. The angle is the figure's yaw in degrees, from
-180 to 180: 0 faces the camera, 180 shows the back, 90 the person's right side.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from unposed_jobs.lab.sample import scene
from unposed_jobs.lab.sample.backdrop import Backdrop, random_backdrop
from unposed_jobs.lab.sample.garments import KINDS, Garment, random_garment
from unposed_jobs.lab.sample.people import Pose, random_pose
from unposed_jobs.lab.sample.plan import PlannedProduct, plan_product
from unposed_jobs.lab.sample.scene import Actor, Camera, Light, random_light
from unposed_jobs.lab.sample.shots import frame
from unposed_jobs.lab.sample.wardrobe import Outfit, dressed, outfit_textures, random_outfit
from unposed_jobs.lab.sample.writer import SampleSettings

FRAMINGS = ("full", "full", "full", "upper")
"""What a seller's video shows: mostly the whole person."""
_RATE = 5.0
"""Frames a second of a video."""


@dataclass(frozen=True)
class Turntable:
    """One person; `size` is (width, height) in pixels."""

    garment: Garment
    framing: str
    size: tuple[int, int]
    outfit: Outfit
    textures: dict[str, Image.Image]
    pose: Pose
    camera: Camera
    light: Light
    backdrop: Backdrop
    open_front: bool

    def picture(self, angle: float, seed: int, camera: Camera | None = None) -> Image.Image:
        """Seen at `angle` degrees; `seed` is of the grain, `camera` another than its own."""
        actor = replace(self._actor, yaw=float(np.deg2rad(angle)))
        return scene.photograph(
            [actor], camera or self.camera, self.light, self.backdrop, size=self.size, seed=seed
        )

    @cached_property
    def _actor(self) -> Actor:
        """Dressed once for all angles: a quarter of a small picture's time."""
        return dressed(self.outfit, self.textures, self.pose, 0.0, open_front=self.open_front)

    def moved(self, rng: np.random.Generator, framing: str) -> Turntable:
        """The same person in another pose, light, distance and framing."""
        view = str(rng.choice(("front", "left")))
        return replace(
            self,
            framing=framing,
            pose=random_pose(rng, view),
            camera=frame(rng, framing, self.outfit.build.scale),
            light=random_light(rng),
        )


def random_turntable(
    seed: int, number: int, height: int = 320, product: PlannedProduct | None = None
) -> Turntable:
    """Person `number` of `seed`, in pictures of `height` pixels; dressed for `product`, if any."""
    rng = np.random.default_rng([seed, 31, number])
    kind = KINDS[number % len(KINDS)]
    womenswear = kind == "dress" or bool(rng.random() < 0.5)
    garment = random_garment(rng, kind)
    if product is not None:
        garment, womenswear = product.garment, product.womenswear
    outfit = random_outfit(rng, garment, womenswear)
    framing = str(rng.choice(FRAMINGS))
    shape = float(rng.choice((9 / 16, 0.75, 0.75, 1.0)))
    return Turntable(
        garment,
        framing,
        (round(height * shape), height),
        outfit,
        outfit_textures(outfit),
        random_pose(rng, str(rng.choice(("front", "left")))),
        frame(rng, framing, outfit.build.scale),
        random_light(rng),
        random_backdrop(rng),
        bool(rng.random() < 0.6),
    )


@dataclass(frozen=True)
class Clip:
    """A video: `frames` (N, height, width, 3) uint8 RGB and the truth of each, (N,) degrees.

    `blur` (N,) is how far the camera moved while the frame was taken, in pixels.
    """

    frames: npt.NDArray[np.uint8]
    angles: npt.NDArray[np.float64]
    blur: npt.NDArray[np.float64]
    rate: float


def turns(rng: np.random.Generator, seconds: float, rate: float) -> npt.NDArray[np.float64]:
    """Angles in degrees of a person who turns at a varied speed, wholly, twice or partly.

    The frames are `rate` a second. A part of the turns stop, and some go back.
    """
    count = max(round(seconds * rate), 2)
    whole = float(rng.choice((360.0, 360.0, 720.0, 90.0, 135.0, 180.0, 225.0, 270.0)))
    time = np.linspace(0, 1, count)
    speed = np.ones(count)
    for wave in range(1, 4):
        speed += 0.6 / wave * np.cos(2 * np.pi * (wave * time + rng.random()))
    if rng.random() < 0.4:  # stands still for a while
        middle, wide = rng.uniform(0.2, 0.8), rng.uniform(0.05, 0.15)
        speed[np.abs(time - middle) < wide] = 0.0
    way = np.concatenate([[0.0], np.cumsum(np.maximum(speed, 0.0)[1:])])
    way *= whole / max(way[-1], 1e-9)
    if whole < 360 and rng.random() < 0.4:  # and back again
        way = whole - np.abs(2 * way - whole)
    start, side = float(rng.uniform(-180, 180)), float(rng.choice((-1.0, 1.0)))
    return np.asarray((start + side * way + 180) % 360 - 180)


def clip(table: Turntable, rng: np.random.Generator, seconds: float, rate: float) -> Clip:
    """A hand-held video of the turning person: shaken, with frames that are blurred by it."""
    angles = turns(rng, seconds, rate)
    shake = _shake(rng, len(angles), rate)
    width, height = table.size
    speed = np.linalg.norm(np.diff(shake, axis=0, prepend=shake[:1]), axis=1) * rate
    blur = speed * height * float(rng.uniform(0.01, 0.05))
    frames = np.empty((len(angles), height, width, 3), np.uint8)
    for number, angle in enumerate(angles):
        x, y = shake[number] * table.camera.span
        camera = replace(
            table.camera,
            x=table.camera.x + float(x),
            y=table.camera.y + float(y),
            roll=table.camera.roll + float(0.4 * shake[number, 0]),
        )
        taken = np.asarray(table.picture(float(angle), number, camera))
        across = shake[number] - shake[max(number - 1, 0)]
        frames[number] = _smeared(taken, float(blur[number]), across)
    return Clip(frames, angles, blur, rate)


def write_mp4(path: Path, frames: npt.NDArray[np.uint8], rate: float) -> None:
    """Frames (N, height, width, 3), RGB, as an MP4 file."""
    height, width = frames.shape[1:3]
    code = cv2.VideoWriter.fourcc(*"mp4v")
    writer = cv2.VideoWriter(str(path), code, rate, (width, height))
    for shown in frames:
        writer.write(np.ascontiguousarray(shown[:, :, ::-1]))
    writer.release()


def write_videos(out: Path, settings: SampleSettings, count: int, height: int = 480) -> None:
    """Add videos of the first `count` products to the sample catalogue in `out`.

    videos.csv is a source as images.csv is; truth/turntables.csv has the angle of each frame.
    """
    (out / "videos").mkdir(exist_ok=True)
    listed, truth = [], []
    for number in range(count):
        product = plan_product(number, settings.products, settings.seed, settings.day)
        rng = np.random.default_rng([settings.seed, 34, number])
        table = random_turntable(settings.seed, number, height, product)
        made = clip(table, rng, float(rng.uniform(5, 9)), _RATE)
        name = f"videos/{product.product_id}.mp4"
        write_mp4(out / name, made.frames, _RATE)
        listed.append((product.product_id, name))
        truth += [
            (name, round(place / _RATE, 3), round(float(angle), 2))
            for place, angle in enumerate(made.angles)
        ]
    _csv(out / "videos.csv", ("product_id", "video_uri"), listed)
    _csv(out / "truth/turntables.csv", ("video_uri", "second", "angle"), truth)


def _csv(path: Path, header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])


def _shake(rng: np.random.Generator, count: int, rate: float) -> npt.NDArray[np.float64]:
    """(N, 2) of the camera's wander, in shares of the picture's height."""
    time = np.arange(count) / rate
    strength = float(rng.uniform(0.004, 0.02))
    waves = [
        strength / np.sqrt(pace) * np.sin(2 * np.pi * (pace * time + rng.random()))
        for pace in rng.uniform(0.15, 2.5, 10)
    ]
    return np.stack([sum(waves[:5], np.zeros(count)), sum(waves[5:], np.zeros(count))], 1)


def _smeared(
    picture: npt.NDArray[np.uint8], length: float, across: Sequence[float]
) -> npt.NDArray[np.uint8]:
    """The picture blurred along the way of the camera, `length` pixels."""
    reach = int(np.ceil(length))
    if reach < 2:
        return picture
    kernel = np.zeros((reach, reach), np.float32)
    middle = (reach - 1) / 2
    way = np.asarray(across, np.float64) / max(float(np.linalg.norm(across)), 1e-9)
    end = way * (length - 1) / 2
    first = (round(middle - end[0]), round(middle - end[1]))
    last = (round(middle + end[0]), round(middle + end[1]))
    cv2.line(kernel, first, last, 1.0)
    return np.asarray(cv2.filter2D(picture, -1, kernel / max(kernel.sum(), 1.0)), np.uint8)
