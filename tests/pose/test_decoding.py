import struct
import zlib
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from unposed_jobs.config import PoseSettings
from unposed_jobs.pose import decoding, mending
from unposed_jobs.pose.decoding import UnreadablePicture, decode, decode_noted

SETTINGS = PoseSettings(weights="unused")
RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


@pytest.fixture
def corners() -> np.ndarray:
    """24 x 32, upright: red top left, green top right, blue bottom left, white bottom right."""
    rgb = np.empty((32, 24, 3), np.uint8)
    rgb[:16, :12], rgb[:16, 12:], rgb[16:, :12], rgb[16:, 12:] = RED, GREEN, BLUE, WHITE
    return rgb


def assert_upright(rgb: np.ndarray, tolerance: int = 12) -> None:
    assert rgb.shape == (32, 24, 3)
    assert rgb.dtype == np.uint8
    assert rgb.flags.c_contiguous
    found = np.array([rgb[8, 6], rgb[8, 18], rgb[24, 6], rgb[24, 18]], int)
    assert np.abs(found - np.array([RED, GREEN, BLUE, WHITE])).max() <= tolerance


def fails(data: bytes, settings: PoseSettings = SETTINGS) -> str:
    with pytest.raises(UnreadablePicture) as caught:
        decode(data, settings)
    reason = str(caught.value)
    assert "\n" not in reason
    assert " at 0x" not in reason
    return reason.partition(":")[0]


@pytest.mark.parametrize(
    ("format", "options"),
    [
        ("JPEG", {"quality": 95, "subsampling": 0}),
        ("JPEG", {"quality": 95, "subsampling": 0, "progressive": True}),
        ("PNG", {}),
        ("WEBP", {"lossless": True}),
        ("BMP", {}),
        ("TIFF", {}),
    ],
)
def test_formats(corners, encode, format, options) -> None:
    assert_upright(decode(encode(corners, format, **options), SETTINGS))


UNTURN = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.transpose(1, 0, 2),
    6: np.rot90,
    7: lambda a: np.rot90(a, 2).transpose(1, 0, 2),
    8: lambda a: np.rot90(a, -1),
}


@pytest.mark.parametrize("orientation", UNTURN)
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_exif_orientation_is_undone(corners, encode, orientation, format) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = np.ascontiguousarray(UNTURN[orientation](corners))
    options = {"JPEG": {"quality": 95, "subsampling": 0}, "WEBP": {"lossless": True}}
    picture = decode(encode(stored, format, exif=exif, **options.get(format, {})), SETTINGS)
    assert_upright(picture)


def test_a_damaged_exif_block_loses_nothing(corners, encode) -> None:
    data = encode(corners, "JPEG", quality=95, subsampling=0, exif=b"Exif\0\0II*\0\xff\xff\xff\x7f")
    assert_upright(decode(data, SETTINGS))


@pytest.mark.parametrize(("mode", "tolerance"), [("P", 0), ("CMYK", 0), ("RGBA", 0), ("LAB", 24)])
def test_colour_modes(corners, encode, mode, tolerance) -> None:
    image = Image.fromarray(corners).convert(mode)
    format = "TIFF" if mode in {"CMYK", "LAB"} else "PNG"
    assert_upright(decode(encode(image, format), SETTINGS), tolerance)


def test_cmyk_jpeg(corners, encode) -> None:
    data = encode(Image.fromarray(corners).convert("CMYK"), "JPEG", quality=95, subsampling=0)
    assert_upright(decode(data, SETTINGS), tolerance=16)


def profile_of_cmyk(corner) -> bytes:
    """A printer's ICC profile; `corner` gives L, a and b (0 to 255) of each ink on or off."""
    ramp = bytes(range(256))
    grid = bytes(
        value for n in range(16) for value in corner(*(n >> shift & 1 for shift in (3, 2, 1, 0)))
    )
    one = struct.pack(">i", 65536)
    none = struct.pack(">i", 0)
    matrix = one + none * 3 + one + none * 3 + one
    table = b"mft1" + bytes(4) + bytes([4, 3, 2, 0]) + matrix + ramp * 4 + grid + ramp * 3
    text = b"text" + bytes(4) + b"none\0"
    tags = {b"cprt": text, b"A2B0": table}
    place, entries, body = 128 + 4 + 12 * len(tags), b"", b""
    for name, data in tags.items():
        entries += name + struct.pack(">II", place + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    white = struct.pack(">iii", 63190, 65536, 54061)
    head = struct.pack(">I4sI4s4s4s", 0, bytes(4), 0x02400000, b"prtr", b"CMYK", b"Lab ")
    head += struct.pack(">6H", 2026, 1, 5, 0, 0, 0) + b"acsp" + bytes(28) + white
    head = head.ljust(128, b"\0")
    whole = head + struct.pack(">I", len(tags)) + entries + body
    return struct.pack(">I", len(whole)) + whole[4:]


def test_cmyk_is_shown_by_its_profile(encode) -> None:
    # An ink that looks green: cyan alone is, by this profile, L 50, a -60.
    def corner(cyan, magenta, yellow, black):
        return (128, 68, 128) if cyan else (255, 128, 128)

    image = Image.new("CMYK", (24, 32), (255, 0, 0, 0))
    plain = decode(encode(image, "TIFF"), SETTINGS)[16, 12].astype(int)
    data = encode(image, "TIFF", icc_profile=profile_of_cmyk(corner))
    red, green, blue = decode(data, SETTINGS)[16, 12].astype(int)
    assert list(plain) == [0, 255, 255]
    assert green > red + 80
    assert green > blue > red
    damaged = encode(image, "TIFF", icc_profile=b"no profile")
    assert list(decode(damaged, SETTINGS)[16, 12]) == [0, 255, 255]


def test_deep_colour_pictures_become_eight_bits(corners) -> None:
    deep = corners.astype(">u2") * 257
    lines = b"".join(b"\0" + line.tobytes() for line in deep)

    def chunk(name, data):
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    head = struct.pack(">IIBBBBB", 24, 32, 16, 2, 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(lines))
    assert_upright(decode(png + chunk(b"IEND", b""), SETTINGS), 0)


@pytest.mark.parametrize("mode", ["L", "1", "LA"])
def test_grey_pictures(encode, mode) -> None:
    grey = np.zeros((8, 10), np.uint8)
    grey[:, 5:] = 255
    rgb = decode(encode(Image.fromarray(grey).convert(mode)), SETTINGS)
    assert rgb.shape == (8, 10, 3)
    assert rgb[0, 0].tolist() == [0, 0, 0]
    assert rgb[0, 9].tolist() == [255, 255, 255]


@pytest.mark.parametrize(
    ("values", "format"),
    [
        (np.array([[0, 32768, 65535]], np.uint16), "PNG"),
        (np.array([[0, 32768, 65535]], np.uint16), "TIFF"),
        (np.array([[0.0, 0.5, 1.0]], np.float32), "TIFF"),
        (np.array([[np.nan, 0.5, 1.0]], np.float32), "TIFF"),
        (np.array([[0, 128, 255]], np.int32), "TIFF"),
    ],
)
def test_deep_grey_pictures_keep_their_range(encode, values, format) -> None:
    rgb = decode(encode(values, format), SETTINGS)
    assert rgb.shape == (1, 3, 3)
    assert rgb[0, :, 0].tolist() == [0, 128, 255]


def test_alpha_is_laid_over_white(encode) -> None:
    rgba = np.zeros((4, 4, 4), np.uint8)
    rgba[:2] = (*RED, 255)
    rgb = decode(encode(rgba), SETTINGS)
    assert rgb[0, 0].tolist() == list(RED)
    assert rgb[3, 3].tolist() == list(WHITE)


def test_a_transparent_palette_colour_is_laid_over_white(encode) -> None:
    image = Image.new("P", (4, 4), 0)
    image.putpalette([0, 0, 0, 255, 0, 0])
    image.putpixel((0, 0), 1)
    rgb = decode(encode(image, "GIF", transparency=0), SETTINGS)
    assert rgb[0, 0].tolist() == list(RED)
    assert rgb[3, 3].tolist() == list(WHITE)


@pytest.mark.parametrize("format", ["GIF", "WEBP", "PNG"])
def test_the_first_frame_of_an_animation(encode, format) -> None:
    frames = [Image.new("RGB", (6, 5), colour) for colour in (RED, GREEN, BLUE)]
    options = {"lossless": True} if format == "WEBP" else {}
    data = encode(frames[0], format, save_all=True, append_images=frames[1:], **options)
    rgb = decode(data, SETTINGS)
    assert rgb.shape == (5, 6, 3)
    assert np.abs(rgb.astype(int) - RED).max() <= 2


def test_one_pixel(encode) -> None:
    assert decode(encode(np.full((1, 1, 3), 7, np.uint8)), SETTINGS).tolist() == [[[7, 7, 7]]]


def test_nothing_at_all() -> None:
    assert fails(b"") == "empty"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\x80\x81\x82\0\1\2", "not_a_picture"),
        (b"\0" * 4096, "not_a_picture nothing but zero bytes"),
        (b"not a picture\n", "not_a_picture text"),
        (b"<!DOCTYPE html><html>404</html>", "not_a_picture HTML"),
        (b"\xef\xbb\xbf\n<!-- x --><HTML lang=en>", "not_a_picture HTML"),
        ("\ufeff<html>".encode("utf-16-le"), "not_a_picture HTML"),
        (b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "not_a_picture XML"),
        (b'{"error": 404}', "not_a_picture JSON"),
        (b"PK\x03\x04" + bytes(40), "not_a_picture a ZIP archive"),
        (b"\0\0\0\x18ftypisom" + bytes(12), "not_a_picture a video"),
        (b"<svg/>", "unread_format SVG"),
        (b"<?xml version='1.0'?>\n<!-- by hand -->\n<svg width='1'>", "unread_format SVG"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", "unread_format PostScript"),
        (b"%PDF-1.7\n", "unread_format PDF"),
        (b"8BPS\0\1" + bytes(20), "unread_format PSD"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(40), "unread_format HEIC"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heix" + bytes(40), "unread_format HEIC"),
        (b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(40), "unread_format JPEG XL"),
        (b"\xff\x0a" + bytes(40), "unread_format JPEG XL"),
        (b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(40), "unread_format JPEG 2000"),
    ],
)
def test_what_is_no_picture_here_is_named(data, reason) -> None:
    assert fails(data) == reason


def test_a_format_that_pillow_was_built_without_is_named(corners, encode, monkeypatch) -> None:
    data = encode(corners, "AVIF")
    assert decode(data, SETTINGS).shape == corners.shape
    monkeypatch.setattr(decoding, "_formats", lambda: ("JPEG", "PNG"))
    assert fails(data) == "unread_format AVIF"


def test_a_heic_is_turned_once() -> None:
    # Its own rotation and its EXIF both say so: a telephone's picture. 48 x 64 pixels upright.
    pytest.importorskip("pi_heif", reason="unposed[heic] is not installed")
    rgb = decode(Path(__file__).with_name("turned.heic").read_bytes(), SETTINGS)
    assert rgb.shape == (64, 48, 3)
    assert_upright(np.ascontiguousarray(rgb[::2, ::2]), tolerance=40)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP"])
@pytest.mark.parametrize("kept", [0.02, 0.3, 0.7])
def test_a_picture_cut_short(encode, format, kept) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (90, 120, 3), dtype=np.uint8)
    data = encode(noise, format)
    assert fails(data[: max(12, int(len(data) * kept))]) in {"truncated", "broken"}


def test_a_jpeg_cut_short_says_so(encode) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (90, 120, 3), dtype=np.uint8)
    data = encode(noise, "JPEG")
    assert fails(data[: len(data) // 2]) == "truncated"
    assert fails(data[:40]) == "truncated"


def png_of_size(width: int, height: int) -> bytes:
    """A PNG whose header promises pixels that its few bytes do not hold."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        check = zlib.crc32(kind + body)
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", check)

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(bytes(64)))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("side", [8_000, 12_000, 60_000])
def test_a_bomb_is_refused_before_it_is_decoded(side) -> None:
    # Were a pixel decoded, the reason would be that the file is truncated.
    assert fails(png_of_size(side, side)) == "too_many_pixels"


@pytest.mark.parametrize("size", [(0, 5), (5, 0)])
def test_a_picture_without_a_pixel(size) -> None:
    assert fails(png_of_size(*size)) in {"zero_size", "broken", "truncated"}


def test_too_many_pixels_for_the_settings(encode) -> None:
    data = encode(np.zeros((11, 10, 3), np.uint8))
    assert fails(data, replace(SETTINGS, max_pixels=109)) == "too_many_pixels"
    assert decode(data, replace(SETTINGS, max_pixels=110)).shape == (11, 10, 3)


def test_too_many_bytes(encode) -> None:
    data = encode(np.zeros((10, 10, 3), np.uint8))
    assert fails(data, replace(SETTINGS, max_bytes=len(data) - 1)) == "too_large"


def test_damaged_bytes_never_raise_anything_else(encode) -> None:
    random = np.random.default_rng(1)
    noise = random.integers(0, 255, (40, 40, 3), dtype=np.uint8)
    for format in ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP"):
        original = np.frombuffer(encode(noise, format), np.uint8)
        for _ in range(40):
            damaged = original.copy()
            damaged[random.integers(0, len(damaged), 8)] = random.integers(0, 255, 8)
            with suppress(UnreadablePicture):
                rgb = decode(damaged.tobytes(), replace(SETTINGS, max_pixels=10_000_000))
                assert rgb.dtype == np.uint8
                assert rgb.shape[2] == 3


@pytest.fixture
def scene() -> np.ndarray:
    """480 x 360: smooth shapes and a little grain, as in photographs."""
    y, x = np.mgrid[:480, :360]
    grain = np.random.default_rng(2).normal(0, 6, (480, 360))
    channels = [128 + 90 * np.sin(x / a + y / b) + grain for a, b in ((40, 70), (25, 90), (60, 30))]
    return np.clip(np.stack(channels, axis=2), 0, 255).astype(np.uint8)


KINDS = [
    {},
    {"subsampling": 0},
    {"restart_marker_blocks": 5},
    {"progressive": True},
    {"progressive": True, "subsampling": 0},
]


@pytest.mark.parametrize("options", KINDS)
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("lost", [2, 100, 0.05])
def test_a_jpeg_short_of_its_end_is_read_and_noted(scene, encode, options, mode, lost) -> None:
    whole = encode(Image.fromarray(scene).convert(mode), "JPEG", quality=88, **options)
    cut = whole[: -lost if lost >= 1 else int(len(whole) * (1 - lost))]
    pixels, note = decode_noted(cut, SETTINGS)
    assert note.startswith("incomplete: ")
    # All above what may be missing is as it was; of a progressive picture, but for detail.
    above = int(480 * (1 - mending.MOST_MISSING))
    expected = decode(whole, SETTINGS)[:above].astype(int)
    difference = np.abs(pixels[:above] - expected)
    assert difference.mean() < 3
    if lost == 2:
        assert "less than 0.1 %" in note
        np.testing.assert_allclose(pixels[:400], decode(whole, SETTINGS)[:400], atol=2)


@pytest.mark.parametrize("options", KINDS)
@pytest.mark.parametrize("kept", [0.02, 0.3, 0.5])
def test_of_half_a_jpeg_nothing_is_read(scene, encode, options, kept) -> None:
    data = encode(scene, "JPEG", quality=88, **options)
    assert fails(data[: int(len(data) * kept)]) == "truncated"


def test_the_missing_share_is_told(scene, encode) -> None:
    # Grain alone: as many bytes for each row.
    grain = np.random.default_rng(3).integers(0, 255, (480, 360, 3), dtype=np.uint8)
    data = encode(grain, "JPEG", subsampling=0)
    for lost in (0.05, 0.1, 0.15):
        note = decode_noted(data[: int(len(data) * (1 - lost))], SETTINGS)[1]
        assert abs(float(note.split("about ")[1].split()[0]) / 100 - lost) < 0.01


def test_a_whole_jpeg_has_no_note(scene, encode) -> None:
    for options in KINDS:
        assert decode_noted(encode(scene, "JPEG", **options), SETTINGS)[1] is None


def test_a_turned_jpeg_short_of_its_end_is_upright(corners, encode) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    stored = np.ascontiguousarray(UNTURN[6](corners))
    data = encode(stored, "JPEG", quality=95, subsampling=0, exif=exif)
    assert_upright(decode(data[:-2], SETTINGS))


def chunk(kind: bytes, body: bytes, check: int | None = None) -> bytes:
    check = zlib.crc32(kind + body) if check is None else check
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", check)


LARGE = zlib.compress(b"x" * 2_000_000)


@pytest.mark.parametrize(
    "further",
    [
        chunk(b"zTXt", b"Comment\0\0" + LARGE),
        chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + LARGE),
        chunk(b"iCCP", b"profile\0\0" + zlib.compress(bytes(20_000_000))),
        chunk(b"iCCP", b"profile\0\0not compressed"),
        chunk(b"tEXt", b"Comment\0x", check=1),
        b"".join(chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(900_000))) for _ in range(90)),
    ],
)
@pytest.mark.parametrize("place", ["before", "after"])
def test_of_a_png_the_metadata_cost_no_pixel(corners, encode, further, place) -> None:
    data = encode(corners)
    at = 33 if place == "before" else len(data) - 12
    pixels, note = decode_noted(data[:at] + further + data[at:], SETTINGS)
    assert note is None
    assert_upright(pixels)


def test_a_png_keeps_its_transparency_and_its_turn(encode) -> None:
    image = Image.new("P", (6, 4), 0)
    image.putpalette([0, 0, 0, 255, 0, 0])
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encode(image, "PNG", transparency=0, exif=exif)
    pixels = decode(data[:33] + chunk(b"zTXt", b"a\0\0" + LARGE) + data[33:], SETTINGS)
    assert pixels.shape == (6, 4, 3)
    assert pixels[0, 0].tolist() == list(WHITE)


FIELD = Path(__file__).parents[2] / "../shared/data/field"


@pytest.mark.skipif(not FIELD.is_dir(), reason="the collected cases are not here")
@pytest.mark.parametrize(
    ("case", "reason"),
    [
        ("12-jpeg-without-end/pictures/trunc_000002.jpg", "incomplete"),
        ("12-jpeg-without-end/pictures/trunc_000100.jpg", "incomplete"),
        ("12-jpeg-without-end/pictures/trunc_prog_5pc.jpg", "incomplete"),
        ("12-jpeg-without-end/pictures/trunc_018396.jpg", "truncated"),
        ("13-png-large-metadata/pictures/itxt_2MB.png", None),
        ("13-png-large-metadata/pictures/ztxt_2MB.png", None),
        ("15-unread-formats/pictures/html.jpg", "not_a_picture HTML"),
        ("15-unread-formats/pictures/phone.heic", "unread_format HEIC"),
        ("15-unread-formats/pictures/x.jxl", "unread_format JPEG XL"),
    ],
)
def test_collected_cases(case, reason) -> None:
    data = (FIELD / case).read_bytes()
    if reason in (None, "incomplete"):
        note = decode_noted(data, SETTINGS)[1]
        assert note is None if reason is None else note.startswith(reason)
    else:
        assert fails(data) == reason
