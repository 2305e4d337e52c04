"""Memory that a decoded picture leaves is used for the next one."""

from __future__ import annotations

import ctypes
from functools import cache

# Of glibc's malloc.h.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3

_LARGEST_BLOCK = 32 << 20
_KEPT = 256 << 20


@cache
def keep_freed() -> None:
    """Let this process keep up to 256 MiB that it freed, where its C library is glibc.

    Else every batch of pictures gives its memory back to the kernel and takes it again, page by
    page and zeroed, which costs a large JPEG half as much as decoding it.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return  # Another C library.
    mallopt(_M_MMAP_THRESHOLD, _LARGEST_BLOCK)
    mallopt(_M_TRIM_THRESHOLD, _KEPT)
