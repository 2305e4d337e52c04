"""Source rows to products and images; a row that cannot be used is set aside with a reason.

Works on one batch at a time, without others: what only the whole catalogue can decide
(keys listed twice, pictures of unknown products) is the job's. Reasons are words of
`schemas.REASONS`; of several, the first in that order counts.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from unposed_jobs import storage
from unposed_jobs.catalogue import cells, delimited, packing, sources, values
from unposed_jobs.catalogue.addresses import absolute
from unposed_jobs.catalogue.rows import Rows, own_columns, resolve
from unposed_jobs.catalogue.schemas import (
    ACCEPTED_IMAGES,
    ACCEPTED_PRODUCTS,
    IMAGES,
    PART,
    PRODUCTS,
)
from unposed_jobs.config import MISSING_WORDS, CatalogueSettings
from unposed_jobs.errors import UnposedError

_GATHERED = ("attributes", "signals", "carried")
REQUIRED_PRODUCTS = ("product_id", "category", "average_rating", "rating_count")
_RATINGS = ("average_rating", "rating_count")
_UNMAPPABLE = (*_RATINGS, "subcategory", "product_type")
REQUIRED_IMAGES = ("product_id", "image_uri")
MAX_RATING = 5
LEAVES = "leaves the folder of the list; [catalogue] allow_parent_paths = true would allow it"


def product_columns(
    columns: Sequence[str], settings: CatalogueSettings, uri: str
) -> dict[str, str]:
    """Our name = the source's, for each product column that the source has.

    A rating or count that is mapped to "" is one that the source does not have, and so are the
    other optional columns.

    Raises UnposedError for a required or configured column that it lacks, naming those it has
    and the setting to write.
    """
    mapping = settings.product_columns
    none = {name for name in _UNMAPPABLE if mapping.get(name) == ""}
    standard = [name for name in PRODUCTS.names if name not in {*_GATHERED, *none}]
    further = [*_attributes(settings), *_signals(settings), *settings.carry]
    return resolve(
        columns,
        {name: theirs for name, theirs in mapping.items() if name not in none},
        required=[name for name in (*REQUIRED_PRODUCTS, *further) if name not in none],
        known=[*standard, *further],
        where=(uri, "catalogue.product_columns"),
        lenient=bool(settings.layout),
    )


def image_columns(columns: Sequence[str], settings: CatalogueSettings, uri: str) -> dict[str, str]:
    """As `product_columns`, for the images source; image_uri is not there where
    `settings.picture_columns` names what is.
    """
    mapping = settings.image_columns
    several = bool(settings.picture_columns)
    if several and not picture_columns(columns, settings):
        raise UnposedError(
            f"{storage.shown(uri)} has none of the columns {', '.join(settings.picture_columns)}; "
            f"it has: {', '.join(columns)}. Name the right ones: [catalogue] picture_columns"
        )
    return resolve(
        columns,
        {name: theirs for name, theirs in mapping.items() if theirs or name in REQUIRED_IMAGES},
        required=[name for name in REQUIRED_IMAGES if not (several and name == "image_uri")],
        known=[name for name in IMAGES.names if mapping.get(name, name) or name in REQUIRED_IMAGES],
        where=(uri, "catalogue.image_columns"),
        lenient=bool(settings.layout),
    )


def reading(settings: CatalogueSettings) -> sources.Reading:
    """How the settings have text files and workbooks read."""
    dialect = delimited.Dialect(settings.encoding, settings.header_line)
    return sources.Reading(dialect, headers(settings), settings.fill_down, settings.sheet)


def headers(settings: CatalogueSettings) -> tuple[frozenset[str], ...]:
    """The sets of columns by which the header of a products or images source is known."""
    found = []
    for mapping, required in (
        (settings.product_columns, REQUIRED_PRODUCTS),
        (settings.image_columns, REQUIRED_IMAGES),
    ):
        named = [mapping.get(name, name) for name in required]
        simple = {name for name in named if name and "|" not in name and "{" not in name}
        if len(simple) > 1:
            found.append(frozenset(simple))
    return tuple(found)


def picture_columns(columns: Sequence[str], settings: CatalogueSettings) -> list[str]:
    """The source's columns that `settings.picture_columns` means, in their order."""
    named = (cells.pattern_columns(name, columns) for name in settings.picture_columns)
    return list(dict.fromkeys(column for found in named for column in found))


def other_meanings(batch: pa.RecordBatch, settings: CatalogueSettings) -> dict[str, str]:
    """Optional columns of an images or products source that mean something else by their first
    rows (`size` = "L"), though they have the name of ours: an example of each.

    A column that the settings map is one that means what they say.
    """
    found = {}
    names = set(batch.schema.names)
    for name in sorted(names & set(_READ) - set(settings.image_columns)):
        read, _, kind = _READ[name]
        taken, bad = Rows(batch, {name: name}, "", "").optional(name, read, kind)
        wrong = pc.sum(pc.cast(bad, pa.int64())).as_py() or 0
        if name == "size":  # No picture has less than a hundred bytes: shoes, for one, do.
            wrong += pc.sum(pc.cast(pc.less(taken, 100), pa.int64())).as_py() or 0
        held = pc.sum(pc.cast(pc.invert(_without(batch, name, bad)), pa.int64())).as_py() or 0
        if wrong * 2 > held:
            found[name] = _example(batch.column(name), bad)
    if "product_type" in names - set(settings.product_columns):
        try:
            held = pc.drop_null(values.text(batch.column("product_type")))
        except (pa.ArrowNotImplementedError, pa.ArrowInvalid):
            held = pa.array([_FORMS[0]])
        if len(held) and pc.all(pc.is_in(pc.utf8_lower(held), pa.array(_FORMS))).as_py():
            found["product_type"] = held[0].as_py()
    return found


def unmapped(settings: CatalogueSettings, names: Iterable[str]) -> CatalogueSettings:
    """The settings that leave those optional columns out."""
    none = dict.fromkeys(names, "")
    products = {name: none.pop(name) for name in ("product_type",) if name in none}
    return dataclasses.replace(
        settings,
        image_columns=settings.image_columns | none,
        product_columns=settings.product_columns | products,
    )


_FORMS = (
    "simple",
    "variable",
    "variation",
    "configurable",
    "grouped",
    "bundle",
    "virtual",
    "downloadable",
    "external",
    "physical",
    "digital",
)
"""What shops call product_type where it is how a product is sold."""


def _without(batch: pa.RecordBatch, name: str, bad: pa.Array) -> pa.Array:
    try:
        missing = pc.is_null(values.text(batch.column(name), missing=MISSING_WORDS))
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid):
        missing = pc.is_null(batch.column(name))
    return pc.and_(missing, pc.invert(bad))


def _example(column: pa.Array, bad: pa.Array) -> str:
    value = (column.filter(bad) if pc.any(bad).as_py() else pc.drop_null(column))[0].as_py()
    return str(value)[:40]


def products(
    batch: pa.RecordBatch,
    settings: CatalogueSettings,
    uri: str = "products",
    *,
    carried: bool = False,
) -> tuple[pa.RecordBatch, pa.RecordBatch]:
    """Rows of the products source (as `sources.read` gives them) to
    (`ACCEPTED_PRODUCTS`, `REJECTS`), in order.

    An empty rating is an unrated product, an empty count is 0: both are accepted, and so is a
    category that is a word for none (nan, N/A), which becomes null. Other text, infinity, a
    rating outside 0 to 5 and a negative count are bad numbers. `uri` is for messages. The columns
    of `settings.carry` exclude no row, and are read only with `carried`.
    """
    columns = product_columns(own_columns(batch), settings, uri)
    rows = Rows(batch, columns, "products", uri)
    _only(rows, batch, settings)
    missing = settings.missing_values
    product = rows.text("product_id", missing=values.NOTHING)
    category = rows.text("category")
    texts = {"product_id": product}
    texts |= {
        name: _text(rows, name, missing, name in settings.product_columns)
        for name in ("category", "subcategory", "product_type")
    }
    attributes = {name: rows.text(name, missing=missing) for name in _attributes(settings)}
    rows.reject_empty(product)
    rows.reject(pc.is_null(product), "missing_key", "product_id is empty")
    # A word for none: such a product has no category, and is kept.
    rows.reject(pc.is_null(category), "missing_category", "category is empty")
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
        _carried(rows, settings if carried else CatalogueSettings(), batch.num_rows),
    ]
    return rows.split(accepted, ACCEPTED_PRODUCTS, texts["product_id"])


def images(
    batch: pa.RecordBatch, settings: CatalogueSettings, uri: str = "images", root: str = ""
) -> tuple[pa.RecordBatch, pa.RecordBatch]:
    """Rows of the images source to (`ACCEPTED_IMAGES`, `REJECTS`), in order.

    Relative addresses are meant from `settings.image_root`, else from `root` (the folder of the
    images file), and may not leave it unless `settings.allow_parent_paths`. An address whose
    scheme is never fetched (ftp), or whose host is not allowed, is accepted: its picture gets the
    status `refused` at extraction. `position` stays null where the source has none. A cell with
    several pictures, and several picture columns, give a row for each picture.

    A value of an optional column that is none costs its row nothing, unless the settings map that
    column: it is null, and listed among the rejects as `ignored_value`.
    """
    own = own_columns(batch)
    columns = image_columns(own, settings, uri)
    pictures = [batch.column(name) for name in picture_columns(own, settings)]
    if not pictures:
        pictures = [Rows(batch, columns, "images", uri).column("image_uri")]
    batch = cells.expanded(batch, pictures)
    rows = Rows(batch, columns, "images", uri)
    _only(rows, batch, settings)
    product = rows.text("product_id", missing=values.NOTHING)
    address = batch.column(cells.PICTURE)
    rows.key = pc.binary_join_element_wise(
        pc.fill_null(product, ""), pc.fill_null(address, ""), " "
    )
    rows.reject_empty(product)
    rows.reject(pc.is_null(product), "missing_key", "product_id is empty")
    both = settings.images == settings.products or settings.layout or settings.picture_columns
    reason = "no_picture" if both else "missing_key"
    rows.reject(pc.is_null(address), reason, "image_uri is empty")
    read = {name: _optional(rows, name, settings) for name in _READ}
    days = {name: read[name] for name in ("added_at", "removed_at")}
    address, bad, outside = absolute(address, settings.image_root or root)
    rows.reject(bad, "bad_uri", "image_uri", "is no address, or is relative to no known folder")
    if not settings.allow_parent_paths:
        rows.reject(outside, "bad_uri", "image_uri", LEAVES)
    before = pc.fill_null(pc.less(days["removed_at"], days["added_at"]), False)
    rows.reject(before, "removed_before_added", "removed_at", "lies before added_at")
    etag = pc.utf8_trim(_text(rows, "etag", (), "etag" in settings.image_columns), '"')
    # Of several pictures in a row the first has the row's position.
    part = pc.subtract(batch.column(PART), pa.scalar(1, pa.int32()))
    position = pc.add(read["position"], part)
    accepted = [product, address, position, etag, read["size"], read["last_modified"]]
    accepted += days.values()
    return rows.split(accepted, ACCEPTED_IMAGES, rows.key)


def _position(column: pa.Array) -> values.Column:
    return values.count(column, pa.int32())


_READ: dict[str, tuple[Any, str, pa.DataType]] = {
    "position": (_position, "is not a whole number from 0", pa.int32()),
    "size": (values.count, "is not a whole number from 0", pa.int64()),
    "last_modified": (
        values.moment,
        "is not a time like 2026-01-31T12:00:00Z",
        pa.timestamp("us", tz="UTC"),
    ),
    "added_at": (values.day, "is not a day like 2026-01-31", pa.date32()),
    "removed_at": (values.day, "is not a day like 2026-01-31", pa.date32()),
}
"""The optional columns of pictures that are no text."""


def _optional(rows: Rows, name: str, settings: CatalogueSettings) -> pa.Array:
    read, because, kind = _READ[name]
    found, bad = rows.optional(name, read, kind)
    if name in settings.image_columns and not settings.layout:
        rows.reject(
            bad, "bad_date" if read in (values.day, values.moment) else "bad_number", name, because
        )
    else:
        rows.ignore(bad, name, because)
    return found


def _text(rows: Rows, name: str, missing: Sequence[str], mapped: bool) -> pa.Array:
    """An optional column as text; of a type that is none, null unless the settings map it."""
    try:
        return rows.text(name, missing=missing)
    except UnposedError:
        if mapped or name in REQUIRED_PRODUCTS:
            raise
        return pa.nulls(len(rows.column(name)), pa.string())


def _only(rows: Rows, batch: pa.RecordBatch, settings: CatalogueSettings) -> None:
    for name, wanted in settings.only_rows.items():
        if name in batch.schema.names:
            held = values.text(batch.column(name))
            other = pc.invert(pc.is_in(held, pa.array(wanted.split(" | "))))
            rows.reject(other, "other_row", f"{name} is not {wanted}")


def _attributes(settings: CatalogueSettings) -> list[str]:
    standard = set(PRODUCTS.names) - set(_GATHERED)
    return [name for name in dict.fromkeys(settings.cohort_attributes) if name not in standard]


def _signals(settings: CatalogueSettings) -> list[str]:
    standard = ("average_rating", "rating_count")
    return [name for name in dict.fromkeys(settings.popularity_signals) if name not in standard]


def _map(columns: Mapping[str, pa.Array], kind: pa.DataType, rows: int) -> pa.Array:
    """One map for each row with the same keys."""
    keys = pa.array(list(columns), pa.string()).take(_places(rows, len(columns), across=False))
    items = _interleaved([pc.cast(column, kind) for column in columns.values()], kind, rows)
    return pa.MapArray.from_arrays(_offsets(rows, len(columns)), keys, items)


def _carried(rows: Rows, settings: CatalogueSettings, count: int) -> pa.Array:
    """The values of the columns `settings.carry` as one text (`packing`); null without any."""
    if not settings.carry:
        return pa.nulls(count, pa.string())
    return packing.pack([_joined(rows, name, settings.missing_values) for name in settings.carry])


def _joined(rows: Rows, name: str, missing: Sequence[str]) -> pa.Array:
    """A column as text; the items of a list with commas between."""
    column = values.plain(rows.column(name))
    if not (pa.types.is_list(column.type) or pa.types.is_large_list(column.type)):
        return rows.text(name, missing=missing)
    try:
        return pc.binary_join(pc.cast(column, pa.list_(pa.string())), ", ")
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid):
        return rows.text(name)  # It refuses a column of another type.


def _interleaved(columns: Sequence[pa.Array], kind: pa.DataType, rows: int) -> pa.Array:
    """The columns' values row by row."""
    return pa.concat_arrays([pa.array([], kind), *columns]).take(
        _places(rows, len(columns), across=True)
    )


def _places(rows: int, width: int, *, across: bool) -> pa.Array:
    """Of `rows` times `width` values: which column each is of or, `across`, its place where one
    column lies after the other.
    """
    columns = np.tile(np.arange(width), rows)
    return pa.array(columns * rows + np.repeat(np.arange(rows), width) if across else columns)


def _offsets(rows: int, width: int) -> pa.Array:
    return pa.array(np.arange(rows + 1, dtype=np.int32) * width, pa.int32())
