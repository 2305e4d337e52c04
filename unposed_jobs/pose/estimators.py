"""The estimators by name. A module is imported only when its estimator is asked for.

A further estimator joins with one module and one line in `_FACTORIES`.
"""

from __future__ import annotations

import importlib
from typing import cast

from unposed_jobs.config import PoseSettings
from unposed_jobs.errors import UnposedError
from unposed_jobs.pose.estimator import PoseEstimator

_FACTORIES: dict[str, str] = {
    "mediapipe-full": "unposed_jobs.pose.mediapipe_estimator:create",
    "mediapipe-lite": "unposed_jobs.pose.mediapipe_estimator:create",
    "mediapipe-heavy": "unposed_jobs.pose.mediapipe_estimator:create",
    "mediapipe:": "unposed_jobs.pose.mediapipe_estimator:create",
}
"""``module:function`` for each name; a name that ends in a colon is followed by an argument."""


def names() -> list[str]:
    """What ``pose.estimator`` may say, for people."""
    return [f"{name}PATH" if name.endswith(":") else name for name in _FACTORIES]


def create(settings: PoseSettings) -> PoseEstimator:
    """Make the estimator that ``settings.estimator`` names; close it when done.

    Raises UnposedError for an unknown name, missing or damaged weights, or a missing system
    library.
    """
    kind, colon, argument = settings.estimator.partition(":")
    target = _FACTORIES.get(kind + colon)
    if target is None or (colon and not argument):
        raise UnposedError(
            f"unknown pose estimator {settings.estimator!r}; known: {', '.join(names())}"
        )
    module, _, function = target.partition(":")
    return cast(PoseEstimator, getattr(importlib.import_module(module), function)(settings))
