"""Pictures with instances in COCO's format: polygons or run lengths, in a JSON file.

See https://cocodataset.org/#format-data. Crowds are left out.
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import torch

from unposed_jobs.config import PoseSettings
from unposed_jobs.errors import UnposedError
from unposed_jobs.pose.decoding import UnreadablePicture, decode
from unposed_jobs.segmentation.losses import Truth

INSTALL = "install unposed[segment]"


@dataclass(frozen=True)
class Examples:
    """A file of annotations and the folder of its pictures; `names` of the classes, in order.

    `pictures` are COCO's rows, those without an instance as well; `instances` by picture's id.
    """

    folder: Path
    names: tuple[str, ...]
    categories: tuple[int, ...]
    pictures: tuple[dict[str, Any], ...]
    instances: dict[int, list[dict[str, Any]]]

    def __len__(self) -> int:
        return len(self.pictures)

    def split(self, every: int) -> tuple[Examples, Examples]:
        """Those to learn from, and each `every`-th folder of pictures to judge by."""
        folders = sorted({str(Path(one["file_name"]).parent) for one in self.pictures})
        by_file = len(folders) < every
        names = folders if not by_file else sorted(one["file_name"] for one in self.pictures)
        judged = set(names[every - 1 :: every])

        def is_judged(one: dict[str, Any]) -> bool:
            name = one["file_name"] if by_file else str(Path(one["file_name"]).parent)
            return name in judged

        parts = (
            tuple(one for one in self.pictures if is_judged(one) == wanted)
            for wanted in (False, True)
        )
        learned, kept = parts
        return _with(self, learned), _with(self, kept)

    def read(self, row: int, settings: PoseSettings) -> npt.NDArray[np.uint8]:
        """A picture, RGB (height, width, 3). Raises UnposedError where it cannot be read."""
        path = self.folder / self.pictures[row]["file_name"]
        try:
            return decode(path.read_bytes(), settings)
        except (OSError, UnreadablePicture) as error:
            raise UnposedError(f"{path} cannot be read: {error}") from None

    def example(
        self, row: int, side: int, settings: PoseSettings, *, mirrored: bool = False
    ) -> tuple[torch.Tensor, Truth]:
        """A picture (3, side, side) in [0, 1] and what it shows, squeezed to a square."""
        picture = self.read(row, settings)
        high, wide = picture.shape[:2]
        small = cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA)
        masks, boxes, labels = [], [], []
        for one in self.instances.get(self.pictures[row]["id"], ()):
            mask = mask_of(one["segmentation"], high, wide)
            left, top, width, height = one["bbox"]
            if width < 1 or height < 1 or not mask.any():
                continue
            half = (side // 2, side // 2)
            masks.append(cv2.resize(mask.astype(np.float32), half, interpolation=cv2.INTER_AREA))
            boxes.append([left / wide, top / high, (left + width) / wide, (top + height) / high])
            labels.append(self.categories.index(one["category_id"]))
        if mirrored:
            small = small[:, ::-1]
            masks = [one[:, ::-1] for one in masks]
            boxes = [[1 - right, top, 1 - left, bottom] for left, top, right, bottom in boxes]
        values = np.ascontiguousarray(small.transpose(2, 0, 1)).astype(np.float32) / 255
        shown = np.stack(masks) if masks else np.zeros((0, side // 2, side // 2), np.float32)
        truth = Truth(
            torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4),
            torch.tensor(labels, dtype=torch.long),
            torch.from_numpy(np.ascontiguousarray(shown)),
        )
        return torch.from_numpy(values), truth


def load(path: Path, folder: Path | None = None) -> Examples:
    """Annotations, whose pictures lie in `folder`, or where the file does.

    Raises UnposedError for a file that is none, or without a picture.
    """
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        categories = sorted(raw["categories"], key=lambda one: one["id"])
        pictures = sorted(raw["images"], key=lambda one: one["id"])
        instances: dict[int, list[dict[str, Any]]] = defaultdict(list)
        for one in raw["annotations"]:
            if not one.get("iscrowd") and one.get("segmentation"):
                instances[one["image_id"]].append(one)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UnposedError(f"{path} has no annotations in COCO's format: {error}") from None
    if not pictures or not categories:
        raise UnposedError(f"{path} lists no picture, or no category")
    return Examples(
        folder or path.parent,
        tuple(str(one["name"]) for one in categories),
        tuple(int(one["id"]) for one in categories),
        tuple(pictures),
        dict(instances),
    )


def mask_of(segmentation: Any, height: int, width: int) -> npt.NDArray[np.bool_]:
    """(height, width) of polygons or run lengths. Raises UnposedError without pycocotools."""
    tools = mask_tools()
    if isinstance(segmentation, list):
        coded = tools.merge(tools.frPyObjects(segmentation, height, width))
    elif isinstance(segmentation["counts"], list):
        coded = tools.frPyObjects(segmentation, height, width)
    else:
        coded = segmentation
    return np.asarray(tools.decode(coded)).astype(bool)


def mask_tools() -> Any:
    """pycocotools' masks. Raises UnposedError without it."""
    try:
        from pycocotools import mask
    except ImportError:
        raise UnposedError(f"pycocotools is not installed; {INSTALL}") from None
    return mask


def _with(examples: Examples, pictures: tuple[dict[str, Any], ...]) -> Examples:
    return Examples(
        examples.folder, examples.names, examples.categories, pictures, examples.instances
    )
