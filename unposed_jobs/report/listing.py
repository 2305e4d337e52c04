"""How popular products are, from the catalogue; the warehouse keeps findings only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pyarrow as pa

from unposed_jobs.catalogue import sources, validation
from unposed_jobs.config import Settings

POPULARITY = pa.schema(
    [
        pa.field("product_id", pa.string()),
        pa.field("score", pa.float64()),
        pa.field("average_rating", pa.float64()),
        pa.field("rating_count", pa.int64()),
    ]
)


class Listing(Protocol):
    """What the report needs of a catalogue."""

    def popularity(self) -> pa.Table:
        """A row of `POPULARITY` for each product; raises UnposedError where it cannot be read."""


@dataclass(frozen=True)
class SourceListing:
    """The catalogue that the settings name, read as a stream."""

    settings: Settings

    def popularity(self) -> pa.Table:
        """Ratings and the popularity that the training would rank by."""
        # The ranking brings LightGBM, which a gallery from given lists does not need.
        from unposed_jobs.ranking import popularity

        uri = self.settings.catalogue.products
        how = validation.reading(self.settings.catalogue)
        accepted = [
            validation.products(batch, self.settings.catalogue, uri)[0]
            for file in sources.plan(uri, self.settings.warehouse, how)
            for batch in sources.read(file)
        ]
        if not accepted:
            return POPULARITY.empty_table()
        products = pa.Table.from_batches(accepted)
        score = np.asarray(popularity.score(products, self.settings.training), dtype=np.float64)
        columns = [products[name] for name in ("average_rating", "rating_count")]
        table = pa.table([products["product_id"], pa.array(score), *columns], schema=POPULARITY)
        # A product listed twice is a reject of the nightly job; its first row counts.
        places = pa.table({"id": table["product_id"], "at": pa.array(np.arange(len(table)))})
        return table.take(places.group_by("id").aggregate([("at", "min")])["at_min"])


def from_settings(settings: Settings) -> Listing:
    """The catalogue of the settings; nothing is read yet."""
    return SourceListing(settings)
