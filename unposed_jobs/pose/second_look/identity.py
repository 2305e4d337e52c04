"""The shipped gate's bytes and the id they give, for drivers that need none of the networks."""

from __future__ import annotations

import hashlib
from importlib import resources
from pathlib import Path

from unposed_jobs.config import PoseSettings
from unposed_jobs.errors import UnposedError
from unposed_jobs.networks import weights
from unposed_jobs.pose.kinds import identity as kinds
from unposed_jobs.pose.movenet import sides

FILE = "gate.json"
"""The gate, in this package; `fit` makes it."""


VERSION = 4
"""Raised when the answers of an equal gate and equal weights would change."""


OFF = "off"

HEADLESS_VERSION = 3
"""Raised when what they refine would change."""

OPINION = "opinion.json"
"""The second network's regressions, in this package."""


def read(path: Path | None = None) -> bytes:
    """The bytes of this gate, by default the shipped one. Raises UnposedError."""
    source = resources.files(__package__) / FILE if path is None else path
    try:
        return source.read_bytes()
    except OSError as error:
        raise UnposedError(
            f"cannot read the gate {path or FILE}: {error.strerror}; install the package again, "
            "or set [pose] second_look = false"
        ) from None


def identify(inner: str, settings: PoseSettings) -> str:
    """The `estimator_id` of `inner` with a second look: whatever can change its answer.

    Raises UnposedError for missing or damaged weights, or a missing gate.
    """
    digest = hashlib.sha256(f"{VERSION}".encode() + read())
    digest.update(weights.verify(settings).sha256.encode())
    if settings.picture_kinds:
        digest.update((resources.files(__package__ or "") / OPINION).read_bytes())
        digest.update(weights.verify(settings, kinds.WEIGHTS).sha256.encode())
    if settings.headless != OFF:
        digest.update(f"headless {HEADLESS_VERSION}".encode() + sides.read())
        digest.update(weights.verify(settings, settings.headless).sha256.encode())
    return f"{inner}-look{digest.hexdigest()[:12]}-{settings.min_person_probability:g}"
