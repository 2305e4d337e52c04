"""``[checks]``: how much a day may differ from the last one."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field
from pydantic.dataclasses import dataclass

from unposed_jobs.config.fields import (
    STRICT,
    CountOrNone,
    Section,
    Share,
    Texts,
    Unit,
    fields_of,
    refuse_unknown,
)


def _known_rules(values: tuple[str, ...]) -> tuple[str, ...]:
    rules = [name for name in fields_of(CheckSettings) if name not in ("warn", "least_products")]
    refuse_unknown(values, rules, "rule in [checks] warn")
    return values


@dataclass(frozen=True, config=STRICT)
class CheckSettings(Section):
    """How much a day may differ from the last published one before it is refused, as shares of the
    products, pictures and flags of that last day.
    """

    section: ClassVar[str] = "checks"

    products_lost: Share = 0.2
    """Products that are no longer listed."""
    products_gained: Annotated[float, Field(ge=0), Unit("share")] = 1.0
    """Products that are new; above 1 is more than twice as many products."""
    pictures_lost: Share = 0.2
    """Pictures fewer than before."""
    unreadable_share: Share = 0.1
    """Rise of the share of pictures that cannot be read."""
    missing_share: Share = 0.25
    """Change, up or down, of the share of flags that are missing."""
    flags_turned: Share = 0.25
    """Flags of the same product and ask that have another state."""
    warn: Annotated[Texts, AfterValidator(_known_rules)] = ("products_gained",)
    """Those of the above that only warn."""
    least_products: Annotated[CountOrNone, Unit("products")] = 20
    """Where the last published day has fewer products, changes are not checked."""
