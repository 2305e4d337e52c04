"""The rendered pictures with the truth of each pixel, looked at as the product looks at them."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from unposed_jobs.config import PoseSettings
from unposed_jobs.errors import UnposedError
from unposed_jobs.lab.sample.writer import MARK
from unposed_jobs.pictures import colours
from unposed_jobs.pictures.facts import FactsReader, Seen
from unposed_jobs.pose.decoding import decode
from unposed_jobs.pose.estimator import PoseEstimator

BATCH = 8
Picture = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Case:
    """A rendered picture: its row of truth/images.csv, its product's of truth/cloth.csv, what the
    product is about (`colours.PARTS`), labels (height, width) as in `sample.parts`.
    """

    row: dict[str, str]
    cloth: dict[str, str]
    part: str
    picture: Picture
    labels: npt.NDArray[np.uint8]

    @property
    def product(self) -> str:
        """What a split must not part."""
        return self.row["product_id"]


def read(folder: Path, settings: PoseSettings) -> Iterator[Case]:
    """Of a catalogue that was rendered with --parts: pictures of one person or of none.

    Raises UnposedError where the folder has no such truth.
    """
    try:
        rows, cloth, products = (
            _rows(folder / name) for name in ("truth/images.csv", "truth/cloth.csv", "products.csv")
        )
    except OSError as error:
        raise UnposedError(
            f"{error.filename} cannot be read; render it: unposed sample-catalogue --parts"
        ) from None
    clothes = {row["product_id"]: row for row in cloth}
    parts = {
        row["product_id"]: colours.part_of((row["category"], row["subcategory"]))
        for row in products
        if row["product_id"] in clothes
    }
    for row in rows:
        if row["defect"] or row["duplicate_of"] or row["person_count"] not in ("0", "1"):
            continue
        picture = decode((folder / row["image_uri"]).read_bytes(), settings)
        below = Path(row["image_uri"]).relative_to("pictures").with_suffix(".png")
        with Image.open(folder / "truth/parts" / below) as image:
            labels = np.asarray(image)
        product = row["product_id"]
        yield Case(row, clothes[product], parts[product], picture, labels)


def told_of(folder: Path) -> list[str]:
    """What a rendered catalogue is, for people: its products, seed and size."""
    told = json.loads((folder / MARK).read_text(encoding="utf-8"))
    pictures = len(_rows(folder / "truth/images.csv"))
    return [
        f"seed {told['seed']}",
        f"{told['products']} products",
        f"{pictures} pictures of {told['size']} pixels' height",
    ]


def look(
    pictures: Sequence[Picture],
    parts: Sequence[str],
    estimator: PoseEstimator,
    reader: FactsReader,
    progress: Callable[[int], None] = lambda count: None,
) -> list[Seen]:
    """What the product sees in pictures whose products are about these parts."""
    seen: list[Seen] = []
    for start in range(0, len(pictures), BATCH):
        batch = list(pictures[start : start + BATCH])
        estimates = estimator.estimate(batch)
        seen += reader(batch, estimates, [""] * len(batch), parts[start : start + BATCH])
        progress(len(batch))
    return seen


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
