"""LightGBM, without the packages that it would load only to know their types."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import cast

_NOT_NEEDED = ("sklearn", "pandas", "dask", "matplotlib", "graphviz")


def lightgbm() -> ModuleType:
    """The module `lightgbm`, for `Booster`, `Dataset` and `train` on arrays.

    What is not loaded yet of scikit-learn, pandas and the like stays so: every worker process
    would spend three seconds on them, of which half a second is LightGBM's own. Its estimators in
    scikit-learn's manner are then not to be had in this process.
    """
    if "lightgbm" not in sys.modules:
        with _absent([name for name in _NOT_NEEDED if name not in sys.modules]):
            import lightgbm  # noqa: F401
    return sys.modules["lightgbm"]


@contextmanager
def _absent(names: list[str]) -> Iterator[None]:
    """Packages that cannot be imported within."""
    # None in sys.modules is Python's own way to say that a module is not to be had.
    sys.modules.update(dict.fromkeys(names, cast(ModuleType, None)))
    try:
        yield
    finally:
        for name in names:
            sys.modules.pop(name, None)
