"""A night of sixty bad pictures and some forty addresses that nobody may open, on real workers.

The long form of `make test-faults` alone; tests/pose/test_decoding.py and
tests/storage/test_pictures.py hold each of them by itself.
"""

from __future__ import annotations

import gzip
import io
import os
import struct
import sys
import tempfile
import zlib
from collections import Counter
from datetime import date
from pathlib import Path

import numpy as np
import opened_files
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hostile_addresses import make_shop, of_elsewhere, of_machine
from PIL import Image

from unposed_jobs import config, storage
from unposed_jobs.jobs import extract
from unposed_jobs.jobs.entry import Run
from unposed_jobs.warehouse import Warehouse

pytestmark = pytest.mark.skipif(
    os.environ.get("UNPOSED_FAULTS") != "long", reason="the long form: make test-faults"
)
DAY = date(2026, 1, 5)
LONG_AGO = 1_000_000_000
MAX_BYTES = 200_000

NO_PICTURES = {
    b"": "empty",
    b"\x80\x81\x82\0\1\2": "not_a_picture",
    b"\0" * 4096: "not_a_picture nothing but zero bytes",
    b"not a picture\n": "not_a_picture text",
    b"sku;price\nA1;3,50\n": "not_a_picture text",
    b"<!DOCTYPE html><html>404</html>": "not_a_picture HTML",
    b"\xef\xbb\xbf\n<!-- x --><HTML lang=en>": "not_a_picture HTML",
    "\ufeff<html>".encode("utf-16-le"): "not_a_picture HTML",
    b"<script>alert(1)</script>": "not_a_picture HTML",
    b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>": "not_a_picture XML",
    b'{"error": 404}': "not_a_picture JSON",
    b"[]": "not_a_picture JSON",
    b"PK\x03\x04" + bytes(40): "not_a_picture a ZIP archive",
    gzip.compress(b"a picture", mtime=0): "not_a_picture a gzip archive",
    b"Rar!\x1a\x07" + bytes(40): "not_a_picture a RAR archive",
    b"\0\0\0\x18ftypisom" + bytes(12): "not_a_picture a video",
    b"\x1aE\xdf\xa3" + bytes(40): "not_a_picture a video",
    b"FLV\x01" + bytes(40): "not_a_picture a video",
    b"RIFF\x20\0\0\0AVI LIST" + bytes(20): "not_a_picture a video",
    b"version https://git-lfs.github.com/spec/v1\n": "not_a_picture a Git LFS pointer",
    b"<svg/>": "unread_format SVG",
    b"<?xml version='1.0'?>\n<!-- by hand -->\n<svg width='1'>": "unread_format SVG",
    b"%!PS-Adobe-3.0 EPSF-3.0\n": "unread_format PostScript",
    b"%PDF-1.7\n": "unread_format PDF",
    b"8BPS\0\1" + bytes(20): "unread_format PSD",
    b"FUJIFILMCCD-RAW 0201": "unread_format a raw picture",
    b"\0\0\0\x18ftypcrx \0\0\0\1crx isom": "unread_format a raw picture",
    b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(40): "unread_format HEIC",
    b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(40): "unread_format JPEG XL",
    b"\xff\x0a" + bytes(40): "unread_format JPEG XL",
    b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(40): "unread_format JPEG 2000",
    b"\xff\x4f\xff\x51" + bytes(40): "unread_format JPEG 2000",
}
DAMAGED = ("truncated", "broken")


def png(width: int, height: int) -> bytes:
    """A PNG whose header promises pixels that its few bytes do not hold."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        check = zlib.crc32(kind + body)
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", check)

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(64))), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


def encoded(kind: str, seed: int = 0) -> bytes:
    noise = np.random.default_rng(seed).integers(0, 255, (90, 120, 3), dtype=np.uint8)
    target = io.BytesIO()
    Image.fromarray(noise).save(target, kind)
    return target.getvalue()


def bad_pictures() -> dict[str, tuple[bytes | None, tuple[str, ...]]]:
    """By name: the bytes, None for a file that is not there; and what is said of it, one of."""
    made: dict[str, tuple[bytes | None, tuple[str, ...]]] = {
        f"{number}.jpg": (data, (said,)) for number, (data, said) in enumerate(NO_PICTURES.items())
    }
    for kind in ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP"):
        data = encoded(kind)
        for kept in (0.02, 0.3, 0.6):
            made[f"{kind}-{kept}.jpg"] = data[: max(12, int(len(data) * kept))], DAMAGED
    for side in (8_000, 12_000, 60_000):
        made[f"bomb-{side}.png"] = png(side, side), ("too_many_pixels",)
    for size in ((0, 5), (5, 0)):
        made[f"no-pixel-{size[0]}.png"] = png(*size), ("zero_size", *DAMAGED)
    made["half.png"] = png(120, 90), DAMAGED
    for number in range(3):
        made[f"none-{number}.jpg"] = None, ("missing",)
    made["large.bmp"] = bytes(MAX_BYTES + 1), ("too_large",)
    return made


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """(settings, expected status by address): all on one list, with one good picture."""
    monkeypatch.setenv("UNPOSED_HOME", str(tmp_path / "home"))
    folder, expected = make_shop(tmp_path), {}
    for name, (data, said) in bad_pictures().items():
        if data is not None:
            (folder / name).write_bytes(data)
        expected[f"{folder}/{name}"] = said
    (folder / "a.jpg").write_bytes(encoded("JPEG", 1))
    expected[f"{folder}/a.jpg"] = ("no_person",)
    secret = tmp_path / "outside" / "secret"
    os.utime(secret, (LONG_AGO, LONG_AGO))  # The machine notes the next time it is read.
    uris = [*expected, *of_machine(folder), *of_elsewhere(folder)]
    pq.write_table(
        pa.table({"product_id": ["p1"] * len(uris), "image_uri": uris}), folder / "images.parquet"
    )
    header = "product_id,category,average_rating,rating_count\n"
    (folder / "products.csv").write_text(f"{header}p1,Tops,4.5,10\n")
    whole = ("unreachable", "missing", "too_large", "undecodable", "refused")
    settings = config.load(
        catalogue__products=str(folder / "products.csv"),
        catalogue__images=str(folder / "images.parquet"),
        catalogue__error_budget=1.0,
        warehouse__buckets=2,
        pose__second_look=False,
        pose__picture_kinds=False,
        pose__max_bytes=MAX_BYTES,
        facts__nightly=False,
        **{f"extraction__max_{name}": 1.0 for name in whole},
    )
    yield settings, expected
    storage.configure(storage.ANYWHERE)


@pytest.fixture
def watched(spark, tmp_path):
    """New workers of Spark tell what they open; the folder in which they do."""
    folder = tmp_path / "site"
    folder.mkdir()
    told = opened_files.environment(folder)
    spark.sparkContext.environment.update(told)
    yield folder
    for name in told:
        spark.sparkContext.environment.pop(name)


def test_each_has_its_status_and_nothing_outside_is_opened(
    spark, shop, watched, tmp_path, pose_weights, record_property
):
    settings, expected = shop
    figures = extract.run(spark, settings, Run(DAY, progress=lambda line: None))
    warehouse = Warehouse.open(settings.warehouse)
    landmarks = {row["content_sha256"]: row for row in warehouse.read("landmarks").to_pylist()}
    rows = {row["image_uri"]: row for row in warehouse.read("images").to_pylist()}
    found = {uri: said_of(row, landmarks) for uri, row in rows.items()}
    wrong = {
        uri: found.get(uri)
        for uri, said in expected.items()
        if not found.get(uri, "").startswith(said)
    }
    assert not wrong
    assert len(expected) > 60
    rest = {uri: said for uri, said in found.items() if uri not in expected}
    hostile = Counter(rest.values())
    assert set(hostile) <= {"refused", "missing"}, rest
    set_aside = figures["rejected"]["images"]
    assert hostile.total() + set_aside["rows"] - set_aside["accepted"] >= 30
    own = [tmp_path / name for name in ("shop", "home", "site")]
    own += [settings.pose.weights, spark.conf.get("spark.local.dir")]
    opened = outside(opened_files.told(watched), own)
    assert opened == set()
    assert os.stat(tmp_path / "outside" / "secret").st_atime == LONG_AGO
    record_property(
        "tried",
        f"{len(expected) - 1} bad pictures, each with its status; {hostile.total()} hostile "
        f"addresses ({dict(hostile)}), {set_aside} on the list; opened outside: {len(opened)}",
    )


def said_of(row: dict, landmarks: dict) -> str:
    """The status and, of what cannot be decoded, the reason."""
    if row["status"] != "ok":
        return row["status"]
    known = landmarks[row["content_sha256"]]
    reason, _, rest = (known["error"] or "").partition(": ")
    return f"{reason} {rest}" if known["status"] == "unreadable" else known["status"]


def outside(events: set[tuple[str, str]], own: list) -> set[tuple[str, str]]:
    """What of those events is neither in the shop's folder nor the program's own."""
    own = [*own, sys.prefix, sys.base_prefix, Path(__file__).parents[2], "/usr/share/zoneinfo"]
    below = tuple(f"{os.path.realpath(path)}/" for path in own)
    found = {event for event in events if not f"{os.path.realpath(event[1])}/".startswith(below)}
    return {
        (event, path)
        for event, path in found
        # Python tries whether it may write there; a library looks at its own process.
        if os.path.dirname(path) != tempfile.gettempdir()
        and path not in ("/dev/null", "/proc/self/maps")
    }
