"""Is a face in a picture? BlazeFace's full-range network, in batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
import torch

from unposed_jobs.config import PoseSettings
from unposed_jobs.errors import UnposedError
from unposed_jobs.networks import engines, tflite, weights
from unposed_jobs.pose.blazepose import geometry, sampling
from unposed_jobs.pose.blazepose.estimator import Sampler
from unposed_jobs.pose.estimator import PoseEstimate
from unposed_jobs.pose.topology import BLAZEPOSE33_INDEX, COCO17_INDEX

SIDE = 192
"""Pixels of the network's square."""

_CELLS = 48
_SHAPES = ((SIDE, SIDE, 3), (_CELLS * _CELLS, 16), (_CELLS * _CELLS, 1))
_CLIP = 100.0
_HEAD_SIDE = 1.7
"""Of the square round a head whose place is known, in lengths of the torso."""
_LEAST_SIDE = 48.0
_Picture = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Face:
    """The likeliest face: its score in [0, 1], its box left, top, right, bottom in pixels."""

    score: float
    box: tuple[float, float, float, float]


class FaceFinder:
    """The network, loaded once. One instance belongs to one thread."""

    def __init__(self, settings: PoseSettings) -> None:
        """Raises UnposedError for missing, damaged or other weights."""
        try:
            graph = tflite.read(weights.load(settings, weights.FACES)[1])
            sizes = tuple(graph.shapes[number][1:] for number in graph.inputs + graph.outputs)
            if sizes != _SHAPES:
                raise ValueError(f"other inputs and outputs than BlazeFace: {sizes}")
            self._network = engines.network(graph, engines.SIGNED)
        except ValueError as error:
            raise UnposedError(
                f"the weights of {weights.FACES} cannot be used: {error}; "
                f"run: unposed models fetch {weights.FACES}"
            ) from None

    @torch.inference_mode()
    def __call__(
        self, pictures: Sequence[_Picture], estimates: Sequence[PoseEstimate]
    ) -> list[Face]:
        """The likeliest face of each (height, width, 3) uint8 RGB picture.

        Where a person's head is in the picture, a square round it is looked at, else the whole.
        """
        if not pictures:
            return []
        regions = np.stack(
            [_region(*pair) for pair in zip(pictures, estimates, strict=True)]
        ).astype(np.float32)
        sampler = Sampler(pictures, self._network.device)
        every = torch.arange(len(pictures), device=self._network.device)
        places = torch.from_numpy(regions).to(self._network.device)
        squares = sampler(every, places, SIDE, sampling.Border.BLACK)
        boxes, logits = self._network(squares)
        scores = torch.sigmoid(logits[..., 0].clamp(-_CLIP, _CLIP)).cpu().numpy()
        best = scores.argmax(1)
        rows = np.arange(len(best))
        raw = boxes.cpu().numpy()[rows, best, :4] / SIDE
        centre = raw[:, :2] + _anchors()[best] - 0.5
        middle = regions[:, :2] + centre * regions[:, 2:3]
        half = raw[:, 2:] * regions[:, 2:3] / 2
        corners = np.concatenate([middle - half, middle + half], 1)
        return [
            Face(float(score), (float(box[0]), float(box[1]), float(box[2]), float(box[3])))
            for score, box in zip(scores[rows, best], corners, strict=True)
        ]


@cache
def _anchors() -> npt.NDArray[np.float32]:
    ramp = (np.arange(_CELLS, dtype=np.float32) + 0.5) / _CELLS
    y, x = np.meshgrid(ramp, ramp, indexing="ij")
    return np.stack([x, y], -1).reshape(-1, 2).astype(np.float32)


def _region(picture: _Picture, estimate: PoseEstimate) -> npt.NDArray[np.float64]:
    """Where to look: (4,) as in `blazepose.geometry`."""
    height, width = picture.shape[:2]
    whole = geometry.whole(torch.tensor([[float(width), float(height)]]))[0].double().numpy()
    if estimate.landmarks is None:
        return np.asarray(whole)
    index = BLAZEPOSE33_INDEX if len(estimate.landmarks) == 33 else COCO17_INDEX
    points = estimate.landmarks[:, :2].astype(np.float64) * (width, height)
    nose = points[index["nose"]]
    shoulders, hips = (
        points[[index[f"{side}_{part}"] for side in ("left", "right")]].mean(0)
        for part in ("shoulder", "hip")
    )
    side = max(_HEAD_SIDE * float(np.linalg.norm(shoulders - hips)), _LEAST_SIDE)
    inside = bool((nose >= -0.1 * side).all() and (nose <= (width, height)).all())
    if not inside or side >= max(width, height):
        return np.asarray(whole)
    return np.array([*nose, side, 0.0])
