"""``[extraction]``: what a night may lose."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field
from pydantic.dataclasses import dataclass

from unposed_jobs.config.fields import STRICT, Section, Share, Unit


@dataclass(frozen=True, config=STRICT)
class ExtractionSettings(Section):
    """What a night may lose before it is refused, as shares of its pictures, and its time.

    Up to five pictures are never too many, unless they are more than half of all.
    """

    section: ClassVar[str] = "extraction"

    max_unreachable: Share = 0.05
    """Pictures whose storage or host did not answer, or answered by a fault, after all attempts."""
    max_missing: Share = 0.1
    """Listed pictures that do not exist or may not be read: exports are ahead of uploads."""
    max_too_large: Share = 0.02
    """Pictures over ``[pose] max_bytes``."""
    max_undecodable: Share = 0.05
    """Files that are no pictures, damaged pictures, and formats that are not read."""
    max_refused: Share = 0.05
    """Pictures whose addresses are never opened."""
    max_lost: Share = 0.02
    """Of the pictures to extract: those that could be read when they were compared, and not when
    they were extracted. The next run takes them up."""
    night_seconds: Annotated[float, Field(ge=0), Unit("seconds")] = 27_000.0
    """Longest time of a run; the next one continues with the rest. 0: no limit."""
