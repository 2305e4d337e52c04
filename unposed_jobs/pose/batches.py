"""A batch of pictures through an estimator that may break on one of them."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from unposed_jobs.errors import UnposedError
from unposed_jobs.pose.estimator import PoseEstimate
from unposed_jobs.pose.principal import Landmarks, principal

logger = logging.getLogger(__name__)

LONGEST_SIDE = 32766
"""OpenCV's positions are 16-bit numbers, in MediaPipe too."""

_Picture = npt.NDArray[np.uint8]
People = Callable[[Sequence[_Picture]], list[list[Landmarks]]]


def estimate_batch(pictures: Sequence[_Picture], people: People) -> list[PoseEstimate]:
    """One estimate for each picture, in order: the principal person among `people` of it.

    `people` gives everybody in each picture of a batch. Where it raises RuntimeError, the
    pictures are tried one by one, and those it fails on get an error. Raises UnposedError where
    it is the GPU that fails.
    """
    fit = [picture for picture in pictures if max(picture.shape[:2]) <= LONGEST_SIDE]
    found = iter(_estimate(fit, people))
    too_long = PoseEstimate(None, 0.0, 0, error=f"a side is longer than {LONGEST_SIDE} pixels")
    return [
        next(found) if max(picture.shape[:2]) <= LONGEST_SIDE else too_long for picture in pictures
    ]


def _estimate(pictures: list[_Picture], people: People) -> list[PoseEstimate]:
    if not pictures:
        return []
    try:
        return [principal(found) for found in people(pictures)]
    except RuntimeError as error:
        reason = str(error).partition("\n")[0]
        if _of_device(error):
            raise UnposedError(
                f"the GPU failed: {reason}; start again, and see the machine's log (dmesg) if it "
                "fails again"
            ) from None
    if len(pictures) > 1:
        # One of them, or their number, was too much: find out which.
        logger.warning("retrying %d pictures one by one: %s", len(pictures), reason)
        return [result for one in pictures for result in _estimate([one], people)]
    logger.warning("failed on a picture of shape %s: %s", pictures[0].shape, reason)
    return [PoseEstimate(None, 0.0, 0, error=reason)]


def _of_device(error: RuntimeError) -> bool:
    """Whether a GPU broke: nothing runs on it in this process any more, whatever the picture."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(error, torch.AcceleratorError)
