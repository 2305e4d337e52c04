"""TFLite's flatbuffers schema, from MediaPipe's wheel but without MediaPipe.

Importing the package imports its drawing tools and Matplotlib too: more than a second of every
worker's start, for a file that needs none of them.
"""

from __future__ import annotations

from importlib import util
from pathlib import Path
from types import ModuleType

_FILE = "tasks/metadata/schema_py_generated.py"


def _load() -> ModuleType:
    package = util.find_spec("mediapipe")
    for folder in package.submodule_search_locations or () if package is not None else ():
        spec = util.spec_from_file_location(f"{__name__}_generated", Path(folder, _FILE))
        if spec is not None and spec.loader is not None:
            module = util.module_from_spec(spec)
            spec.loader.exec_module(module)
            return module
    raise ImportError(f"mediapipe, which has {_FILE}, is not installed")


schema = _load()
