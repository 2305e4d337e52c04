"""``[audit]``: the nightly audit."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from unposed_jobs.config.fields import STRICT, CountOrNone, Section, Share, Unit


@dataclass(frozen=True, config=STRICT)
class AuditSettings(Section):
    """The nightly audit (paper sections 3.3, 3.4 and 4.6)."""

    section: ClassVar[str] = "audit"

    target_pictures: Annotated[CountOrNone, Unit("pictures")] = 5
    """p: products with fewer pictures are the paper's target (section 3)."""
    flags: Literal["asks", "classes"] = "asks"
    """What is flagged. `asks`: pose classes that a cohort shows in place of one another are one;
    `classes`: every class by itself, as in the paper's Algorithm 2."""
    min_cohort_share: Share = 0.2
    """Least share of a cohort's reference products that show an ask, for it to be expected of a
    product. A lower value finds more poses that would be worth adding, and flags more that nobody
    misses."""
    min_confidence: Share = 0.5
    """Least confidence of a picture's pose; below it the pose is unknown, not a guess. The
    confidence is the probability that the same pose comes out when the picture is taken and the
    vocabulary learned again: below one half another answer is likelier."""
    min_remedy_certainty: Share = 0.5
    """Least certainty that a part of a picture, or a frame of a video, shows a missing ask, for it
    to be the remedy instead of a new picture."""
    max_unknown_share: Share = 0.67
    """Share of pictures of unknown pose above which a product is unassessable."""
    duplicate_distance: Annotated[CountOrNone, Unit("bits")] = 4
    """Largest Hamming distance of the 64-bit perceptual hashes of two repeated pictures."""
    example_images: Annotated[CountOrNone, Unit("pictures")] = 4
    """Example pictures of each flag."""
    profile: Annotated[str, Field(examples=["profile.toml"])] = ""
    """A TOML file of shot codes, corrections, waivers and poses that do not apply to a category."""
