"""The estimators by name. A module is imported only when its estimator is asked for.

A further estimator joins with one module and one line in `_MODULES`.
"""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import cast

from unposed_jobs.config import PoseSettings
from unposed_jobs.errors import UnposedError
from unposed_jobs.pose import views
from unposed_jobs.pose.estimator import PoseEstimator
from unposed_jobs.pose.kinds import identity as kinds
from unposed_jobs.pose.second_look import identity as second_look

_MODULES: dict[str, str] = {
    "blazepose-full": "unposed_jobs.pose.blazepose.estimator",
    "blazepose-lite": "unposed_jobs.pose.blazepose.estimator",
    "blazepose-heavy": "unposed_jobs.pose.blazepose.estimator",
    "blazepose:": "unposed_jobs.pose.blazepose.estimator",
    "mediapipe-full": "unposed_jobs.pose.mediapipe_estimator",
    "mediapipe-lite": "unposed_jobs.pose.mediapipe_estimator",
    "mediapipe-heavy": "unposed_jobs.pose.mediapipe_estimator",
    "mediapipe:": "unposed_jobs.pose.mediapipe_estimator",
    "movenet-thunder": "unposed_jobs.pose.movenet_estimator",
    "movenet-lightning": "unposed_jobs.pose.movenet_estimator",
    "onnx:": "unposed_jobs.pose.coco17.estimator",
}
"""The module for each name, with `create` and `identify`, which both take the settings; a name
that ends in a colon is followed by an argument."""

_BLAZEPOSE = ("mediapipe", "blazepose")
"""Estimators of BlazePose's 33 landmarks: those that a second look can mend."""


def names() -> list[str]:
    """What ``pose.estimator`` may say, for people."""
    return [f"{name}PATH" if name.endswith(":") else name for name in _MODULES]


def create(settings: PoseSettings, *, outlines: bool = False) -> PoseEstimator:
    """Make the estimator that ``settings.estimator`` names; close it when done.

    With `outlines`, the batched BlazePose gives people's outlines too; the landmarks stay the same.
    Raises UnposedError for an unknown name, missing or damaged weights, or a missing system
    library.
    """
    further = {"outlines": True} if outlines and settings.estimator.startswith("blazepose") else {}
    made = detector = cast(PoseEstimator, _module(settings).create(settings, **further))
    if _looks_twice(settings):
        from unposed_jobs.pose.second_look.estimator import wrap

        made = wrap(made, settings)
    if settings.picture_kinds:
        from unposed_jobs.pose.kinds.estimator import KindEstimator

        try:
            made = KindEstimator(made, settings)
        except UnposedError:
            made.close()
            raise
    if _in_parts(settings):
        made = views.ViewsEstimator(made, detector)
    return made


def identify(settings: PoseSettings) -> str:
    """The `estimator_id` that `create` would give, without starting the estimator.

    For drivers, which need neither its libraries nor its device. Raises UnposedError for an
    unknown name, or missing or damaged weights.
    """
    made = str(_module(settings).identify(settings))
    made = second_look.identify(made, settings) if _looks_twice(settings) else made
    made = kinds.identify(made, settings) if settings.picture_kinds else made
    return views.identify(made) if _in_parts(settings) else made


def _looks_twice(settings: PoseSettings) -> bool:
    return settings.second_look and settings.estimator.startswith(_BLAZEPOSE)


def _in_parts(settings: PoseSettings) -> bool:
    # An estimator that takes every picture for a person would find one in each part.
    framed = settings.estimator.startswith("onnx:") and settings.onnx_person_box == "frame"
    return settings.views and not framed


def _module(settings: PoseSettings) -> ModuleType:
    kind, colon, argument = settings.estimator.partition(":")
    module = _MODULES.get(kind + colon)
    if module is None or (colon and not argument):
        raise UnposedError(
            f"unknown pose estimator {settings.estimator!r}; known: {', '.join(names())}"
        )
    return importlib.import_module(module)
