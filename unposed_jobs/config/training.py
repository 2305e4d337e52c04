"""``[training]``: the weekly reference training."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field
from pydantic.dataclasses import dataclass

from unposed_jobs.config.fields import STRICT, Count, CountOrNone, Section, Share, Unit


def _smaller_first(value: Any) -> Any:
    if isinstance(value, list | tuple):
        whole = all(isinstance(item, int) and not isinstance(item, bool) for item in value)
        if not (whole and len(value) == 2 and 1 <= value[0] <= value[1]):
            raise ValueError("must be two whole numbers from 1 up, the smaller first")
        return tuple(value)
    raise ValueError(f"must be two whole numbers, not {value!r}")


@dataclass(frozen=True, config=STRICT)
class TrainingSettings(Section):
    """The weekly reference training (paper sections 3 and 4)."""

    section: ClassVar[str] = "training"

    bundles: str = "{home}/models"
    """The folder or ``s3://`` prefix of the models' files."""
    top_k: Annotated[int, Field(ge=3), Unit("products")] = 3000
    """Products in the reference set, by popularity (section 4.1)."""
    min_pictures: Annotated[Count, Unit("pictures")] = 10
    """Least pictures of a reference product: "available image count per product > 9"."""
    popularity: str = "weighted_rating"
    """`weighted_rating` (shrunk by the number of ratings) or a numeric column of the catalogue."""
    clusters: CountOrNone = 0
    """Pose classes with a person; 0 chooses from `cluster_range` by stability and silhouette."""
    cluster_range: Annotated[tuple[int, int], BeforeValidator(_smaller_first)] = (8, 16)
    """Least and most pose classes that are tried."""
    embedding: Literal["autoencoder", "features"] = "autoencoder"
    """`autoencoder` (section 4.3.1) or `features`, the bare vector (Table 1's first column)."""
    epochs: Count = 200
    """Passes over the reference pictures that the autoencoder learns from."""
    batch_size: Annotated[int, Field(ge=2), Unit("pictures")] = 2048
    """Pictures in one step of the autoencoder's training."""
    learning_rate: float = 0.1
    """Of the autoencoder's optimiser, at its start."""
    weight_decay: float = 0.001
    """Of the autoencoder's optimiser."""
    exemplars: Annotated[Count, Unit("pictures")] = 8
    """Typical pictures that are kept of each pose class."""
    match_distance: float = 0.5
    """Largest distance, in units of a class's spread, at which an id is kept from the champion."""
    max_flip_share: Share = 0.2
    """Promotion is refused where more flags than this would change although no picture did."""
    seed: CountOrNone = 20221012
    """Of every random choice of a training."""
