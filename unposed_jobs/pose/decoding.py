"""Bytes to upright RGB pixels, or one line with the reason why not."""

from __future__ import annotations

import contextlib
import io
import re
from functools import cache

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms, UnidentifiedImageError

from unposed_jobs.config import PoseSettings
from unposed_jobs.pose import formats, jpeg, mending

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "HEIF")
"""What is tried (JPEG with MPO), HEIF where pi-heif is installed. The rest is refused unread: some
readers start programs."""

_ORIENTATION = 0x0112
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_MOST_SCANNED = 20
"""Times `max_pixels`, over all scans of a progressive JPEG; ordinary ones have ten scans at most,
and a small file may have thousands, each of which takes as long as a picture."""
_ROWS = 256
_MENDABLE = ("truncated", "broken")
_SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a")
_TRANSPARENT = {"RGBA", "RGBa", "LA", "La", "PA"}
_WHITE = (255, 255, 255, 255)


class UnreadablePicture(Exception):  # noqa: N818 - a status of the picture, not a defect
    """The bytes are no picture we can read.

    The message is one line: a leading word (empty, too_large, not_a_picture, unread_format,
    truncated, broken, too_many_pixels, too_many_scans, zero_size; of `isolation`: crashed, hung),
    the format's name where it is none that is read, a colon, and the detail.
    """


def decode(data: bytes, settings: PoseSettings) -> npt.NDArray[np.uint8]:
    """The pixels of `decode_noted`."""
    return decode_noted(data, settings)[0]


def decode_noted(data: bytes, settings: PoseSettings) -> tuple[npt.NDArray[np.uint8], str | None]:
    """Upright RGB pixels, (height, width, 3) uint8: EXIF orientation applied, first frame only;
    and what the picture lacks, in one line, where it is not whole (`mending.mended`).

    Transparency is laid over white. Grey, palette, CMYK and 16-bit pictures become 8-bit RGB, CMYK
    by its profile where it has one, the others without colour management. The number of pixels is
    taken from the header and checked before anything is decoded. JPEGs are decoded at full scale:
    at half of it (from 3,100 pixels) only half of the visible landmarks stayed within 2 % of the
    torso's length.

    Raises UnreadablePicture.
    """
    if not data:
        raise UnreadablePicture("empty: no bytes")
    if len(data) > settings.max_bytes:
        raise UnreadablePicture(f"too_large: {len(data)} bytes, the limit is {settings.max_bytes}")
    try:
        return _decoded(data, settings), mending.lacks_end(data)
    except Exception as error:
        # Pillow's readers raise what they stumble over: OSError, SyntaxError, struct.error, ...
        reason = str(error) if isinstance(error, UnreadablePicture) else _reason(error)
    if reason.startswith(_MENDABLE):
        with contextlib.suppress(Exception):  # Then the first reason is the one to raise.
            if found := mending.mended(data):
                return _decoded(found[0], settings), found[1]
    raise UnreadablePicture(reason)


def _decoded(data: bytes, settings: PoseSettings) -> npt.NDArray[np.uint8]:
    with _open(data) as image:
        width, height = image.size
        if width < 1 or height < 1:
            raise UnreadablePicture(f"zero_size: {width} x {height}")
        if width * height > settings.max_pixels:
            raise UnreadablePicture(
                f"too_many_pixels: {width} x {height}, the limit is {settings.max_pixels}"
            )
        scans = data.count(b"\xff\xda") if image.info.get("progressive") else 1
        if scans * width * height > _MOST_SCANNED * settings.max_pixels:
            raise UnreadablePicture(f"too_many_scans: {scans} of {width} x {height}")
        # Most pictures by far: plain JPEGs, for which there is a faster way to equal pixels.
        rgb = None
        if image.format == "JPEG" and image.mode == "RGB":
            rgb = jpeg.decode(data, width, height)
        if rgb is not None:
            method = _turn(image)
            return rgb if method is None else np.array(Image.fromarray(rgb).transpose(method))
        image.load()
        return np.ascontiguousarray(_to_rgb(_upright(image)))


@cache
def _formats() -> tuple[str, ...]:
    # A Pillow built without AVIF or WebP does not know their names.
    Image.init()
    with contextlib.suppress(ImportError):
        from pi_heif import register_heif_opener

        register_heif_opener()
    return tuple(name for name in FORMATS if name in Image.OPEN)


def _open(data: bytes) -> Image.Image:
    try:
        return Image.open(io.BytesIO(data), formats=_formats())
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise UnreadablePicture(f"too_many_pixels: {_line(error)}") from None
    except UnidentifiedImageError:
        if data.startswith(_SIGNATURES):
            raise UnreadablePicture("truncated: the header is cut off or damaged") from None
        name = formats.named(data)
        if name in formats.UNREAD:
            further = ", or install unposed[heic]" if name == "HEIC" else ""
            raise UnreadablePicture(
                f"unread_format {name}: not read; save it as JPEG, PNG or WebP{further}"
            ) from None
        which = f" {name}" if name else ""
        raise UnreadablePicture(f"not_a_picture{which}: no known picture format") from None


def _upright(image: Image.Image) -> Image.Image:
    # After load(): TIFF turns itself upright and drops the tag.
    method = _turn(image)
    return image if method is None else image.transpose(method)


def _turn(image: Image.Image) -> Image.Transpose | None:
    # A damaged EXIF block is no reason to lose the picture.
    try:
        return _UPRIGHT.get(image.getexif().get(_ORIENTATION, 1))
    except Exception:
        return None


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if image.mode.startswith("I") or image.mode == "F":
        return Image.fromarray(_eight_bits(image)).convert("RGB")
    if image.mode in _TRANSPARENT or "transparency" in image.info:
        layer = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", layer.size, _WHITE), layer).convert("RGB")
    if image.mode == "CMYK" and image.info.get("icc_profile"):
        # Without it, printers' colours come out as no viewer shows them.
        with contextlib.suppress(ImageCms.PyCMSError, OSError, ValueError, TypeError):
            return _by_profile(image)
    return image.convert("RGB")


def _by_profile(image: Image.Image) -> Image.Image:
    found = ImageCms.profileToProfile(
        image,
        ImageCms.ImageCmsProfile(io.BytesIO(image.info["icc_profile"])),
        ImageCms.createProfile("sRGB"),
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
        outputMode="RGB",
        flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )
    assert found is not None  # It is not done in place.
    return found


def _eight_bits(image: Image.Image) -> npt.NDArray[np.uint8]:
    pixels = np.asarray(image)
    if image.mode == "F":
        scale = 255.0 if np.fmax.reduce(pixels, axis=None, initial=0.0) <= 1.0 else 1.0
    else:
        scale = 1.0 if image.mode == "I" and pixels.max() <= 255 else 255.0 / 65535.0
    found = np.empty(pixels.shape, np.uint8)
    # Some rows at a time: as 64-bit numbers a picture would take eight times its own memory.
    for start in range(0, len(pixels), _ROWS):
        rows = np.nan_to_num(pixels[start : start + _ROWS].astype(np.float64))
        found[start : start + _ROWS] = np.clip(rows * scale + 0.5, 0, 255).astype(np.uint8)
    return found


def _reason(error: Exception) -> str:
    line = _line(error)
    word = "truncated" if re.search("truncated|incomplete", line, re.IGNORECASE) else "broken"
    return f"{word}: {line}"


def _line(error: BaseException) -> str:
    text = re.sub(r"\s+", " ", str(error)).strip() or type(error).__name__
    # An object's address would make equal pictures differ.
    return re.sub(r"<[^>]* at 0x[0-9a-f]+>", "the bytes", text)[:200]
