"""``[videos]``: how videos become pictures."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field
from pydantic.dataclasses import dataclass

from unposed_jobs.config.fields import STRICT, Count, Seconds, Section, Share, Texts, Unit


@dataclass(frozen=True, config=STRICT)
class VideoSettings(Section):
    """How videos become pictures, and what of one is never read."""

    section: ClassVar[str] = "videos"

    frames_per_second: Annotated[float, Field(gt=0, le=30), Unit("frames a second")] = 5.0
    """Frames that are looked at; those between are passed over."""
    frame_side: Annotated[int, Field(ge=160, le=1920), Unit("pixels")] = 640
    """Longer side of a frame as the networks see it. Chosen frames are written as they are."""
    min_certainty: Share = 0.8
    """Least probability at which a frame fills one of the eight angles."""
    attributes: Annotated[Texts, Field(examples=[["attributes/neckline.safetensors"]])] = ()
    """Files of further attributes, made by `unposed attributes train`; the surest frame of each is
    kept as well."""
    max_bytes: Annotated[Count, Unit("bytes")] = 300_000_000
    """Larger files are not read."""
    max_seconds: Annotated[float, Field(gt=0), Unit("seconds")] = 180.0
    """Longer videos are not read."""
    max_pixels: Annotated[Count, Unit("pixels")] = 9_437_184
    """Videos with larger frames are not read; the default is 4096 x 2304."""
    max_frame_rate: Annotated[float, Field(gt=0), Unit("frames a second")] = 240.0
    """Of videos with more frames, the rest is left out."""
    decode_seconds: Seconds = 120.0
    """Longest time that one video may take to decode."""
    max_unreadable: Share = 0.2
    """Share of the night's new videos that may be unreadable before the run is refused; up to five
    are never too many."""
