"""A person in an outfit: the product's garment and what goes with it, made into an actor."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from unposed_jobs.lab.sample import garments, tailoring, textures
from unposed_jobs.lab.sample.figure import Figure
from unposed_jobs.lab.sample.garments import Garment, random_garment
from unposed_jobs.lab.sample.head import eye_texture, face_texture, head_surfaces
from unposed_jobs.lab.sample.joints import joints
from unposed_jobs.lab.sample.people import Build, Pose, random_build
from unposed_jobs.lab.sample.scene import Actor
from unposed_jobs.lab.sample.textures import Colour


@dataclass(frozen=True)
class Outfit:
    """A model dressed for one product."""

    build: Build
    upper: Garment | None
    lower: Garment | None
    dress: Garment | None
    shoe: Colour
    sole: Colour
    outer: Garment | None = None


def random_outfit(rng: np.random.Generator, garment: Garment, womenswear: bool) -> Outfit:
    """Dress a random person in the garment and in plain things that go with it."""
    shoes: tuple[Colour, ...] = (
        (238, 236, 232),
        (32, 30, 32),
        (108, 70, 44),
        (150, 120, 88),
        (70, 76, 92),
    )
    shoe = shoes[int(rng.integers(len(shoes)))]
    sole = (232, 228, 220) if rng.random() < 0.6 else (40, 36, 34)
    build = random_build(rng, womenswear)
    plain_top = replace(random_garment(rng, "tshirt"), pattern="plain", emblem=-1)
    plain_bottom = random_garment(rng, "trousers")
    upper: Garment | None = plain_top
    lower: Garment | None = plain_bottom
    dress = outer = None
    if garment.kind == "dress":
        upper, lower, dress = None, None, garment
    elif garment.kind == "trousers":
        upper, lower = replace(plain_top, hem=float(rng.uniform(0.95, 0.99)), ease=0.010), garment
    elif garment.kind == "jacket":
        upper, outer = replace(plain_top, sleeve="short", collar="crew", ease=0.008), garment
    else:
        upper = garment
    return Outfit(build, upper, lower, dress, shoe, sole, outer)


def outfit_textures(outfit: Outfit) -> dict[str, Image.Image]:
    """All that the outfit's surfaces are painted with, by material name."""
    build = outfit.build
    result = {
        "skin": Image.new("RGB", (8, 8), build.skin),
        "face": face_texture(build),
        "eye": eye_texture(build),
        "ear": Image.new("RGB", (8, 8), build.lips),
        "hair": textures.strands(build.hair_colour, 7),
        "shoe": Image.new("RGB", (8, 8), outfit.shoe),
        "sole": Image.new("RGB", (8, 8), outfit.sole),
    }
    for garment in (outfit.upper, outfit.lower, outfit.dress, outfit.outer):
        if garment is not None:
            result.update(tailoring.painted(garment))
    return result


def dressed(
    outfit: Outfit, painted: dict[str, Image.Image], pose: Pose, yaw: float,
    *, open_front: bool = False, x: float = 0.0, z: float = 0.0,
) -> Actor:  # fmt: skip
    """The outfit's person in a pose, turned by `yaw` (0 faces the camera, π shows the back)."""
    figure = Figure(outfit.build, pose)
    bare = 0.0
    for garment in (outfit.upper, outfit.dress, outfit.outer):
        if garment is not None:
            bare = max(bare, {"none": 0.0, "short": 1.25, "long": 2.6}[garment.sleeve])
    surfaces = figure.skin(bare) + head_surfaces(figure) + garments.shoes(figure)
    if outfit.upper is not None:
        surfaces += garments.upper_surfaces(figure, outfit.upper)
    if outfit.outer is not None:
        surfaces += garments.upper_surfaces(figure, outfit.outer, open_front)
    if outfit.lower is not None:
        surfaces += garments.trouser_surfaces(figure, outfit.lower)
    if outfit.dress is not None:
        surfaces += garments.dress_surfaces(figure, outfit.dress)
    if outfit.dress is not None or (outfit.lower is not None and outfit.lower.hem < 1.9):
        surfaces += figure.bare_legs()
    feet = np.stack([figure.legs[side][2] * [1, 0, 1] for side in ("left", "right")])
    return Actor(surfaces, painted, feet, joints(figure), yaw, x, z)
