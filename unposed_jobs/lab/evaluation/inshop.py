"""Human pose labels on shop photographs (the In-shop set), by landmarks alone.

Two tables of landmarks with people's labels: 33 points (`landmarks33.parquet`, MediaPipe) and 17
points (`keypoints17.parquet`, machine key points). Grouping sees every training picture, also
those labelled "additional", which is no pose and is judged nowhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from unposed_jobs.errors import UnposedError
from unposed_jobs.lab.evaluation.comparison import compare_methods
from unposed_jobs.lab.evaluation.summary import Entry
from unposed_jobs.lab.evaluation.trials import Photographs

Floats = npt.NDArray[np.float32]
FILES = {33: "landmarks33.parquet", 17: "keypoints17.parquet"}
LABELS = {
    33: ("back", "front", "full", "side"),
    17: ("back", "flat", "front", "full", "side"),
}
"""What is judged. The 33-point table has only two flat pictures: too few."""


def load(folder: str | Path, points: int) -> Photographs:
    """Read one table of the folder. Raises UnposedError where it is absent or not as described."""
    path = Path(folder) / FILES[points]
    if not path.is_file():
        raise UnposedError(f"no In-shop table {path}; name the folder above it with --data")
    table = pq.read_table(path)
    wanted = {"image", "product_id", "pose_label"}
    if not wanted <= set(table.column_names):
        absent = sorted(wanted - set(table.column_names))
        raise UnposedError(f"{path} has no column {absent[0]}")
    landmarks = _blazepose(table) if points == 33 else _coco(table)
    present = np.isfinite(landmarks[..., 0]) if points == 33 else landmarks[..., 2] > 0
    return Photographs(
        LABELS[points],
        landmarks,
        np.asarray(present.any(axis=1)),
        table["pose_label"].to_numpy().astype(str),
        table["product_id"].to_numpy().astype(str),
        table["image"].to_numpy().astype(str),
        table["category"].to_numpy().astype(str) if "category" in table.column_names else None,
    )


def _blazepose(table: pa.Table) -> Floats:
    landmarks = np.full((table.num_rows, 33, 5), np.nan, dtype=np.float32)
    for row, values in enumerate(table["landmarks"].to_pylist()):
        if values is not None:
            landmarks[row] = np.asarray(values, dtype=np.float32).reshape(33, 5)
    return landmarks


def _coco(table: pa.Table) -> Floats:
    names = [name[:-2] for name in table.column_names if name.endswith("_x")]
    x, y = (
        np.stack([table[f"{name}_{axis}"].to_numpy() for name in names], axis=1) for axis in "xy"
    )
    found = np.isfinite(x) & np.isfinite(y)
    points = np.stack([np.where(found, x, 0), np.where(found, y, 0), found], axis=-1)
    return points.astype(np.float32)


def annotated(photographs: Photographs) -> npt.NDArray[np.bool_]:
    """(N,) without the pictures of which the table says nothing.

    In the 17-point table 15 % of the pictures hold no key point at all, and most of those do
    show a person: there the table is at fault, not a method. They are left out here; flat
    pictures, which rightly have no key point, stay.
    """
    return photographs.person | (photographs.label == "flat")


def evaluate(
    folder: str | Path,
    *,
    clusters: Sequence[int],
    repeats: int,
    seed: int = 0,
    progress: Callable[[str], None] = lambda message: None,
) -> list[Entry]:
    """Judge every method on both tables, the 17-point one also on its annotated pictures alone,
    and make the paper's Table 1 of each.

    `progress` takes what is being done.
    """
    entries: list[Entry] = []
    for points in FILES:
        photographs = load(folder, points)
        data = f"In-shop photographs, {points} points"
        scopes: dict[str, npt.NDArray[np.bool_] | None] = {data: None}
        if points == 17:
            scopes = {f"{data}, annotated pictures": annotated(photographs), data: None}
        entries += compare_methods(
            photographs, scopes, clusters=clusters, repeats=repeats, seed=seed, progress=progress
        )
    return entries
