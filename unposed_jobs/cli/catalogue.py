"""Check how an export is read, and write its settings.

`check` finds the layout of one file (products and pictures) or two, reads all rows, prints how it
reads them and writes unposed.toml; `layouts` lists the known layouts.
"""

from __future__ import annotations

import argparse
import itertools
from pathlib import Path

from unposed_jobs.errors import UnposedError


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's own commands."""
    commands = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    check = commands.add_parser("check", help="print how one export, or two files, are read")
    check.add_argument(
        "files", nargs="+", metavar="FILE", help="one export, or products and images"
    )
    check.add_argument("--layout", default="", metavar="NAME", help="instead of guessing it")
    check.add_argument(
        "--write",
        default="unposed.toml",
        metavar="FILE",
        help="where to write the settings (default: %(default)s; one that is there stays)",
    )
    commands.add_parser("layouts", help="list the layouts")


def run(arguments: argparse.Namespace) -> None:
    """Check files, or list layouts."""
    from unposed_jobs import config, storage
    from unposed_jobs.catalogue import checking, places
    from unposed_jobs.distributed.source_frames import with_image_root
    from unposed_jobs.reference import selection

    if arguments.action == "layouts":
        for path in sorted(config.LAYOUTS.glob("*.toml")):
            print(f"{path.stem:18} {_about(path)}")
        print('To change one, copy it and name the copy: layout = "./mine.toml". They are in')
        print(config.LAYOUTS)
        return
    settings = checking.guess(arguments.files, arguments.config, arguments.layout)
    storage.configure(places.allowed(settings))
    products, images = checking.check(settings, with_image_root(settings.catalogue))
    for line in checking.report(products, images, settings):
        print(line)
    usual = settings.training.min_pictures
    listed = (images.pictures[key] for key in products.keys)
    least = selection.reachable(listed, settings.training)
    if least != usual:
        remedy = f"[training] min_pictures = {least} is written" if least else "training needs more"
        print(f"fewer than {selection.MIN_PRODUCTS} products have {usual} pictures: {remedy}")
    target = Path(arguments.write)
    if target.exists():
        print(f"{target} is there already and stays; --write names another file")
        return
    try:
        text = checking.as_toml(settings, products, images, 0 if least == usual else least)
        target.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UnposedError(f"cannot write {target}: {error.strerror}") from None
    print(f"wrote {target}: unposed train --config {target}, then unposed audit --config {target}")


def _about(path: Path) -> str:
    """The first sentence of the comment that a layout begins with."""
    lines = path.read_text(encoding="utf-8").splitlines()
    comment = itertools.takewhile(lambda line: line.startswith("#"), lines)
    text = " ".join(line.removeprefix("# ") for line in comment)
    return text.split(". ")[0].rstrip(".")
