"""BlazePose for batches of pictures of any sizes: MediaPipe's landmarks, several times as fast."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from unposed_jobs.config import PoseSettings
from unposed_jobs.errors import UnposedError
from unposed_jobs.networks import engines, weights
from unposed_jobs.pose.batches import estimate_batch
from unposed_jobs.pose.blazepose import detection, geometry, landmarks, sampling
from unposed_jobs.pose.estimator import Outline, PoseEstimate
from unposed_jobs.pose.mediapipe_estimator import PRESENCE_CONFIDENCE

VERSION = 1
"""Raised when the landmarks of an equal bundle would change."""

_Picture = npt.NDArray[np.uint8]
Outlined = tuple[npt.NDArray[np.float32], Outline]
"""Somebody's landmarks and outline."""


def create(settings: PoseSettings, *, outlines: bool = False) -> BlazePoseEstimator:
    """Make the estimator of ``blazepose-{lite,full,heavy}`` or ``blazepose:/path/to.task``.

    With `outlines` its estimates have the person's outline, from the same run of the network.
    Raises UnposedError for missing or damaged weights, or a bundle of other networks.
    """
    name, bundle = _bundle(settings)
    try:
        engine = engines.create(bundle, outlines=outlines)
    except ValueError as error:
        raise UnposedError(f"the bundle {name} cannot be used in batches: {error}") from None
    digest = hashlib.sha256(bundle).hexdigest()
    return BlazePoseEstimator(engine, identify(settings), settings, digest, outlines=outlines)


def identify(settings: PoseSettings) -> str:
    """The `estimator_id` that `create` would give; the same on every kind of device.

    Raises UnposedError for missing or damaged weights.
    """
    name, bundle = _bundle(settings)
    digest = hashlib.sha256(bundle).hexdigest()[:12]
    return (
        f"blazepose-{VERSION}-{name}-{digest}"
        f"-people{settings.max_people}-detection{settings.min_detection_confidence:g}"
    )


def _bundle(settings: PoseSettings) -> tuple[str, bytes]:
    kind, _, path = settings.estimator.partition(":")
    if path:
        try:
            return Path(path).stem, Path(path).read_bytes()
        except OSError as error:
            raise UnposedError(f"cannot read the bundle {path}: {error.strerror}") from None
    name = kind.removeprefix("blazepose-")
    return name, weights.load(settings, f"pose_landmarker_{name}")[1]


class BlazePoseEstimator:
    """Detector and landmark network over batches. Fulfils `PoseEstimator`.

    What MediaPipe Tasks does in image mode: the detector once for each picture, the landmark
    network once for each person, no tracking. People whose pose score is at most
    `PRESENCE_CONFIDENCE` are dropped; the principal one is chosen as `MediaPipeEstimator` does.
    """

    def __init__(
        self,
        engine: engines.Engine,
        estimator_id: str,
        settings: PoseSettings,
        digest: str = "",
        *,
        outlines: bool = False,
    ) -> None:
        self._engine = engine
        self._outlines = outlines
        self._digest = digest
        self._id = estimator_id
        self._max_people = settings.max_people
        self._min_score = settings.min_detection_confidence

    @property
    def estimator_id(self) -> str:
        """Version, weights' digest, and the settings that change the landmarks."""
        return self._id

    def shared(self, digest: str) -> engines.Engine | None:
        """This estimator's engine, where it runs the networks of the bundle with this SHA-256."""
        return self._engine if digest == self._digest else None

    def estimate(self, pictures: Sequence[_Picture]) -> list[PoseEstimate]:
        """See `PoseEstimator.estimate`. Landmarks are (33, 5) float32."""
        if not self._outlines:
            return estimate_batch(pictures, self.people)
        seen: list[Outlined] = []
        results = estimate_batch(pictures, lambda batch: self._people(batch, seen))
        outlines = {id(landmarks): outline for landmarks, outline in seen}
        return [replace(one, outline=outlines.get(id(one.landmarks))) for one in results]

    def close(self) -> None:
        """Give the networks back; the estimator cannot be used afterwards."""
        del self._engine

    def people(self, pictures: Sequence[_Picture]) -> list[list[npt.NDArray[np.float32]]]:
        """Everybody found in each picture, the detector's best first: (33, 5) float32 each."""
        return self._people(pictures)

    @torch.inference_mode()
    def _people(
        self, pictures: Sequence[_Picture], outlined: list[Outlined] | None = None
    ) -> list[list[npt.NDArray[np.float32]]]:
        """As `people`; to `outlined`, where it is given, everybody is added with their outline."""
        engine = self._engine
        sampler = Sampler(pictures, engine.device)
        sizes = torch.tensor(
            [(picture.shape[1], picture.shape[0]) for picture in pictures],
            dtype=torch.float32,
            device=engine.device,
        )
        everyone: list[list[npt.NDArray[np.float32]]] = [[] for _ in pictures]
        every = torch.arange(len(pictures), device=engine.device)
        squares = sampler(every, geometry.whole(sizes), detection.SIDE, sampling.Border.BLACK)
        found = detection.find_people(*engine.detect(squares), self._min_score, self._max_people)
        regions = geometry.body_regions(geometry.from_letterbox(found.points, sizes[found.picture]))
        sound = torch.isfinite(regions).all(1) & (regions[:, 2] > 0)
        picture, regions = found.picture[sound], regions[sound]
        if not len(picture):
            return everyone
        squares = sampler(picture, regions, landmarks.SIDE, sampling.Border.NEAREST)
        masks: torch.Tensor | None = None
        if outlined is None:
            raw, scores, heat = engine.locate(squares)
        else:
            raw, scores, heat, masks = engine.outline(squares)
        local = landmarks.decode(raw, heat)
        placed = geometry.to_picture(local[..., :3], regions, sizes[picture])
        table = torch.cat([placed, local[..., 3:]], -1)
        there = (scores[:, 0] > PRESENCE_CONFIDENCE) & torch.isfinite(table).all(-1).all(-1)
        found_here = list(table[there].cpu().numpy())
        for index, person in zip(picture[there].tolist(), found_here, strict=True):
            everyone[index].append(person)
        if outlined is not None and masks is not None:
            outlined += zip(found_here, outlines_of(masks[there], regions[there]), strict=True)
        return everyone


def outlines_of(masks: torch.Tensor, regions: torch.Tensor) -> list[Outline]:
    """Outlines of P people of the network's logits (P, 256, 256, 1) in regions (P, 4)."""
    shares = (torch.sigmoid(masks[..., 0]) * 255 + 0.5).to(torch.uint8).cpu().numpy()
    places = regions.cpu().numpy()
    return [Outline(share, place) for share, place in zip(shares, places, strict=True)]


class Sampler:
    """Cuts squares out of pictures on the engine's device."""

    def __init__(self, pictures: Sequence[_Picture], device: torch.device) -> None:
        self._pictures = pictures
        self._packed = None if device.type == "cpu" else sampling.Packed(pictures, device)

    def __call__(
        self,
        indices: torch.Tensor,
        regions: torch.Tensor,
        pixels: int,
        border: sampling.Border,
    ) -> torch.Tensor:
        """Squares (P, pixels, pixels, 3) uint8: `regions` (P, 4) of the pictures `indices`."""
        maps = geometry.sampling(regions, pixels)
        if self._packed is not None:
            return self._packed.squares(indices, maps, pixels, border)
        squares = sampling.on_cpu(
            self._pictures, indices.tolist(), maps.double().numpy(), pixels, border
        )
        return torch.from_numpy(squares)
