"""``[gallery]``: the pages with pictures."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from unposed_jobs.config.fields import STRICT, Count, Section, Texts, Unit


@dataclass(frozen=True, config=STRICT)
class GallerySettings(Section):
    """The pages with pictures, after each night and by `unposed report`."""

    section: ClassVar[str] = "gallery"

    products: Annotated[Count, Unit("products")] = 600
    """Products that get a card, the most important first; the search finds every product."""
    title: str = "title"
    """The column of `[catalogue] carry` that heads a card."""
    columns: Annotated[Texts, Field(examples=[["brand"]])] = ()
    """The columns of `[catalogue] carry` that cards show and the search finds; empty: all."""
    web_pictures: Literal["fetch", "link"] = "fetch"
    """`fetch`: small copies of pictures on the web, by the rules of `[storage]`. The pages work
    without a network, and no host is asked until somebody opens an original. `link`: no copies; the
    pages load the pictures from their hosts."""
