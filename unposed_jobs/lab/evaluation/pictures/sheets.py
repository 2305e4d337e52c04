"""What is looked at: the figures as a table, the worst cases with mask and crops on one sheet."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from PIL import Image
from rich.console import Console
from rich.table import Table

from unposed_jobs.lab.evaluation.pictures.cases import Case, Picture
from unposed_jobs.lab.evaluation.pictures.figures import Figure, Score
from unposed_jobs.pictures import masks
from unposed_jobs.pictures.facts import Seen

_HIGH, _WIDE, _ACROSS, _EACH = 240, 240, 6, 12
_WORST = (
    ("person mask IoU", True),
    ("product mask IoU", True),
    ("crops: garment inside", True),
    ("ΔE00 to the cloth as seen, plain", False),
)
"""Scores, and whether small ones are bad."""
_INK = {
    "head": (220, 30, 30), "upper_garment": (20, 150, 40), "lower_garment": (30, 60, 220),
    "dress": (190, 20, 190), "shoes": (250, 140, 0),
}  # fmt: skip


def print_table(measured: Sequence[Figure]) -> None:
    """On standard output."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=140)
    table = Table("figure", "n", "value", "95 %", "asked", "", "baseline", box=None)
    for one in measured:
        value = one.value
        verdict = {None: "", True: "yes", False: "NO"}[one.holds]
        base = "" if one.baseline is None else f"{one.baseline:.3f}"
        table.add_row(
            one.name, str(one.count), f"{value.value:.3f}", f"{value.low:.3f}-{value.high:.3f}",
            one.wanted, verdict, base,
        )  # fmt: skip
    console.print(table, markup=False)


def draw(path: Path, looked: Sequence[tuple[Case, Seen, Sequence[Score]]]) -> None:
    """A PNG with the worst of each kind, a row or two each."""
    tiles = []
    for name, small_is_bad in _WORST:
        ranked = [
            (score.value if small_is_bad else -score.value, number)
            for number, (_, _, scores) in enumerate(looked)
            for score in scores
            if score.name == name
        ]
        chosen = [number for _, number in sorted(ranked)[:_EACH]]
        tiles += [_tile(looked[number][0].picture, looked[number][1]) for number in chosen]
        tiles += [np.full((_HIGH, _WIDE, 3), 255, np.uint8)] * (-len(chosen) % _ACROSS)
    rows = [np.hstack(tiles[start : start + _ACROSS]) for start in range(0, len(tiles), _ACROSS)]
    if rows:
        Image.fromarray(np.vstack(rows)).save(path)


def _tile(picture: Picture, seen: Seen) -> Picture:
    height, width = picture.shape[:2]
    shown = picture.copy()
    if seen.mask.source != masks.NONE:
        inside = cv2.resize(seen.mask.shares, (width, height)) >= 128
        shown[~inside] = shown[~inside] // 3 + np.array([170, 40, 170], np.uint8)
    thick = max(1, height // 240)
    for crop in seen.facts.crops:
        if crop.name in _INK:
            cv2.rectangle(shown, crop.box[:2], crop.box[2:], _INK[crop.name], thick)
    for number, colour in enumerate(seen.facts.colours):
        side = height // 10
        shown[:side, number * side : (number + 1) * side] = colour.rgb
    scale = min(_HIGH / height, _WIDE / width)
    size = (max(1, int(width * scale)), max(1, int(height * scale)))
    tile = np.full((_HIGH, _WIDE, 3), 255, np.uint8)
    tile[: size[1], : size[0]] = cv2.resize(shown, size, interpolation=cv2.INTER_AREA)
    return tile
