"""OpenVINO without its telemetry, and without its way from arrays to constants."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any, cast

import numpy as np


def load() -> ModuleType:
    """The module `openvino`.

    Its conversion tools, which nothing here uses, post an event to their vendor when they are
    imported, unless a file in the user's home forbids it. Where its telemetry package cannot be
    imported they do without it, and so it is kept from being imported in this process.

    Raises ImportError where OpenVINO is not installed.
    """
    sys.modules.setdefault("openvino_telemetry", cast(ModuleType, None))
    import openvino

    return openvino


def constant(values: np.ndarray) -> Any:
    """A node of the values, of any shape and dtype.

    To be given to an operator in the array's place: an array becomes a Python list on its way,
    number by number, which for the weights of a network takes longer than to compile it.
    """
    return load().opset13.constant(np.ascontiguousarray(values))
