"""Facts as rows of the tables `picture_facts` and `picture_crops`, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from unposed_jobs.pictures import within
from unposed_jobs.pictures.colours import Colour
from unposed_jobs.pictures.crops import Crop
from unposed_jobs.pictures.facts import PictureFacts, Seen
from unposed_jobs.pose import formats

_NESTED = ("colours", "crops", "mask")
_PLAIN = tuple(item.name for item in fields(PictureFacts) if item.name not in _NESTED)


_STARTS = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG", "PNG"),
    (b"GIF8", "GIF"),
    (b"BM", "BMP"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
)


def file_format(data: bytes) -> str:
    """A file's format as Pillow names it, by how it begins; empty for none that is read.

    No reader is started: a file that its decoder cannot stand is for `pose.isolation` alone.
    """
    for start, name in _STARTS:
        if data.startswith(start):
            return name
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "WEBP"
    return {"AVIF": "AVIF", "HEIC": "HEIF"}.get(formats.named(data) or "", "")


def of_facts(facts: PictureFacts) -> dict[str, Any]:
    """The columns of `picture_facts` that facts tell, by name."""
    row = {name: getattr(facts, name) for name in _PLAIN}
    return row | {
        "cut_off": list(facts.cut_off),
        "colours": [one.hex for one in facts.colours],
        "colour_names": [one.name for one in facts.colours],
        "colour_shares": [one.share for one in facts.colours],
        "mask": facts.mask or None,
    }


def of_crops(seen: Seen) -> list[dict[str, Any]]:
    """The columns of `picture_crops` that a picture's crops tell, a row each."""
    if seen.body is None:
        return []
    width, height = seen.facts.width, seen.facts.height
    shown = {"framing": within.framing(seen.body), "view": seen.body.turned}
    rows = []
    for crop in seen.facts.crops:
        left, top, right, bottom = crop.box
        box = [left / width, top / height, (right - left) / width, (bottom - top) / height]
        rows.append(
            {
                "crop": crop.name,
                "box": box,
                "width": right - left,
                "height": bottom - top,
                "coverage": crop.coverage,
            }
            | shown
        )
    return rows


def colours_of(row: Mapping[str, Any]) -> tuple[Colour, ...]:
    """The colours of a row of `picture_facts`."""
    told = (row[name] or () for name in ("colours", "colour_names", "colour_shares"))
    return tuple(Colour(*one) for one in zip(*told, strict=True))


def facts_of(row: Mapping[str, Any]) -> PictureFacts:
    """The facts of a row of `picture_facts`, which may lack its version; without crops and mask."""
    values = {name: row.get(name, "") for name in _PLAIN}
    values["cut_off"] = tuple(row["cut_off"] or ())
    return PictureFacts(**values, colours=colours_of(row))


def pixels(box: tuple[float, float, float, float], width: int, height: int) -> Crop:
    """A crop of a picture of this size by its box in shares, as the tables have it."""
    left, top, wide, high = box
    corners = (left * width, top * height, (left + wide) * width, (top + high) * height)
    x0, y0, x1, y1 = (round(value) for value in corners)
    return Crop("", (max(x0, 0), max(y0, 0), min(x1, width), min(y1, height)), 1.0)
