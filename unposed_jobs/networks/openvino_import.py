"""OpenVINO: imported without its telemetry, and given weights without a detour."""

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

    Give it to an operator in place of the array: OpenVINO turns an array into a Python list first,
    which for the weights of a network takes longer than to compile it.
    """
    return load().opset13.constant(np.ascontiguousarray(values))
