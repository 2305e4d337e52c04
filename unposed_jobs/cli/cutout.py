"""Cut products out of their background: PNGs with transparency, or a marketplace's frame.

Writes DIR/NAME.png with alpha for each picture of FOLDER; with --for MARKET a JPEG in that
marketplace's ratio, size, fill and background instead. Nothing is enlarged without --enlarge.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from unposed_jobs.cli import _pictures


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's flags."""
    _pictures.add_folder(parser, out="where to write them")
    parser.add_argument(
        "--for", dest="market", metavar="MARKET", help="zalando, amazon, … or a .toml file"
    )
    parser.add_argument(
        "--enlarge", action="store_true", help="also draw products larger than they are"
    )


def run(arguments: argparse.Namespace) -> int:
    """Look, cut out, write; 1 where a picture could not be read or has no product to cut out."""
    from unposed_jobs.pictures import cutouts, facts, standards

    market = standards.market(arguments.market) if arguments.market else None
    _pictures.folder_to_write(arguments.out)
    written = failed = 0
    used: set[Path] = set()
    for one in _pictures.looked(arguments, facts.OFF):
        if one.seen is None:
            failed += 1
            continue
        opaque = cutouts.alpha(one.seen)
        if opaque is None:
            print(f"{one.found.name}: no product is told from a ground")
            failed += 1
            continue
        suffix = ".png" if market is None else ".jpg"
        target = (arguments.out / one.found.name).with_suffix(suffix)
        target = _pictures.apart(target, used)
        if market is None:
            _pictures.write(target, cutouts.png(one.seen.picture, opaque))
        else:
            made = cutouts.laid_out(
                one.seen.picture, opaque, market.frame, enlarge=arguments.enlarge
            )
            _pictures.write(target, cutouts.jpeg(made.picture))
            if made.note:
                print(f"{one.found.name}: {made.note}")
        written += 1
    print(f"{written} cut-outs in {arguments.out}, {failed} without one")
    return int(failed > 0)
