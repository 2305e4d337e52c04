"""Pictures for the pages: made small, kept by content, and read by the rules of `[storage]`.

A page names a picture by its address and a signature of this server's: nobody can ask for an
address that no page has shown, so no path or host can be tried.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import io
import threading
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from PIL import Image

from unposed_jobs import storage
from unposed_jobs.config import Settings
from unposed_jobs.pose.decoding import UnreadablePicture, decode
from unposed_jobs.report.thumbnails import REASONS

SIZES = {"small": 320, "large": 1280}
"""Pixels of the longer side."""
_AT_ONCE = 3
_LONGEST_ADDRESS = 4096


class NoPicture(Exception):  # noqa: N818 - a state of the picture, not a defect
    """There is nothing to show; the message says why."""


class Pictures:
    """Makes and keeps them."""

    def __init__(self, settings: Settings, secret: str) -> None:
        self._settings = settings
        self._secret = secret.encode()
        self._folder = Path(settings.serve.folder) / "pictures"
        self._working = threading.BoundedSemaphore(_AT_ONCE)

    def path(self, uri: str, size: str = "small", box: Sequence[float] | None = None) -> str:
        """Where the server has a picture, below its root; of `box` alone (left, top, width, height
        in shares of it) where one is given."""
        part = ",".join(f"{value:.4f}" for value in box or ())
        part = f"&b={part}" if part else ""
        return f"/picture/{size}/{self._sign(uri, part[3:])}?u={quote(uri, safe='')}{part}"

    def _sign(self, uri: str, part: str) -> str:
        signed = f"{part} {uri}" if part else uri
        found = hmac.new(self._secret, signed.encode("utf-8", "surrogatepass"), hashlib.sha256)
        return base64.urlsafe_b64encode(found.digest()[:18]).decode()

    def read(self, size: str, signature: str, uri: str, part: str = "") -> bytes:
        """A picture, or that part of it, as WebP. Raises NoPicture where it cannot be shown, PermissionError for an
        address that this server did not sign."""
        if len(uri) > _LONGEST_ADDRESS or not hmac.compare_digest(
            self._sign(uri, part).encode(), signature.encode()
        ):
            raise PermissionError(uri)
        # What is at an address may change: kept for this server's life and the next hours' use.
        name = hashlib.sha256(f"{size} {part} {uri}".encode("utf-8", "surrogatepass")).hexdigest()
        kept = self._folder / name[:2] / f"{name[2:40]}.webp"
        try:
            return kept.read_bytes()
        except OSError:
            pass
        with self._working:
            made = self._make(uri, SIZES[size], part)
        kept.parent.mkdir(parents=True, exist_ok=True)
        beside = kept.with_suffix(f".{threading.get_ident()}")
        beside.write_bytes(made)
        beside.replace(kept)
        return made

    def _make(self, uri: str, side: int, part: str) -> bytes:
        try:
            data = storage.pictures.read_bytes(uri, self._settings.pose.max_bytes)
            image = Image.fromarray(decode(data, self._settings.pose))
        except storage.StorageError as error:
            raise NoPicture(REASONS.get(error.status, "Could not be read")) from None
        except UnreadablePicture:
            raise NoPicture("Not a readable picture") from None
        if part:
            left, top, width, height = (float(value) for value in part.split(","))
            (w, h), right, bottom = image.size, left + width, top + height
            image = image.crop((int(left * w), int(top * h), round(right * w), round(bottom * h)))
        image.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=2.0)
        encoded = io.BytesIO()
        image.save(encoded, "WEBP", quality=82, method=2)
        return encoded.getvalue()
