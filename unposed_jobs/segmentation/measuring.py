"""What a network finds, and how right it is: average precision by pycocotools, boxes and masks."""

from __future__ import annotations

import contextlib
import io
import json
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import torch

from unposed_jobs.config import PoseSettings
from unposed_jobs.errors import UnposedError
from unposed_jobs.segmentation.coco import INSTALL, Examples, mask_tools
from unposed_jobs.segmentation.network import Yolact, boxes_of, overlaps

MEASURES = ("AP", "AP50", "AP75", "AP small", "AP medium", "AP large")
_LEAST, _MOST, _REPEATED = 0.05, 100, 0.5
_AT_ONCE = 16


@dataclass(frozen=True)
class Instance:
    """`box` left, top, right, bottom in pixels of the picture, `mask` (height, width)."""

    label: int
    score: float
    box: npt.NDArray[np.float64]
    mask: npt.NDArray[np.bool_]


@torch.inference_mode()
def find(network: Yolact, pictures: list[npt.NDArray[np.uint8]]) -> list[list[Instance]]:
    """The instances of each RGB picture (height, width, 3), the surest first."""
    side, place = network.shape.side, network.anchors.device
    small = [cv2.resize(one, (side, side), interpolation=cv2.INTER_AREA) for one in pictures]
    values = torch.from_numpy(np.stack(small)).to(place).permute(0, 3, 1, 2).float() / 255
    told = network(values)
    found = []
    for row, picture in enumerate(pictures):
        chances = told.logits[row].softmax(-1)[:, :-1]
        boxes = boxes_of(told.offsets[row], network.anchors).clamp(0, 1)
        kept = _without_repeats(boxes, chances)
        masks = torch.einsum("ap,phw->ahw", told.coefficients[row][kept[0]], told.prototypes[row])
        scores = chances[kept].cpu().numpy()
        found.append(
            [
                _instance(int(label), float(score), box, mask, picture.shape[:2])
                for label, score, box, mask in zip(
                    kept[1].cpu().numpy(),
                    scores,
                    boxes[kept[0]].cpu().numpy(),
                    masks.cpu().numpy(),
                    strict=True,
                )
            ]
        )
    return found


def _without_repeats(
    boxes: torch.Tensor, chances: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Anchors and classes that stand, the surest first: of a class none overlaps a surer one."""
    anchor, label = torch.nonzero(chances > _LEAST, as_tuple=True)
    order = chances[anchor, label].argsort(descending=True, stable=True)[: 4 * _MOST]
    anchor, label = anchor[order], label[order]
    shared = overlaps(boxes[anchor], boxes[anchor]) > _REPEATED
    shared &= label[:, None] == label[None]
    stands: list[int] = []
    for row in range(len(anchor)):
        if not shared[row, stands].any():
            stands.append(row)
    chosen = torch.tensor(stands[:_MOST], dtype=torch.long, device=boxes.device)
    return anchor[chosen], label[chosen]


def _instance(
    label: int,
    score: float,
    box: npt.NDArray[np.float32],
    mask: npt.NDArray[np.float32],
    size: tuple[int, ...],
) -> Instance:
    high, wide = size
    corners = box.astype(np.float64) * (wide, high, wide, high)
    inside = cv2.resize(mask, (wide, high), interpolation=cv2.INTER_LINEAR) > 0
    left, top, right, bottom = np.rint(corners).astype(int)
    within = np.zeros_like(inside)
    within[top:bottom, left:right] = inside[top:bottom, left:right]
    return Instance(label, score, corners, within)


def judge(network: Yolact, examples: Examples, pose: PoseSettings) -> dict[str, dict[str, float]]:
    """`MEASURES` by ``segm`` and ``bbox``; -1 where there is nothing of a size.

    Raises UnposedError without pycocotools.
    """
    tools = mask_tools()
    results: list[dict[str, Any]] = []
    for start in range(0, len(examples), _AT_ONCE):
        rows = range(start, min(start + _AT_ONCE, len(examples)))
        for row, found in zip(
            rows, find(network, [examples.read(row, pose) for row in rows]), strict=True
        ):
            for one in found:
                left, top, right, bottom = one.box.tolist()
                coded = tools.encode(np.asfortranarray(one.mask.astype(np.uint8)))
                results.append(
                    {
                        "image_id": examples.pictures[row]["id"],
                        "category_id": examples.categories[one.label],
                        "score": one.score,
                        "bbox": [left, top, right - left, bottom - top],
                        "segmentation": coded | {"counts": coded["counts"].decode()},
                    }
                )
    return _precision(examples, results)


def evaluator(dataset: dict[str, Any], results: list[dict[str, Any]], kind: str) -> Any:
    """pycocotools' evaluation of results, of which it changes the entries; it prints as it goes.

    `kind` is ``segm``, ``bbox`` or ``keypoints``. Raises UnposedError without pycocotools.
    """
    try:
        from pycocotools.coco import COCO
        from pycocotools.cocoeval import COCOeval
    except ImportError:
        raise UnposedError(f"pycocotools is not installed; {INSTALL}") from None
    truth = COCO()
    truth.dataset = dataset
    truth.createIndex()
    return COCOeval(truth, truth.loadRes(results), kind)


def _precision(examples: Examples, results: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    if not results:
        return {kind: dict.fromkeys(MEASURES, 0.0) for kind in ("segm", "bbox")}
    told: dict[str, dict[str, float]] = {}
    with contextlib.redirect_stdout(io.StringIO()):
        for kind in ("segm", "bbox"):
            listed = json.loads(json.dumps(results))
            if kind == "bbox":
                listed = [{k: v for k, v in one.items() if k != "segmentation"} for one in listed]
            judged = evaluator(_dataset(examples), listed, kind)
            judged.evaluate()
            judged.accumulate()
            judged.summarize()
            told[kind] = dict(zip(MEASURES, judged.stats[:6].tolist(), strict=True))
    return told


def _dataset(examples: Examples) -> dict[str, Any]:
    instances = [
        dict(one, id=number, iscrowd=0)
        for number, one in enumerate(
            (
                one
                for picture in examples.pictures
                for one in examples.instances.get(picture["id"], ())
            ),
            start=1,
        )
    ]
    return {
        "info": {},
        "images": list(examples.pictures),
        "annotations": instances,
        "categories": [
            {"id": number, "name": name}
            for number, name in zip(examples.categories, examples.names, strict=True)
        ],
    }
