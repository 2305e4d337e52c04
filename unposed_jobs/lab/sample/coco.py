"""The rendered truth as annotations in COCO's format: ``truth/coco.json``.

Of pictures of one person or of none: the person, and each part that they wear, by the labels of
``truth/parts``.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from unposed_jobs.lab.sample.parts import PARTS, number

NAMES = ("person", "upper", "outer", "lower", "dress", "shoes", "laid")
FILE = "truth/coco.json"
_LEAST = 16
"""Pixels of an instance."""


def write(folder: Path) -> int:
    """Write the file into a catalogue that was rendered with its parts; returns the instances."""
    with (folder / "truth/images.csv").open(encoding="utf-8", newline="") as file:
        rows = [
            row
            for row in csv.DictReader(file)
            if not row["defect"] and not row["duplicate_of"] and row["person_count"] in ("0", "1")
        ]
    images, annotations = [], list[dict[str, Any]]()
    for picture, row in enumerate(rows, start=1):
        below = Path(row["image_uri"]).relative_to("pictures").with_suffix(".png")
        with Image.open(folder / "truth/parts" / below) as image:
            labels = np.asarray(image)
        high, wide = labels.shape
        images.append(
            {"id": picture, "file_name": f"../{row['image_uri']}", "width": wide, "height": high}
        )
        for name, mask in _instances(labels):
            if mask.sum() >= _LEAST:
                annotations.append(
                    _annotation(mask, picture, NAMES.index(name) + 1, len(annotations) + 1)
                )
    categories = [{"id": place, "name": name} for place, name in enumerate(NAMES, start=1)]
    content = {"images": images, "annotations": annotations, "categories": categories}
    (folder / FILE).write_text(json.dumps(content) + "\n", encoding="utf-8")
    return len(annotations)


def _instances(labels: npt.NDArray[np.uint8]) -> list[tuple[str, npt.NDArray[np.bool_]]]:
    laid = labels == number("laid")
    found = [("person", (labels > 0) & ~laid), ("laid", laid)]
    return found + [(name, labels == number(name)) for name in PARTS if name in NAMES[1:-1]]


def _annotation(
    mask: npt.NDArray[np.bool_], picture: int, category: int, instance: int
) -> dict[str, Any]:
    down, across = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    left, top = int(across[0]), int(down[0])
    flat = np.asarray(mask, np.uint8).ravel(order="F")
    # Lengths of runs of 0 and 1 by turns, column by column; the first is of 0.
    changes = np.flatnonzero(np.diff(flat)) + 1
    ends = np.concatenate([[0] if flat[0] == 0 else [0, 0], changes, [len(flat)]])
    return {
        "id": instance,
        "image_id": picture,
        "category_id": category,
        "segmentation": {"size": list(mask.shape), "counts": np.diff(ends).tolist()},
        "area": int(mask.sum()),
        "bbox": [left, top, int(across[-1]) + 1 - left, int(down[-1]) + 1 - top],
        "iscrowd": 0,
    }
