"""What bytes are that no reader here knows, by how they begin."""

from __future__ import annotations

import re

UNREAD = {
    "HEIC",
    "AVIF",
    "JPEG XL",
    "JPEG 2000",
    "SVG",
    "PDF",
    "PSD",
    "PostScript",
    "a raw picture",
}
"""Formats that hold a picture all the same."""

_STARTS = (
    (b"\xff\x0a", "JPEG XL"),
    (b"\x00\x00\x00\x0cJXL \r\n\x87\n", "JPEG XL"),
    (b"\x00\x00\x00\x0cjP  \r\n\x87\n", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
    (b"%PDF-", "PDF"),
    (b"8BPS", "PSD"),
    (b"%!PS", "PostScript"),
    (b"\xc5\xd0\xd3\xc6", "PostScript"),
    (b"FUJIFILMCCD-RAW", "a raw picture"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"\x1aE\xdf\xa3", "a video"),
    (b"FLV\x01", "a video"),
    (b"version https://git-lfs", "a Git LFS pointer"),
)
_BRANDS = (
    ({b"avif", b"avis"}, "AVIF"),
    ({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}, "HEIC"),
    ({b"crx "}, "a raw picture"),
)


def named(data: bytes) -> str | None:
    """The format's name, or None where nothing is recognised."""
    if data[4:8] == b"ftyp":
        return _boxed(data)
    for start, name in _STARTS:
        if data.startswith(start):
            return name
    if data.startswith(b"RIFF") and data[8:12] == b"AVI ":
        return "a video"
    if not data.strip(b"\0"):
        return "nothing but zero bytes"
    return _text(data[:1024])


def _boxed(data: bytes) -> str:
    """Of the ISO base media format, by the major and the compatible brands of its first box."""
    size = min(int.from_bytes(data[:4], "big"), 256)
    brands = {data[8:12], *(data[at : at + 4] for at in range(16, size - 3, 4))}
    for known, name in _BRANDS:
        if brands & known:
            return name
    return "a video"


def _text(start: bytes) -> str | None:
    for mark, encoding in ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")):
        if start.startswith(mark):
            start = start[2:].decode(encoding, "replace").encode()
    plain = start.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if re.match(rb"(<\?xml[^>]*>\s*|<!--.*?-->\s*|<!doctype svg[^>]*>\s*)*<svg\b", plain, re.S):
        return "SVG"
    if re.match(
        rb"(<!--.*?-->\s*)*<(!doctype html|html|head|body|script|meta|title)\b", plain, re.S
    ):
        return "HTML"
    if plain.startswith(b"<"):
        return "XML"
    if plain.startswith((b"{", b"[")):
        return "JSON"
    if plain and all(byte >= 32 or byte in b"\t\n\r\f" for byte in start):
        return "text"
    return None
