"""People cut out of pictures for a top-down model, as MMPose's test pipeline does it.

GetBBoxCenterScale, TopdownAffine and PoseDataPreprocessor. A region is (cx, cy, w, h) in pixels
of the picture; the model's input shows a whole region. Two conventions of where it lies:

- plain: pixel i of n shows i / n of the region;
- unbiased (UDP, https://arxiv.org/abs/1911.07524): pixel i of n shows i / (n - 1).
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from unposed_jobs.config import PoseSettings

PADDING = 1.25
"""How much larger than the person's box the region is: MMPose's, in training as well."""

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
_Picture = npt.NDArray[np.uint8]


def regions(boxes: Doubles, aspect: float) -> Doubles:
    """Padded regions (P, 4) of an input's `aspect` (width over height) round boxes (P, 4).

    Boxes are left, top, right, bottom in pixels.
    """
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2
    width, height = ((boxes[:, 2:] - boxes[:, :2]) * PADDING).T
    width, height = np.maximum(width, height * aspect), np.maximum(height, width / aspect)
    return np.stack([*centre.T, width, height], axis=1)


def crop(
    picture: _Picture, region: Sequence[float], size: tuple[int, int], *, unbiased: bool
) -> _Picture:
    """The region as an input of `size` (width, height): (height, width, 3) uint8.

    What lies outside the picture is black. Raises RuntimeError where OpenCV cannot.
    """
    centre, extent = np.array(region[:2]), np.array(region[2:])
    steps = np.array(size) - 1 if unbiased else np.array(size)
    scale = steps / extent
    shift = steps / 2 - centre * scale
    matrix = np.array([[scale[0], 0, shift[0]], [0, scale[1], shift[1]]])
    try:
        return np.asarray(cv2.warpAffine(picture, matrix, size, flags=cv2.INTER_LINEAR), np.uint8)
    except cv2.error as error:
        raise RuntimeError(f"cannot crop: {str(error).strip()}") from None


def normalised(crops: _Picture, settings: PoseSettings) -> Floats:
    """RGB crops (P, height, width, 3) uint8 as the model wants them: (P, 3, height, width).

    Channels in the settings' order, their mean taken off, over their standard deviation.
    """
    channels = crops[..., ::-1] if settings.onnx_colour_order == "bgr" else crops
    scale = 1 / np.array(settings.onnx_std, np.float32)
    values = (channels.astype(np.float32) - np.array(settings.onnx_mean, np.float32)) * scale
    return np.ascontiguousarray(values.transpose(0, 3, 1, 2))


def to_picture(points: Floats, regions: Doubles, sizes: Doubles) -> Floats:
    """Points (P, K, 3) - x, y in [0, 1] of their regions (P, 4), score - in [0, 1] of pictures.

    `sizes` is (P, 2), the width and height of each one's picture in pixels.
    """
    placed = regions[:, None, :2] + (points[..., :2] - 0.5) * regions[:, None, 2:]
    placed /= sizes[:, None]
    return np.concatenate([placed, points[..., 2:]], axis=-1).astype(np.float32)
