"""``[facts]``: what pictures are like, each night."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from unposed_jobs.config.fields import STRICT, Count, Section, Texts, Unit


@dataclass(frozen=True, config=STRICT)
class FactsSettings(Section):
    """What pictures are like: class, mask, crops, colours; and whether marketplaces take them."""

    section: ClassVar[str] = "facts"

    nightly: bool = True
    """Whether nights keep facts of new and changed pictures, in the pass that reads them. Off:
    every remedy is a new picture, and colours and marketplaces are not judged."""
    text: Literal["off", "nobody", "all"] = "nobody"
    """The pictures in which writing is looked for: none, those without a person, all. It is the
    dearest of the facts."""
    marketplaces: Annotated[Texts, Field(examples=[["zalando", "amazon"]])] = ("catalogue",)
    """Marketplaces by whose rules each product's pictures are judged, or TOML files of your own."""
    least_crop: Annotated[Count, Unit("pixels")] = 500
    """Least shorter side of a part of a picture, for it to be offered instead of a new picture."""
    colours_apart: Annotated[float, Field(ge=0), Unit("CIELAB, lightness counted less")] = 11.0
    """From this difference on the colours of a product's pictures disagree."""
