"""OpenVINO without its telemetry."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import cast


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
