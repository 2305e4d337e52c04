"""BlazePose by MediaPipe Tasks, picture by picture: the reference estimator (section 4.2)."""

from __future__ import annotations

import hashlib
import logging
import os
import re
import sys
import tempfile
import threading
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from unposed_jobs.config import PoseSettings
from unposed_jobs.errors import UnposedError
from unposed_jobs.networks import weights
from unposed_jobs.pose.estimator import PoseEstimate
from unposed_jobs.pose.principal import principal

logger = logging.getLogger(__name__)

PRESENCE_CONFIDENCE = 0.5
"""Least score of the landmark network's own pose flag: MediaPipe's default."""

SYSTEM_PACKAGES = "libegl1 libgles2 libgl1 libglib2.0-0"
"""Debian packages that MediaPipe and its OpenCV load."""

_standard_error = threading.Lock()


def create(settings: PoseSettings) -> MediaPipeEstimator:
    """Make the estimator of ``mediapipe-{lite,full,heavy}`` or ``mediapipe:/path/to.task``.

    Raises UnposedError for missing or damaged weights, a bundle that MediaPipe refuses, or a
    missing system library.
    """
    return MediaPipeEstimator(*_bundle(settings), settings)


def identify(settings: PoseSettings) -> str:
    """The id of the estimator that `create` would make: version, weights' digest, and the
    settings that change the landmarks. Raises UnposedError for missing or damaged weights.
    """
    return _identity(*_bundle(settings), settings)


def _bundle(settings: PoseSettings) -> tuple[bytes, str]:
    kind, _, path = settings.estimator.partition(":")
    if path:
        try:
            return Path(path).read_bytes(), Path(path).stem
        except OSError as error:
            raise UnposedError(f"cannot read the bundle {path}: {error.strerror}") from None
    _, data = weights.load(settings, "pose_landmarker_" + kind.removeprefix("mediapipe-"))
    return data, kind.removeprefix("mediapipe-")


def _identity(bundle: bytes, name: str, settings: PoseSettings) -> str:
    return (
        f"mediapipe-{metadata.version('mediapipe')}-{name}-{hashlib.sha256(bundle).hexdigest()[:12]}"
        f"-people{settings.max_people}-detection{settings.min_detection_confidence:g}"
    )


class MediaPipeEstimator:
    """MediaPipe's PoseLandmarker in image mode. Fulfils `PoseEstimator`.

    The principal person is the one whose visible landmarks span the largest box; equal boxes
    are ordered by the score.
    """

    def __init__(self, bundle: bytes, name: str, settings: PoseSettings) -> None:
        self._mediapipe = _import_mediapipe()
        self._id = _identity(bundle, name, settings)
        tasks = self._mediapipe.tasks
        options = tasks.vision.PoseLandmarkerOptions(
            base_options=_base_options(tasks, bundle),
            num_poses=settings.max_people,
            min_pose_detection_confidence=settings.min_detection_confidence,
            min_pose_presence_confidence=PRESENCE_CONFIDENCE,
        )
        try:
            with _quiet_native_log():
                self._landmarker = tasks.vision.PoseLandmarker.create_from_options(options)
                # The first call loads what is loaded lazily, and logs about it.
                self._detect(np.zeros((64, 64, 3), np.uint8))
        except (RuntimeError, ValueError) as error:
            reason = str(error).partition("\n")[0]
            raise UnposedError(f"MediaPipe refuses the bundle {name}: {reason}") from None
        self._spoken = False
        self._close = weakref.finalize(self, _close, self._landmarker)

    @property
    def estimator_id(self) -> str:
        """Version, weights' digest, and the settings that change the landmarks."""
        return self._id

    def estimate(self, pictures: Sequence[npt.NDArray[np.uint8]]) -> list[PoseEstimate]:
        """See `PoseEstimator.estimate`. Landmarks are (33, 5) float32."""
        return [self._estimate_one(picture) for picture in pictures]

    def close(self) -> None:
        """Give the native graph back; the estimator cannot be used afterwards."""
        self._close()

    def _estimate_one(self, picture: npt.NDArray[np.uint8]) -> PoseEstimate:
        try:
            if self._spoken:
                people = self._detect(picture)
            else:
                # The graph has one more thing to log, when it first sees a person.
                with _quiet_native_log():
                    people = self._detect(picture)
                self._spoken = bool(people)
        except (RuntimeError, ValueError) as error:
            reason = str(error).partition("\n")[0]
            logger.warning("MediaPipe failed on a picture of shape %s: %s", picture.shape, reason)
            return PoseEstimate(None, 0.0, 0, error=reason)
        return principal(people)

    def _detect(self, picture: npt.NDArray[np.uint8]) -> list[npt.NDArray[np.float32]]:
        image = self._mediapipe.Image(
            image_format=self._mediapipe.ImageFormat.SRGB,
            # MediaPipe reads the memory row by row and ignores the strides.
            data=np.ascontiguousarray(picture, np.uint8),
        )
        people = [
            np.array([(p.x, p.y, p.z, p.visibility, p.presence) for p in person], dtype=np.float32)
            for person in self._landmarker.detect(image).pose_landmarks
        ]
        return [person for person in people if np.isfinite(person).all()]


def _import_mediapipe() -> Any:
    try:
        import mediapipe
        from mediapipe.tasks.python.core import mediapipe_c_bindings

        # The native library is loaded when first used; its own needs show only then.
        mediapipe_c_bindings.load_raw_library()
    except (ImportError, OSError) as error:
        missing = re.search(r"(lib[\w.+-]+\.so[\d.]*): cannot open shared object", str(error))
        if missing is not None:
            raise UnposedError(
                f"MediaPipe needs the system library {missing[1]}; "
                f"run: apt-get install {SYSTEM_PACKAGES}"
            ) from None
        raise UnposedError(
            f"cannot import mediapipe ({error}); install the packages of requirements.lock"
        ) from None
    return mediapipe


def _base_options(tasks: Any, bundle: bytes) -> Any:
    class Private(tasks.BaseOptions):
        def to_ctypes(self) -> Any:
            # MediaPipe posts versions, call counts and latencies to play.googleapis.com and has
            # no switch for it. Without certificates to trust, its upload ends in the TLS
            # handshake, before a request is sent. It needs them for nothing else here.
            options = super().to_ctypes()
            options.ca_bundle_path = os.devnull.encode()
            return options

    return Private(model_asset_buffer=bundle)


def _close(landmarker: Any) -> None:
    try:
        landmarker.close()
    except RuntimeError:
        # The interpreter is going down and MediaPipe's thread has gone already: let its
        # destructor find nothing to do, the process gives the memory back.
        landmarker._handle = None


@contextmanager
def _quiet_native_log() -> Iterator[None]:
    # MediaPipe's native log goes to file descriptor 2 and heeds no setting. What it writes is
    # kept for --verbose. No longer than needed: the descriptor belongs to all threads.
    with _standard_error, tempfile.TemporaryFile() as captured:
        if sys.stderr is not None:
            sys.stderr.flush()
        saved = os.dup(2)
        try:
            os.dup2(captured.fileno(), 2)
            yield
        finally:
            os.dup2(saved, 2)
            os.close(saved)
            captured.seek(0)
            for line in captured.read().decode(errors="replace").splitlines():
                logger.debug("mediapipe: %s", line)
