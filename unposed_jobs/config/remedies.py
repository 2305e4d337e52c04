"""``[remedies]``: what it costs to close a gap."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field
from pydantic.dataclasses import dataclass

from unposed_jobs.config.fields import STRICT, Section

Cost = Annotated[float, Field(ge=0)]


@dataclass(frozen=True, config=STRICT)
class RemedySettings(Section):
    """What it costs to close a gap, by its remedy; for the shot list."""

    section: ClassVar[str] = "remedies"

    crop_cost: Cost = 0.2
    """To crop a picture that is there, and look at it."""
    frame_cost: Cost = 0.5
    """To take a frame of a video, and look at it."""
    shoot_cost: Cost = 12.0
    """To photograph one picture."""
    chart_cost: Cost = 2.0
    """To make a chart or a text, which nobody photographs."""
    currency: str = "EUR"
    """As it is printed."""
    shots_a_day: Annotated[int, Field(ge=1)] = 120
    """Pictures that the studio takes in a day."""
