"""Source rows to products and images; a row that cannot be used is set aside with a reason.

Works on one batch at a time, without looking at others: what only the whole catalogue can tell
(keys listed twice, pictures of unknown products) is the job's. Reasons are words of
`schemas.REASONS`; of several, the first in that order is told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from unposed_jobs.catalogue import values
from unposed_jobs.catalogue.rows import Rows, absolute, own_columns, resolve
from unposed_jobs.catalogue.schemas import ACCEPTED_IMAGES, ACCEPTED_PRODUCTS, IMAGES, PRODUCTS
from unposed_jobs.config import CatalogueSettings

_MAPS = ("attributes", "signals")
_REQUIRED_PRODUCTS = ("product_id", "category", "average_rating", "rating_count")
_RATINGS = ("average_rating", "rating_count")
_REQUIRED_IMAGES = ("product_id", "image_uri")
MAX_RATING = 5
LEAVES = "leaves the folder of the list; [catalogue] allow_parent_paths = true would allow it"


def product_columns(
    columns: Sequence[str], settings: CatalogueSettings, uri: str
) -> dict[str, str]:
    """Our name = the source's, for each product column that the source has.

    A rating or count that is mapped to "" is one that the source does not have.

    Raises UnposedError for a required or configured column that it lacks, naming those it has
    and the setting to write.
    """
    mapping = settings.product_columns
    none = {name for name in _RATINGS if mapping.get(name) == ""}
    standard = [name for name in PRODUCTS.names if name not in {*_MAPS, *none}]
    further = [*_attributes(settings), *_signals(settings)]
    return resolve(
        columns,
        {name: theirs for name, theirs in mapping.items() if name not in none},
        required=[name for name in (*_REQUIRED_PRODUCTS, *further) if name not in none],
        known=[*standard, *further],
        where=(uri, "catalogue.product_columns"),
    )


def image_columns(columns: Sequence[str], settings: CatalogueSettings, uri: str) -> dict[str, str]:
    """As `product_columns`, for the images source."""
    return resolve(
        columns,
        settings.image_columns,
        required=_REQUIRED_IMAGES,
        known=IMAGES.names,
        where=(uri, "catalogue.image_columns"),
    )


def products(
    batch: pa.RecordBatch, settings: CatalogueSettings, uri: str = "products"
) -> tuple[pa.RecordBatch, pa.RecordBatch]:
    """Rows of the products source (as `sources.read` gives them) to
    (`ACCEPTED_PRODUCTS`, `REJECTS`), in order.

    An empty rating is an unrated product, an empty count is 0: both are accepted. Text, NaN, a
    rating outside 0 to 5 and a negative count are bad numbers. `uri` is for messages.
    """
    columns = product_columns(own_columns(batch), settings, uri)
    rows = Rows(batch, columns, "products", uri)
    texts = {
        name: rows.text(name) for name in ("product_id", "category", "subcategory", "product_type")
    }
    attributes = {name: rows.text(name) for name in _attributes(settings)}
    rows.reject(pc.is_null(texts["product_id"]), "missing_key", "product_id is empty")
    rows.reject(pc.is_null(texts["category"]), "missing_category", "category is empty")
    rating, bad = values.number(rows.column("average_rating"), 0, MAX_RATING)
    rows.reject(bad, "bad_number", "average_rating", f"is not a number from 0 to {MAX_RATING}")
    counts, bad = values.count(rows.column("rating_count"))
    rows.reject(bad, "bad_number", "rating_count", "is not a whole number from 0")
    signals = {}
    for name in _signals(settings):
        signals[name], bad = values.number(rows.column(name))
        rows.reject(bad, "bad_number", name, "is not a number")
    accepted = [
        *texts.values(),
        rating,
        pc.fill_null(counts, 0),
        _map(attributes, pa.string(), batch.num_rows),
        _map(signals, pa.float64(), batch.num_rows),
    ]
    return rows.split(accepted, ACCEPTED_PRODUCTS, texts["product_id"])


def images(
    batch: pa.RecordBatch, settings: CatalogueSettings, uri: str = "images", root: str = ""
) -> tuple[pa.RecordBatch, pa.RecordBatch]:
    """Rows of the images source to (`ACCEPTED_IMAGES`, `REJECTS`), in order.

    Relative addresses are meant from `settings.image_root`, else from `root` (the folder of the
    images file), and may not leave it unless `settings.allow_parent_paths`. An address whose
    scheme is never fetched (ftp), or whose host is not allowed, is accepted: its picture gets the
    status `refused` at extraction. `position` stays null where the source has none.
    """
    columns = image_columns(own_columns(batch), settings, uri)
    rows = Rows(batch, columns, "images", uri)
    product = rows.text("product_id")
    address = rows.text("image_uri", normalize=False)
    rows.key = pc.binary_join_element_wise(
        pc.fill_null(product, ""), pc.fill_null(address, ""), " "
    )
    rows.reject(pc.is_null(product), "missing_key", "product_id is empty")
    rows.reject(pc.is_null(address), "missing_key", "image_uri is empty")
    position, bad = values.count(rows.column("position"), pa.int32())
    rows.reject(bad, "bad_number", "position", "is not a whole number from 0")
    size, bad = values.count(rows.column("size"))
    rows.reject(bad, "bad_number", "size", "is not a whole number from 0")
    modified, bad = values.moment(rows.column("last_modified"))
    rows.reject(bad, "bad_date", "last_modified", "is not a time like 2026-01-31T12:00:00Z")
    days = {}
    for name in ("added_at", "removed_at"):
        days[name], bad = values.day(rows.column(name))
        rows.reject(bad, "bad_date", name, "is not a day like 2026-01-31")
    address, bad, outside = absolute(address, settings.image_root or root)
    rows.reject(bad, "bad_uri", "image_uri", "is no address, or is relative to no known folder")
    if not settings.allow_parent_paths:
        rows.reject(outside, "bad_uri", "image_uri", LEAVES)
    before = pc.fill_null(pc.less(days["removed_at"], days["added_at"]), False)
    rows.reject(before, "removed_before_added", "removed_at", "lies before added_at")
    etag = pc.utf8_trim(rows.text("etag"), '"')
    accepted = [product, address, position, etag, size, modified, *days.values()]
    return rows.split(accepted, ACCEPTED_IMAGES, rows.key)


def _attributes(settings: CatalogueSettings) -> list[str]:
    standard = set(PRODUCTS.names) - set(_MAPS)
    return [name for name in dict.fromkeys(settings.cohort_attributes) if name not in standard]


def _signals(settings: CatalogueSettings) -> list[str]:
    standard = ("average_rating", "rating_count")
    return [name for name in dict.fromkeys(settings.popularity_signals) if name not in standard]


def _map(columns: Mapping[str, pa.Array], kind: pa.DataType, rows: int) -> pa.Array:
    """One map for each row with the same keys; row by row, so the columns are interleaved."""
    width = len(columns)
    offsets = pa.array(range(0, rows * width + 1, width) if width else [0] * (rows + 1), pa.int32())
    keys = pa.array(list(columns) * rows, pa.string())
    if not width or not rows:
        return pa.MapArray.from_arrays(offsets, keys, pa.array([], kind))
    order = pa.array([j * rows + i for i in range(rows) for j in range(width)], pa.int64())
    items = pa.concat_arrays([pc.cast(column, kind) for column in columns.values()]).take(order)
    return pa.MapArray.from_arrays(offsets, keys, items)
