"""A Pillow with a defect, for this process's children: some JPEGs end or hold up who opens them."""

from __future__ import annotations

import io
import os
from pathlib import Path

from PIL import Image

_SITE = """
import os, signal
from PIL import JpegImagePlugin

_open = JpegImagePlugin.JpegImageFile._open

def poisoned(self):
    data = self.fp.read()
    self.fp.seek(0)
    if b"POISON-CRASH" in data:
        os.kill(os.getpid(), signal.SIGSEGV)
    while b"POISON-HANG" in data:
        pass
    if b"POISON-MEMORY" in data:
        bytes(1 << 34)
    return _open(self)

JpegImagePlugin.JpegImageFile._open = poisoned
"""


def environment(folder: Path) -> dict[str, str]:
    """What a process needs in its environment to have the defect."""
    (folder / "sitecustomize.py").write_text(_SITE)
    return {"PYTHONPATH": os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])}


def jpeg(colour: str, poison: str = "") -> bytes:
    """A picture; `poison` is CRASH, HANG or MEMORY."""
    target = io.BytesIO()
    comment = f"POISON-{poison}" if poison else ""
    Image.new("RGB", (64, 96), colour).save(target, "JPEG", comment=comment)
    return target.getvalue()
