"""Train what a frame is chosen for on your own labelled pictures, or list what is known.

`train FOLDER` learns one attribute: FOLDER has a folder of pictures for each of its values, at
least ten of each. The file it makes is named in [videos] attributes; of each video the frame that
shows the attribute best is kept from then on.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from unposed_jobs.errors import UnposedError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from unposed_jobs.config import PoseSettings
    from unposed_jobs.pictures.folder import Found

_BATCH = 16


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the subcommands."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    train = actions.add_parser("train", help="learn an attribute from a folder of pictures")
    train.add_argument("folder", type=Path, metavar="FOLDER", help="a folder for each value")
    train.add_argument("--name", help="of the attribute (default: the folder's)")
    train.add_argument("--out", type=Path, required=True, metavar="FILE", help="the head")
    listed = actions.add_parser("list", help="the attributes that are known, and their values")
    # The settings may be named behind the action too.
    for action in (train, listed):
        action.add_argument("--config", metavar="FILE", default=argparse.SUPPRESS)


def run(arguments: argparse.Namespace) -> int:
    """Train or list. Raises UnposedError for folders from which nothing can be learned."""
    from unposed_jobs import config

    settings = config.load(arguments.config)
    if arguments.action == "train":
        _train(arguments, settings.pose)
        return 0
    from unposed_jobs.attributes.reading import all_heads

    for head in all_heads(settings.videos.attributes):
        print(f"{head.name}: {', '.join(head.values)}")
    return 0


def _train(arguments: argparse.Namespace, settings: PoseSettings) -> None:
    import numpy as np

    from unposed_jobs.attributes import heads, training
    from unposed_jobs.cli import _pictures

    found = _labelled(arguments.folder)
    features, kept = _features([one for _, one in found], settings)
    labels = np.array([value for value, _ in found])[kept]
    products = np.unique([one.product for _, one in found], return_inverse=True)[1][kept]
    name = arguments.name or arguments.folder.resolve().name
    made = training.train(name, features, labels, products)
    _pictures.write(arguments.out, heads.to_bytes([made.head]))
    surest = heads.certainty(made.shares) >= np.median(heads.certainty(made.shares))
    right = np.array(made.head.values)[made.shares.argmax(1)] == labels
    print(
        f"{name}: {', '.join(made.head.values)}; {len(labels)} pictures, {made.accuracy:.1%} right "
        f"out of fold ({made.commonest:.1%} by the commonest value), {right[surest].mean():.1%} of "
        f'the surer half. Name it: [videos] attributes = ["{arguments.out}"]'
    )


def _labelled(folder: Path) -> list[tuple[str, Found]]:
    from unposed_jobs.pictures import folder as folders

    if not folder.is_dir():
        raise UnposedError(f"no folder {folder}")
    values = sorted(one for one in folder.iterdir() if one.is_dir() and one.name[0] != ".")
    if len(values) < 2:
        raise UnposedError(
            f"{folder} has {len(values)} folders; it needs one of pictures for each value, such as "
            f"{folder}/short and {folder}/long"
        )
    return [(value.name, one) for value in values for one in folders.pictures(value)]


def _features(
    found: list[Found], settings: PoseSettings
) -> tuple[npt.NDArray[np.float32], list[int]]:
    """Of the pictures that can be read, with their places; a line for each that cannot."""
    import sys

    import numpy as np

    from unposed_jobs.attributes.reading import Features
    from unposed_jobs.pose.decoding import UnreadablePicture, decode

    network, parts, kept = Features(settings), [], list[int]()
    waiting: list[npt.NDArray[np.uint8]] = []
    for place, one in enumerate(found):
        try:
            waiting.append(decode(one.path.read_bytes(), settings))
            kept.append(place)
        except (OSError, UnreadablePicture) as error:
            print(f"{one.name}: {error}", file=sys.stderr)
        if len(waiting) == _BATCH:
            parts.append(network(waiting))
            waiting = []
    parts.append(network(waiting))
    return np.concatenate(parts), kept
