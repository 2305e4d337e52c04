"""Pictures for the pages: made small, kept by content, and read by the rules of `[storage]`.

A page names a picture by its address and a signature of this server's: nobody can ask for an
address that no page has shown, so no path or host can be tried. An address may name a part of a
picture (`report.parts`).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import io
import threading
from pathlib import Path
from urllib.parse import quote

from PIL import Image

from unposed_jobs import storage
from unposed_jobs.config import Settings
from unposed_jobs.pose.decoding import UnreadablePicture, decode
from unposed_jobs.report import parts
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

    def path(self, uri: str, size: str = "small") -> str:
        """Where the server has a picture, below its root."""
        return f"/picture/{size}/{self._sign(uri)}?u={quote(uri, safe='')}"

    def _sign(self, uri: str) -> str:
        found = hmac.new(self._secret, uri.encode("utf-8", "surrogatepass"), hashlib.sha256)
        return base64.urlsafe_b64encode(found.digest()[:18]).decode()

    def read(self, size: str, signature: str, uri: str) -> bytes:
        """A picture as WebP. Raises NoPicture where it cannot be shown, PermissionError for an
        address that this server did not sign."""
        if len(uri) > _LONGEST_ADDRESS or not hmac.compare_digest(
            self._sign(uri).encode(), signature.encode()
        ):
            raise PermissionError(uri)
        # What is at an address may change: kept for this server's life and the next hours' use.
        name = hashlib.sha256(f"{size} {uri}".encode("utf-8", "surrogatepass")).hexdigest()
        kept = self._folder / name[:2] / f"{name[2:40]}.webp"
        try:
            return kept.read_bytes()
        except OSError:
            pass
        with self._working:
            made = self._make(uri, SIZES[size])
        kept.parent.mkdir(parents=True, exist_ok=True)
        beside = kept.with_suffix(f".{threading.get_ident()}")
        beside.write_bytes(made)
        beside.replace(kept)
        return made

    def _make(self, uri: str, side: int) -> bytes:
        try:
            whole, part = parts.split(uri)
            data = storage.pictures.read_bytes(whole, self._settings.pose.max_bytes)
            image = Image.fromarray(parts.cut(decode(data, self._settings.pose), part))
        except storage.StorageError as error:
            raise NoPicture(REASONS.get(error.status, "Could not be read")) from None
        except UnreadablePicture:
            raise NoPicture("Not a readable picture") from None
        image.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=2.0)
        encoded = io.BytesIO()
        image.save(encoded, "WEBP", quality=82, method=2)
        return encoded.getvalue()
