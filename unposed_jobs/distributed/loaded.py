"""What a worker process of Spark loads once and keeps for all its tasks."""

from __future__ import annotations

import gc
from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Any, TypeVar, cast

Loader = TypeVar("Loader", bound=Callable[..., Any])


def once(load: Loader) -> Loader:
    """A decorator: keep the last thing loaded, and keep the garbage collector off it.

    PySpark collects garbage after every task. With the networks' libraries loaded there are a
    million objects to visit, a tenth of a second each time, and none of them is garbage.
    """

    @lru_cache(maxsize=1)
    @wraps(load)
    def kept(*arguments: Any) -> Any:
        made = load(*arguments)
        gc.collect()
        gc.freeze()
        return made

    return cast(Loader, kept)
