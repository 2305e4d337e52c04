"""Train a network that finds garments and people, with or without attention.

  train     learn from ANNOTATIONS into --out; goes on where a run ended
  evaluate  average precision on ANNOTATIONS of the network in --out
  compare   all three kinds under one budget, with their spread over seeds

Uses the GPU where there is one. The rendered catalogue has such annotations:
``unposed sample-catalogue --parts`` writes truth/coco.json.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unposed_jobs.arguments import positive

if TYPE_CHECKING:
    from unposed_jobs.segmentation.network import Shape
    from unposed_jobs.segmentation.training import Plan, Progress

_KINDS = ("plain", "standardised", "split_attention")
_OF = {"segm": "masks", "bbox": "boxes"}


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's flags."""
    add = parser.add_argument
    add("action", choices=("train", "evaluate", "compare"))
    add("annotations", type=Path, metavar="ANNOTATIONS", help="a JSON file in COCO's format")
    add("--images", type=Path, metavar="DIR", help="the pictures (default: where the file is)")
    add("--out", type=Path, required=True, metavar="DIR", help="the network's folder; of compare, "
        "one for each network")  # fmt: skip
    add("--kind", choices=_KINDS, default="split_attention", help="(default: %(default)s)")
    add("--side", type=positive, default=128, help="pixels of the square that is looked at (128)")
    add("--cardinality", type=positive, default=2, metavar="K", help="groups of attention (2)")
    add("--radix", type=positive, default=2, metavar="R", help="splits of a group (2)")
    add("--epochs", type=positive, default=30, help="(default: %(default)s)")
    add("--batch", type=positive, default=8, help="pictures in a step (default: %(default)s)")
    add("--seed", type=int, default=0)
    add("--seeds", type=positive, default=3, help="of compare (default: %(default)s)")
    add("--held-out", type=positive, default=5, metavar="N", dest="every",
        help="judge by each N-th product, or picture, and learn from the others (5)")  # fmt: skip
    add("--json", type=Path, metavar="FILE", help="also write the figures")


def run(arguments: argparse.Namespace) -> int:
    """Learn, judge, print."""
    from unposed_jobs import config
    from unposed_jobs.segmentation import coco, measuring, training

    pose = config.load(arguments.config).pose
    examples = coco.load(arguments.annotations, arguments.images)
    if arguments.action == "evaluate":
        network, _ = training.load(arguments.out)
        _show(arguments, {"network": [measuring.judge(network, examples, pose)]})
        return 0
    learned, judged = examples.split(arguments.every)
    if arguments.action == "train":
        shape, plan = _asked(arguments, arguments.kind, arguments.seed, len(examples.names))
        network = training.train(
            learned, shape, plan, arguments.out, pose=pose, tell=_tell(arguments.kind)
        )
        _show(arguments, {arguments.kind: [measuring.judge(network, judged, pose)]})
        return 0
    started, busy = time.monotonic(), time.process_time()
    found: dict[str, list[Any]] = {}
    for kind in _KINDS:
        for seed in range(arguments.seeds):
            shape, plan = _asked(arguments, kind, seed, len(examples.names))
            out = arguments.out / f"{kind}-{seed}"
            network = training.train(
                learned, shape, plan, out, pose=pose, tell=_tell(f"{kind} {seed}")
            )
            found.setdefault(kind, []).append(measuring.judge(network, judged, pose))
    summary: dict[str, Any] = {
        "learned": len(learned),
        "judged": len(judged),
        "side": arguments.side,
        "epochs": arguments.epochs,
        "device": "a GPU" if training.device().type == "cuda" else "the CPU",
        "minutes": (time.monotonic() - started) / 60,
        "processor_minutes": (time.process_time() - busy) / 60,
        "differences": _differences(found),
    }
    _show(arguments, found, summary)
    print("\n".join(summary["differences"]))
    print(
        f"{summary['minutes']:.1f} minutes, {summary['processor_minutes']:.1f} of the processor's"
    )
    return 0


def _differences(found: dict[str, list[Any]]) -> list[str]:
    """What the attention row has more than each other, seed by seed, in a line each."""
    attention, *others = reversed(_KINDS)
    lines = []
    for kind in reversed(others):
        for of, name in _OF.items():
            apart = [
                one[of]["AP"] - other[of]["AP"]
                for one, other in zip(found[attention], found[kind], strict=True)
            ]
            spread = f" ± {statistics.stdev(apart):.3f}" if len(apart) > 1 else ""
            each = ", ".join(f"{one:+.3f}" for one in apart)
            lines.append(
                f"{attention} less {kind}, AP of {name}: {statistics.fmean(apart):+.3f}{spread} "
                f"(by seed {each})"
            )
    return lines


def _asked(arguments: argparse.Namespace, kind: str, seed: int, classes: int) -> tuple[Shape, Plan]:
    from unposed_jobs.errors import UnposedError
    from unposed_jobs.segmentation.network import STRIDES, Shape
    from unposed_jobs.segmentation.training import Plan

    if arguments.side % STRIDES[-1]:
        raise UnposedError(f"--side must be a multiple of {STRIDES[-1]}, not {arguments.side}")
    shape = Shape(
        classes,
        kind,
        side=arguments.side,
        cardinality=arguments.cardinality,
        radix=arguments.radix,
    )
    return shape, Plan(epochs=arguments.epochs, batch=arguments.batch, seed=seed)


def _tell(name: str) -> Any:
    def tell(done: Progress) -> None:
        print(
            f"{name}: epoch {done.epoch} of {done.of}, loss {done.loss:.3f}, {done.seconds:.1f} s",
            file=sys.stderr,
            flush=True,
        )

    return tell


def _show(
    arguments: argparse.Namespace,
    found: dict[str, list[Any]],
    summary: dict[str, Any] | None = None,
) -> None:
    """Means over seeds, with the standard deviation where there are several.

    The file of figures also has the `summary`.
    """
    from unposed_jobs.cli import _pictures
    from unposed_jobs.segmentation.measuring import MEASURES

    lines = []
    for kind, runs in found.items():
        for of, name in _OF.items():
            cells = []
            for measure in MEASURES:
                values = [one[of][measure] for one in runs]
                spread = f" ± {statistics.stdev(values):.3f}" if len(values) > 1 else ""
                known = min(values) >= 0
                cells.append(f"{statistics.fmean(values):.3f}{spread}" if known else "-")
            lines.append([kind, name, *cells])
    _pictures.table(("network", "of", *MEASURES), lines)
    if arguments.json is not None:
        content = (summary or {}) | {"networks": found}
        arguments.json.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
