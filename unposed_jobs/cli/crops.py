"""Crop pictures of people to head, garments, shoes and hands, by the body's points.

Writes DIR/NAME-CROP.jpg for each crop of each picture of FOLDER. Without FOLDER it writes the crops
that close gaps of the last published day, DIR/PRODUCT_CODE.jpg: parts of the products' own pictures
that show what is missing. Nothing is enlarged.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from unposed_jobs.arguments import day, positive
from unposed_jobs.cli import _pictures


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's flags."""
    _pictures.add_folder(parser, out="where to write the crops", optional=True)
    parser.add_argument(
        "--only", nargs="+", metavar="CROP",
        help="some of: head, upper_garment, lower_garment, dress, shoes, left_hand, right_hand, "
        "full, upper_body, chest, legs (default: all)",
    )  # fmt: skip
    parser.add_argument(
        "--least", type=positive, default=200, metavar="PIXELS",
        help="of a crop's shorter side (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--date", type=day, metavar="DAY",
        help="without FOLDER: the audited day (default: the latest published one)",
    )  # fmt: skip
    parser.add_argument(
        "--codes", choices=("shot", "amazon"), default="shot",
        help="without FOLDER: whose codes name the files (default: the shots' own)",
    )  # fmt: skip


def run(arguments: argparse.Namespace) -> int:
    """Look, cut, write; 1 where a picture could not be read."""
    from unposed_jobs.errors import UnposedError
    from unposed_jobs.pictures import crops, cutouts, facts

    wanted = arguments.only or list(crops.NAMES)
    if arguments.only and wanted[-1] not in crops.NAMES:
        _pictures.folder_last(arguments, wanted)
    if arguments.folder is None:
        return _of_gaps(arguments)
    for name in wanted:
        if name not in crops.NAMES:
            raise UnposedError(f"unknown crop {name}; known: {', '.join(crops.NAMES)}")
    _pictures.folder_to_write(arguments.out)
    written = small = nobody = unread = 0
    used: set[Path] = set()
    for one in _pictures.looked(arguments, facts.OFF):
        if one.seen is None:
            unread += 1
            continue
        nobody += one.seen.body is None
        stem = Path(one.found.name).with_suffix("")
        for crop in one.seen.facts.crops:
            if crop.name not in wanted:
                continue
            if crop.shorter_side < arguments.least:
                small += 1
                continue
            left, top, right, bottom = crop.box
            part = np.ascontiguousarray(one.seen.picture[top:bottom, left:right])
            target = arguments.out / stem.parent / f"{stem.name}-{crop.name}.jpg"
            _pictures.write(_pictures.apart(target, used), cutouts.jpeg(part))
            written += 1
    print(
        f"{written} crops in {arguments.out}; {small} smaller than {arguments.least} pixels left "
        f"out, {nobody} pictures without a person"
    )
    return int(unread > 0)


def _of_gaps(arguments: argparse.Namespace) -> int:
    from unposed_jobs import config, storage
    from unposed_jobs.catalogue import places
    from unposed_jobs.report import gap_crops
    from unposed_jobs.sql import statements
    from unposed_jobs.warehouse import Warehouse
    from unposed_jobs.web.exports import marketplace_code

    def code_of(ask_name: str, shot_code: str | None) -> str:
        own = shot_code or ""
        return own if arguments.codes == "shot" else marketplace_code("amazon", ask_name, shot_code)

    settings = config.load(arguments.config)
    storage.configure(places.allowed(settings))
    warehouse = statements.Pinned(Warehouse.open(settings.warehouse, create=False))
    run_date, listed = gap_crops.listed(warehouse, arguments.date, code_of)
    _pictures.folder_to_write(arguments.out)
    unread = 0
    used: set[Path] = set()
    for one in listed:
        data = gap_crops.cut(one, settings.pose)
        if isinstance(data, str):
            _pictures.complain(f"{one.product_id}: {data}")
            unread += 1
            continue
        _pictures.write(_pictures.apart(arguments.out / f"{one.name}.jpg", used), data)
    print(f"{len(listed) - unread} crops in {arguments.out} that close gaps of {run_date}")
    return int(unread > 0)
