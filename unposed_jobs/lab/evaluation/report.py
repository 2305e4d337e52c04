"""A page of the evaluation's pictures: the confusion matrix and the worst mistakes.

Shares the gallery's stylesheet, thumbnails and way of writing a folder.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from unposed_jobs.config import Settings
from unposed_jobs.embedding.features import visibility
from unposed_jobs.embedding.topology import Topology, of_array
from unposed_jobs.lab.evaluation import landmarks, limits, truth
from unposed_jobs.lab.evaluation.naming import UNKNOWN
from unposed_jobs.lab.evaluation.summary import Entry, Mistake
from unposed_jobs.lab.evaluation.truth import Judged
from unposed_jobs.report import build, pages, thumbnails
from unposed_jobs.warehouse import Warehouse

Floats = npt.NDArray[np.float32]
CONFUSIONS = 8
_SIDED = (
    ("shoulder", "elbow"),
    ("elbow", "wrist"),
    ("shoulder", "hip"),
    ("hip", "knee"),
    ("knee", "ankle"),
)
_ACROSS = ("shoulder", "hip")


@dataclass(frozen=True)
class Tile:
    """One wrong picture. `bones` and `joints` are in pixels of (`width`, `height`)."""

    mistake: Mistake
    product: str
    said: str
    """The generated name of the class that was said."""
    width: int
    height: int
    bones: tuple[tuple[float, float, float, float], ...]
    joints: tuple[tuple[float, float], ...]


def write(
    entries: Sequence[Entry], folder: str | Path, settings: Settings, out: str | Path
) -> Path:
    """Write the report on the sample catalogue in `folder`; returns its first page.

    Beside the page lies ``confusion.svg``, its matrix. Raises UnposedError where `out` holds
    something that is no report.
    """
    target = Path(out).absolute()
    build.refuse_foreign(target)
    judged = truth.load(folder, settings)
    entry = next(
        item
        for item in entries
        if (item.result.protocol, item.method) == ("picture_labels", "audit")
    )
    tiles = _tiles(entry.mistakes, judged, settings)
    result = entry.result
    assert result.confusion is not None
    environment = pages.environment()
    matrix = environment.get_template("confusion.svg").render(**_matrix(entry))
    with build.replacing(target) as unfinished:
        made = thumbnails.make_all(
            (tile.mistake.image for tile in tiles),
            unfinished,
            settings.pose,
            contents={},
            previous=target if target.is_dir() else None,
        )
        wrong = result.confusion.sum() - np.trace(result.confusion[:, : len(result.labels)])
        page = environment.get_template("evaluation.html").render(
            run_date=judged.run_date,
            model_version=judged.model_version,
            entry=entry,
            wrong=round(float(wrong)),
            matrix=matrix,
            confusions=limits.confusions(result.labels, result.confusion.tolist())[:CONFUSIONS],
            tiles=tiles,
            thumbnails=made,
            unknown=UNKNOWN,
        )
        (unfinished / "index.html").write_text(page, encoding="utf-8")
        (unfinished / "confusion.svg").write_text(matrix, encoding="utf-8")
        pages.copy_assets(unfinished)
        (unfinished / build.MARKER).write_text(f"evaluation {judged.run_date}\n", encoding="utf-8")
    return target / "index.html"


def _matrix(entry: Entry) -> dict[str, Any]:
    """What the drawing needs: labels, and each cell with its share of the row."""
    result = entry.result
    assert result.confusion is not None
    total = np.maximum(result.confusion.sum(axis=1, keepdims=True), 1)
    return {
        "labels": result.labels,
        "columns": (*result.labels, UNKNOWN),
        "counts": np.rint(result.confusion).astype(int).tolist(),
        "shares": (result.confusion / total).round(3).tolist(),
    }


def _tiles(mistakes: Sequence[Mistake], judged: Judged, settings: Settings) -> list[Tile]:
    warehouse = Warehouse.open(settings.warehouse, create=False)
    found = landmarks.read(warehouse, judged.model_version)
    table = judged.pictures.merge(found, on="content_sha256", how="left").set_index("image_uri")
    rows = table.loc[[mistake.image for mistake in mistakes]]
    points = landmarks.points(rows["landmarks"])
    tiles = []
    for mistake, (_, row), body in zip(mistakes, rows.iterrows(), points, strict=True):
        known = not pd.isna(row["width"])
        width, height = (int(row["width"]), int(row["height"])) if known else (3, 4)
        bones, joints = skeleton(body[None])
        size = np.array([width, height])
        tiles.append(
            Tile(
                mistake,
                str(row["product_id"]),
                "" if pd.isna(row["nearest"]) else judged.names.get(int(row["nearest"]), ""),
                width,
                height,
                tuple(tuple((line * size).ravel().round(1).tolist()) for line in bones),
                tuple(tuple((point * size).round(1).tolist()) for point in joints),
            )
        )
    return tiles


def skeleton(body: Floats) -> tuple[list[Floats], list[Floats]]:
    """Lines (2, 2) and joints (2,) in [0, 1] of one person, (1, 33, 5) or (1, 17, 3).

    Only what is seen (`embedding.features.visibility`); nothing for nan.
    """
    topology = of_array(body)
    seen = visibility(body)[0] > 0
    xy = body[0, :, :2]
    lines = [
        xy[[a, b]]
        for a, b in ((topology.index(one), topology.index(two)) for one, two in _bones())
        if seen[a] and seen[b]
    ]
    return lines, [xy[index] for index in _joints(topology) if seen[index]]


def _bones() -> list[tuple[str, str]]:
    sided = [(f"{s}_{one}", f"{s}_{two}") for s in ("left", "right") for one, two in _SIDED]
    return sided + [(f"left_{part}", f"right_{part}") for part in _ACROSS]


def _joints(topology: Topology) -> list[int]:
    names = {"nose", *(name for pair in _bones() for name in pair)}
    return sorted(topology.index(name) for name in names)
