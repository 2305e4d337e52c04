"""What each pixel of a rendered picture shows: the truth that masks, crops and colours are held to.

One number a pixel, in the order of `PARTS`. A shirt under an open jacket is `upper`, the jacket is
`outer`; of a garment laid flat or a cloth all is `laid`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image

from unposed_jobs.lab.sample.scene import Actor, Camera, seen_materials

PARTS = (
    "background", "hair", "face", "skin", "upper", "outer", "lower", "dress", "shoes", "laid",
)  # fmt: skip
_HEAD = {"face": "face", "eye": "face", "ear": "face", "hair": "hair"}
_OTHERS = {"skin": "skin", "shoe": "shoes", "sole": "shoes"}
_CLOTHES = {"trousers": "lower", "dress": "dress", "jacket": "outer"}

Labels = npt.NDArray[np.uint8]


def number(part: str) -> int:
    """Of a part in a label picture."""
    return PARTS.index(part)


def garment_part(kind: str) -> str:
    """The part that a garment of this kind is when it is worn."""
    return _CLOTHES.get(kind, "upper")


def of_scene(actors: Sequence[Actor], camera: Camera, size: tuple[int, int]) -> Labels:
    """Labels (height, width) of what `scene.photograph` shows of these actors."""
    seen, names = seen_materials(actors, camera, size)
    table = np.array([number(_of_material(name)) for name in names] + [0], np.uint8)
    return np.asarray(table[seen])


def of_mask(mask: Image.Image) -> Labels:
    """Labels of a garment laid flat, whose mask is L."""
    return np.where(np.asarray(mask) >= 128, number("laid"), 0).astype(np.uint8)


def _of_material(name: str) -> str:
    if name in _HEAD:
        return _HEAD[name]
    return _OTHERS.get(name) or garment_part(name.partition("_")[0])
