"""Products and pictures as the catalogue lists them; the warehouse keeps findings only."""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Iterator, Set
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

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

Pictures = dict[str, list[tuple[str, int | None]]]
"""Product to its pictures, (address, position), in order."""


class Listing(Protocol):
    """What the report needs of a catalogue."""

    def popularity(self) -> pa.Table:
        """A row of `POPULARITY` for each product; raises UnposedError where it cannot be read."""

    def pictures(self, run_date: datetime.date, product_ids: Set[str]) -> Pictures:
        """The pictures of some products on a day; raises UnposedError as above."""


@dataclass(frozen=True)
class SourceListing:
    """The catalogue that the settings name; pictures are read as a stream."""

    settings: Settings

    def popularity(self) -> pa.Table:
        """Ratings and the popularity that the training would rank by."""
        # The ranking brings LightGBM, which a gallery from given lists does not need.
        from unposed_jobs.ranking import popularity

        uri = self.settings.catalogue.products
        accepted = [
            validation.products(batch, self.settings.catalogue, uri)[0]
            for batch in self._batches(uri)
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

    def pictures(self, run_date: datetime.date, product_ids: Set[str]) -> Pictures:
        """As `Listing.pictures`; a picture listed twice for a product comes once."""
        uri = self.settings.catalogue.images
        root = sources.folder(uri)
        wanted = pa.array(sorted(product_ids), pa.string())
        day = pa.scalar(run_date, pa.date32())
        found: Pictures = defaultdict(list)
        for batch in self._batches(uri):
            rows, _ = validation.images(batch, self.settings.catalogue, uri, root)
            shown = pc.and_(
                pc.fill_null(pc.less_equal(rows["added_at"], day), True),
                pc.fill_null(pc.greater(rows["removed_at"], day), True),
            )
            rows = rows.filter(pc.and_(shown, pc.is_in(rows["product_id"], wanted)))
            for row in rows.select(["product_id", "image_uri", "position"]).to_pylist():
                found[row["product_id"]].append((row["image_uri"], row["position"]))
        return {product_id: _in_order(pairs) for product_id, pairs in found.items()}

    def _batches(self, uri: str) -> Iterator[pa.RecordBatch]:
        how = validation.reading(self.settings.catalogue)
        for file in sources.plan(uri, self.settings.warehouse, how):
            yield from sources.read(file)


def _in_order(pairs: list[tuple[str, int | None]]) -> list[tuple[str, int | None]]:
    first: dict[str, int | None] = {}
    for place, (uri, position) in enumerate(pairs, start=1):
        first.setdefault(uri, place if position is None else position)
    return sorted(first.items(), key=lambda item: (item[1], item[0]))


def from_settings(settings: Settings) -> Listing:
    """The catalogue of the settings; nothing is read yet."""
    return SourceListing(settings)
