"""Picture addresses as lists have them, made absolute; and what is near one that is not found.

Addresses of a local folder that hold signs of another world (percent signs, queries, backslashes,
a Windows drive, composed letters, a leading slash that means the folder) are tried; the form
that exists is taken. A scheme is never guessed, but for ``//host/``, which browsers read as https.
"""

from __future__ import annotations

import difflib
import os
import posixpath
import re
import unicodedata
from collections.abc import Iterator
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.compute as pc

from unposed_jobs import storage

_HAS_SCHEME = r"(?i)^(/|[a-z][a-z0-9+.-]*://|(file|data|javascript|blob|about):)"
_HOST = r"^//((?:[A-Za-z0-9-]+\.)+[A-Za-z0-9]+(?::\d+)?/)"
_ODD = r"\\|%[0-9A-Fa-f]{2}|[?#]|[^\x00-\x7f]"
_DRIVE = re.compile(r"^(?:[A-Za-z]:/|//)")
_QUERY = r"(?i)(\.(?:jpe?g|png|webp|gif|bmp|tiff?|avif|heic))[?#].*$"


def absolute(address: pa.Array, root: str) -> tuple[pa.Array, pa.Array, pa.Array]:
    """Relative addresses made absolute, which of all can be no address, and which of the relative
    ones lie outside of `root`.
    """
    address = _plain(address)
    base = root
    if root and storage.scheme(root) == "file":
        base = str(storage.local_path(root).absolute())
    if base:
        address = _as_meant(address, base)
    inside = pa.repeat(pa.scalar(False), len(address))
    bad = pc.match_substring_regex(address, r"[\x00-\x1f\x7f]")
    bad = pc.or_(bad, pc.match_substring_regex(address, r"(?i)^[a-z][a-z0-9+.-]*:/*$"))
    bad = pc.or_(bad, pc.match_substring_regex(address, r"(?i)^s3://(/|[^/]*@|[^/]*/?$)"))
    bad = pc.or_(bad, pc.match_substring_regex(address, r"(?i)^file:([^/]|//[^/])"))
    bad = pc.and_(bad, pc.invert(pc.match_substring_regex(address, r"(?i)^file://localhost/")))
    bad = pc.fill_null(bad, False)
    relative = pc.fill_null(pc.invert(pc.match_substring_regex(address, _HAS_SCHEME)), False)
    if not pc.any(relative).as_py():
        return address, bad, inside
    if not root:
        return address, pc.or_(bad, relative), inside
    tail = pc.replace_substring_regex(address, r"^(\./)+", "")
    joined = pc.binary_join_element_wise(pa.scalar(base.rstrip("/")), tail, "/")
    dotted = pc.match_substring_regex(address, r"(^|/)\.\.?(/|$)")
    dotted = pc.and_(relative, pc.fill_null(dotted, False))
    outside = inside
    if pc.any(dotted).as_py() and storage.scheme(base) in ("file", "s3"):
        resolved = [_join(base, item) for item in address.filter(dotted).to_pylist()]
        nowhere = pa.array([item is None for item in resolved])
        bad = pc.or_(bad, pc.replace_with_mask(bad, dotted, nowhere))
        top = (posixpath.normpath(base) if base.startswith("/") else base).rstrip("/") + "/"
        left = pa.array([not (item or top).startswith(top) for item in resolved])
        outside = pc.replace_with_mask(inside, dotted, left)
        joined = pc.replace_with_mask(joined, dotted, pa.array(resolved, pa.string()))
    return pc.if_else(relative, joined, address), bad, outside


def nearest(uri: str, names: dict[str, list[str]], guess: bool = True) -> str:
    """What there is near a file that is not there, as the end of a message; "" where that cannot
    be known. `names` keeps the folders' contents between calls; with `guess`, of names that are
    not the same in other letters the most similar is named, which takes a while.
    """
    if storage.scheme(uri) != "file":
        return ""
    folder, name = os.path.split(storage.local_path(uri))
    if folder not in names:
        try:
            with os.scandir(folder) as entries:
                names[folder] = [
                    entry.name for _, entry in zip(range(50_000), entries, strict=False)
                ]
        except (OSError, ValueError):
            names[folder] = []
    held = names[folder]
    if not held:
        return f"; there is no folder {storage.shown(folder)}" if not os.path.isdir(folder) else ""
    wanted = _folded(name)
    for like in held:
        if _folded(like) == wanted:
            return f"; there is {storage.shown(like)!r}, written otherwise"
    stem = posixpath.splitext(wanted)[0]
    for like in held:
        if posixpath.splitext(_folded(like))[0] == stem:
            return f"; there is {storage.shown(like)!r}"
    close = difflib.get_close_matches(name, held[:2000], n=1, cutoff=0.6) if guess else []
    return f"; the nearest there is {storage.shown(close[0])!r}" if close else ""


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", re.sub(r"[?#].*$", "", unquote(name))).casefold().strip()


def _plain(address: pa.Array) -> pa.Array:
    r"""``https:\/\/`` of JSON as it is meant, and ``//host/`` as browsers read it."""
    if pc.any(pc.match_substring(address, "\\/")).as_py():
        address = pc.replace_substring(address, "\\/", "/")
    if pc.any(pc.starts_with(address, "//")).as_py():
        address = pc.replace_substring_regex(address, _HOST, r"https://\1")
    return address


def _as_meant(address: pa.Array, base: str) -> pa.Array:
    """Addresses without a scheme in the form in which `base` has them, where they are unusual."""
    path = pc.invert(pc.match_substring_regex(address, r"(?i)^([a-z][a-z0-9+.-]*://|(file|data):)"))
    path = pc.fill_null(path, False)
    rooted = pc.fill_null(pc.starts_with(address, "/"), False)
    odd = pc.and_(path, pc.fill_null(pc.match_substring_regex(address, _ODD), False))
    if storage.scheme(base) != "file":
        found = pc.replace_substring(address, "\\", "/")
        found = pc.replace_substring_regex(found, r"^/+", "")
        if storage.scheme(base) == "s3":
            found = pc.replace_substring_regex(found, _QUERY, r"\1")
        return pc.if_else(pc.or_(odd, rooted), found, address)
    if pc.any(rooted).as_py():
        folder = pc.replace_substring_regex(address, r"[^/]*$", "")
        here = [
            item for item in pc.unique(folder.filter(rooted)).to_pylist() if os.path.isdir(item)
        ]
        strange = pc.invert(pc.is_in(folder, pa.array(here, pa.string())))
        odd = pc.or_(odd, pc.and_(rooted, strange))
    if not pc.any(odd).as_py():
        return address
    found = [_found(base, item) for item in address.filter(odd).to_pylist()]
    return pc.replace_with_mask(address, odd, pa.array(found, pa.string()))


def _found(base: str, address: str) -> str:
    """The form of an address that is a file, below `base` or absolute; else as it is, with
    slashes.
    """
    for form in dict.fromkeys(_forms(address)):
        if ".." in form.split("/") or "\0" in form:
            continue
        places = [form] if form.startswith("/") else []
        if _DRIVE.match(form):
            parts = [part for part in form.split("/") if part][1:]
            places += [posixpath.join(base, *parts[start:]) for start in range(len(parts))][-6:]
        else:
            places.append(posixpath.join(base, form.lstrip("/").removeprefix("./")))
        for place in places:
            if os.path.isfile(place):
                return place
    return address.replace("\\", "/")


def _forms(address: str) -> Iterator[str]:
    """How an address may be meant, likeliest first."""
    for slashed in (address, address.replace("\\", "/")):
        for bare in (slashed, re.sub(r"[?#].*$", "", slashed)):
            for plain in (bare, unquote(bare)):
                yield plain
                yield unicodedata.normalize("NFC", plain)
                yield unicodedata.normalize("NFD", plain)


def _join(base: str, part: str) -> str | None:
    try:
        return storage.join(base, part)
    except storage.StorageError:
        return None
