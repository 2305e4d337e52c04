"""Print what each picture of a folder is like: class, frame, background, sharpness, text, colours.

Nothing of a catalogue, a training or an audit is needed. --swatches also writes each picture's
colours as small squares.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unposed_jobs.cli import _pictures

if TYPE_CHECKING:
    from unposed_jobs.pictures.folder import Looked

_SHOWN = (
    "picture", "width", "height", "image_class", "view", "kind", "fill", "white_share",
    "edge_width", "words", "cut_off", "colours",
)  # fmt: skip


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's flags."""
    _pictures.add_folder(parser)
    parser.add_argument(
        "--format", choices=("table", "json", "csv"), default="table",
        help="how to print them; json is a line for each picture (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument("--swatches", type=Path, metavar="DIR", help="also write colours as PNGs")


def run(arguments: argparse.Namespace) -> int:
    """Look and print; 1 where a picture could not be read."""
    from unposed_jobs.pictures import facts

    unread = 0
    rows: list[dict[str, Any]] = []
    writer: Any = None
    for one in _pictures.looked(arguments, facts.ALL):
        unread += one.seen is None
        row = columns_of(one)
        if arguments.format == "json":
            print(json.dumps(row), flush=True)
        elif arguments.format == "csv":
            if writer is None:
                writer = csv.DictWriter(sys.stdout, list(row), lineterminator="\n")
                writer.writeheader()
            writer.writerow(flat(row))
        else:
            rows.append(flat(row))
        if arguments.swatches is not None:
            _write_swatches(one, arguments.swatches)
    if arguments.format == "table":
        _pictures.table(_SHOWN, [[_short(row[name]) for name in _SHOWN] for row in rows])
    return int(unread > 0)


def columns_of(one: Looked) -> dict[str, Any]:
    """A picture's row: its file, then its facts, without the mask; None for what is not known."""
    from unposed_jobs.pictures.facts import PictureFacts

    known = asdict(one.seen.facts) if one.seen is not None else {}
    names = [name for name in PictureFacts.__dataclass_fields__ if name != "mask"]
    return {
        "picture": one.found.name,
        "product": one.found.product,
        "error": one.error,
        "file_bytes": one.file_bytes,
        "file_format": one.file_format,
    } | {name: known.get(name) for name in names}


def flat(row: dict[str, Any]) -> dict[str, Any]:
    """The same without lists, for a table."""
    colours = row["colours"] or ()
    crops = row["crops"] or ()
    return row | {
        "cut_off": " ".join(row["cut_off"] or ()),
        "colours": " ".join(f"{one['name']} {one['hex']}" for one in colours),
        "crops": " ".join(f"{one['name']}={','.join(map(str, one['box']))}" for one in crops),
    }


def _write_swatches(one: Looked, folder: Path) -> None:
    from unposed_jobs.pictures import colours

    if one.seen is None:
        return
    stem = Path(one.found.name).with_suffix("")
    for number, colour in enumerate(one.seen.facts.colours, start=1):
        name = f"{stem.name}-{number}-{colour.name}.png"
        _pictures.write(folder / stem.parent / name, colours.swatch(colour))


def _short(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.2f}" if isinstance(value, float) else str(value)
