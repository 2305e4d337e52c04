import struct
import zlib
from contextlib import suppress
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from unposed_jobs.config import PoseSettings
from unposed_jobs.pose.decoding import UnreadablePicture, decode

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
    "data", [b"not a picture\n", b"\0" * 4096, b"<svg/>", b"%!PS-Adobe-3.0 EPSF-3.0\n"]
)
def test_not_a_picture(data) -> None:
    assert fails(data) == "not_a_picture"


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
