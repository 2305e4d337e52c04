"""Outlines of people whose estimate brings none: the landmark network, run once more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import torch

from unposed_jobs.config import PoseSettings
from unposed_jobs.errors import UnposedError
from unposed_jobs.networks import engines, weights
from unposed_jobs.pose.blazepose import landmarks, sampling
from unposed_jobs.pose.blazepose.estimator import Sampler, outlines_of
from unposed_jobs.pose.estimator import PoseEstimate
from unposed_jobs.pose.second_look import squares

_Picture = npt.NDArray[np.uint8]


class Outliner:
    """Outlines of people whose estimate brings none. One instance belongs to one thread."""

    def __init__(self, settings: PoseSettings) -> None:
        self._settings = settings
        self._engine: engines.Engine | None = None

    @torch.inference_mode()
    def __call__(
        self, pictures: Sequence[_Picture], estimates: Sequence[PoseEstimate]
    ) -> list[PoseEstimate]:
        """The estimates, with an outline wherever there are BlazePose's 33 landmarks.

        Raises UnposedError for missing or damaged weights.
        """
        done = list(estimates)
        rows = [
            row
            for row, one in enumerate(done)
            if one.landmarks is not None and one.outline is None and len(one.landmarks) == 33
        ]
        if not rows:
            return done
        if self._engine is None:
            try:
                self._engine = engines.create(weights.load(self._settings)[1], outlines=True)
            except ValueError as error:
                raise UnposedError(f"the landmark network tells no outlines: {error}") from None
        shown = [pictures[row] for row in rows]
        around = [
            squares.around(np.asarray(done[row].landmarks), *pictures[row].shape[1::-1])
            for row in rows
        ]
        regions = torch.from_numpy(np.concatenate(around)).to(self._engine.device)
        sampler = Sampler(shown, self._engine.device)
        every = torch.arange(len(shown), device=self._engine.device)
        cut = sampler(every, regions, landmarks.SIDE, sampling.Border.NEAREST)
        masks = self._engine.outline(cut)[3]
        for row, outline in zip(rows, outlines_of(masks, regions), strict=True):
            done[row] = replace(done[row], outline=outline)
        return done
