"""Fits the shipped heads anew: ``python -m unposed_jobs.lab.fitting.attributes.fit FILE ...``.

The files are of `lab.fitting.orientation.examples`, of seeds below 100. With --catalogue FOLDER
(``unposed sample-catalogue``) also the class of a picture, and the kind of one without a person.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from unposed_jobs import config
from unposed_jobs.attributes import heads, reading
from unposed_jobs.attributes.reading import Features
from unposed_jobs.attributes.training import Trained, train
from unposed_jobs.errors import UnposedError
from unposed_jobs.lab.fitting.image_class.examples import of_shot
from unposed_jobs.lab.fitting.orientation.examples import LABELS, Examples
from unposed_jobs.pose.decoding import UnreadablePicture, decode

_BATCH = 16


def main(arguments: Sequence[str] | None = None) -> int:
    """Fit each attribute, write the heads, say what they are worth."""
    parser = argparse.ArgumentParser(prog="python -m unposed_jobs.lab.fitting.attributes.fit")
    parser.add_argument("files", nargs="+", type=Path, help="of ...orientation.examples")
    parser.add_argument("--catalogue", type=Path, help="a sample catalogue of a seed below 100")
    parser.add_argument("--out", type=Path, default=Path(reading.__file__).with_name(reading.FILE))
    given = parser.parse_args(arguments)
    try:
        made = of_turntables(given.files)
        if given.catalogue:
            made += of_catalogue(given.catalogue)
        given.out.write_bytes(heads.to_bytes([one.head for one in made]))
    except (UnposedError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    for one in made:
        print(
            f"{one.head.name}: {one.accuracy:.3f} out of fold, {one.commonest:.3f} for the "
            f"commonest of {len(one.head.values)}"
        )
    return 0


def of_turntables(files: Sequence[Path]) -> list[Trained]:
    """Garment, sleeve, framing and view of rendered people."""
    known = Examples.load(files)
    features = known.features.astype(np.float32)
    return [
        train(name, features, known.labels[:, column], known.every)
        for column, name in enumerate(LABELS)
    ]


def of_catalogue(folder: Path) -> list[Trained]:
    """The class of each picture of a sample catalogue, and the kind of those of products alone."""
    settings = config.load().pose
    network = Features(settings)
    with (folder / "truth/images.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if not row["defect"]]
    pictures, kept = [], []
    for row in rows:
        try:
            pictures.append(decode((folder / row["image_uri"]).read_bytes(), settings))
        except (OSError, UnreadablePicture):
            continue
        kept.append(row)
    features = np.concatenate(
        [network(pictures[start : start + _BATCH]) for start in range(0, len(pictures), _BATCH)]
    )
    products = np.unique([row["product_id"] for row in kept], return_inverse=True)[1]
    classes = np.array([of_shot(row) for row in kept])
    kinds = np.array([row["kind"] for row in kept])
    alone = kinds != "person"
    return [
        train("image_class", features, classes, products),
        train("kind", features[alone], kinds[alone], products[alone]),
    ]


if __name__ == "__main__":
    sys.exit(main())
