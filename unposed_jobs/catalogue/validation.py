"""Source rows to products and images; a row that cannot be used is set aside with a reason.

Works on one batch at a time, without looking at others: what only the whole catalogue can tell
(keys listed twice, pictures of unknown products) is the job's. Reasons are words of
`schemas.REASONS`; of several, the first in that order is told.
"""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from unposed_jobs import storage
from unposed_jobs.catalogue import values
from unposed_jobs.catalogue.delimited import MALFORMED, PROBLEM
from unposed_jobs.catalogue.schemas import (
    ACCEPTED_IMAGES,
    ACCEPTED_PRODUCTS,
    FILE,
    IMAGES,
    PRODUCTS,
    REJECTS,
    ROW,
)
from unposed_jobs.catalogue.sources import PLACE
from unposed_jobs.config import CatalogueSettings
from unposed_jobs.errors import UnposedError

_MAPS = ("attributes", "signals")
_REQUIRED_PRODUCTS = ("product_id", "category", "average_rating", "rating_count")
_REQUIRED_IMAGES = ("product_id", "image_uri")
MAX_RATING = 5


def product_columns(
    columns: Sequence[str], settings: CatalogueSettings, uri: str
) -> dict[str, str]:
    """Our name = the source's, for each product column that the source has.

    Raises UnposedError for a required or configured column that it lacks, naming those it has
    and the setting to write.
    """
    standard = [name for name in PRODUCTS.names if name not in _MAPS]
    further = [*_attributes(settings), *_signals(settings)]
    return _resolve(
        columns,
        settings.product_columns,
        required=[*_REQUIRED_PRODUCTS, *further],
        known=[*standard, *further],
        where=(uri, "catalogue.product_columns"),
    )


def image_columns(columns: Sequence[str], settings: CatalogueSettings, uri: str) -> dict[str, str]:
    """As `product_columns`, for the images source."""
    return _resolve(
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
    columns = product_columns(_own(batch), settings, uri)
    rows = _Rows(batch, columns, "products", uri)
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
    images file). An address whose scheme is never fetched (http) is accepted: its picture gets
    the status `refused` at extraction. `position` stays null where the source has none.
    """
    columns = image_columns(_own(batch), settings, uri)
    rows = _Rows(batch, columns, "images", uri)
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
    address, bad = _absolute(address, settings.image_root or root)
    rows.reject(bad, "bad_uri", "image_uri", "is no address, or is relative to no known folder")
    before = pc.fill_null(pc.less(days["removed_at"], days["added_at"]), False)
    rows.reject(before, "removed_before_added", "removed_at", "lies before added_at")
    etag = pc.utf8_trim(rows.text("etag"), '"')
    accepted = [product, address, position, etag, size, modified, *days.values()]
    return rows.split(accepted, ACCEPTED_IMAGES, rows.key)


class _Rows:
    """A batch on its way: its columns by our names, and the reason of each row set aside."""

    def __init__(
        self, batch: pa.RecordBatch, columns: Mapping[str, str], source: str, uri: str
    ) -> None:
        self.key: pa.Array | None = None
        self._batch = batch
        self._columns = columns
        self._source = source
        self._uri = storage.shown(uri)
        none = pa.nulls(batch.num_rows, pa.string())
        line = batch.column(MALFORMED) if MALFORMED in batch.schema.names else none
        self._reason = pc.if_else(pc.is_valid(line), "malformed_line", pa.scalar(None, pa.string()))
        self._detail = batch.column(PROBLEM) if PROBLEM in batch.schema.names else none

    def column(self, name: str) -> pa.Array:
        """The source's column, null throughout where it has none."""
        if name not in self._columns:
            return pa.nulls(self._batch.num_rows, pa.string())
        return self._batch.column(self._columns[name])

    def text(self, name: str, normalize: bool = True) -> pa.Array:
        try:
            return values.text(self.column(name), normalize)
        except pa.ArrowNotImplementedError:
            kind = self.column(name).type
            raise UnposedError(
                f"{self._uri}: column {self._columns[name]} holds {kind}, not text or numbers"
            ) from None

    def reject(self, mask: pa.Array, reason: str, detail: str, because: str = "") -> None:
        """Set the rows of `mask` aside, unless they already are.

        With `because`, `detail` is our name of the column whose value is told.
        """
        if not pc.any(mask).as_py():
            return
        told: Any = pa.scalar(detail, pa.string())
        if because:
            shown = pc.utf8_slice_codeunits(pc.fill_null(self.text(detail, False), ""), 0, 80)
            shown = pc.replace_substring_regex(shown, r"[\x00-\x1f\x7f]", "?")
            shown = pc.replace_substring_regex(shown, r"://[^/]*@", "://")
            named = pa.scalar(f'{self._columns[detail]} "')
            told = pc.binary_join_element_wise(named, shown, pa.scalar(f'" {because}'), "")
        mask = pc.and_(mask, pc.is_null(self._reason))
        self._reason = pc.if_else(mask, pa.scalar(reason), self._reason)
        self._detail = pc.if_else(mask, told, self._detail)

    def split(
        self, accepted: list[pa.Array], schema: pa.Schema, key: pa.Array
    ) -> tuple[pa.RecordBatch, pa.RecordBatch]:
        place = [self._place(FILE, pa.int32()), self._place(ROW, pa.int64())]
        good = pc.is_null(self._reason)
        rows = pa.RecordBatch.from_arrays([*accepted, *place], schema=schema).filter(good)
        bad = pc.invert(good)
        number = pc.cast(place[1], pa.string())
        where = pc.binary_join_element_wise(
            pa.scalar(f"{self._uri} row "), pc.fill_null(number, "?"), pa.scalar(": "), ""
        )
        detail = pc.binary_join_element_wise(where, pc.fill_null(self._detail, ""), "")
        rejects = [pc.filter(item, bad) for item in (key, self._reason, detail)]
        text = pa.array(_as_json(self._batch.filter(bad)), pa.string())
        source = pa.array([self._source] * len(text), pa.string())
        rejected = pa.RecordBatch.from_arrays(
            [source, *rejects, text, *(pc.filter(item, bad) for item in place)], schema=REJECTS
        )
        return rows, rejected

    def _place(self, name: str, kind: pa.DataType) -> pa.Array:
        if name in self._batch.schema.names:
            return self._batch.column(name)
        if name == ROW:
            return pa.array(range(1, self._batch.num_rows + 1), kind)
        return pa.array([0] * self._batch.num_rows, kind)


def _resolve(
    columns: Sequence[str],
    mapping: Mapping[str, str],
    required: Sequence[str],
    known: Sequence[str],
    where: tuple[str, str],
) -> dict[str, str]:
    uri, section = storage.shown(where[0]), where[1]
    for name in mapping:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(known)}"
            raise UnposedError(f"[{section}] {name}: no such column of a catalogue; {hint}")
    found = {name: mapping.get(name, name) for name in known}
    absent = [
        name
        for name in known
        if found[name] not in columns and (name in required or name in mapping)
    ]
    if absent:
        wanted = ", ".join(dict.fromkeys(found[name] for name in absent))
        keys = ", ".join(f'{name} = "..."' for name in absent)
        raise UnposedError(
            f"{uri} has no column {wanted}; it has: {', '.join(columns)}. "
            f"Name the right one: [{section}] {keys}"
        )
    for name in found.values():
        if list(columns).count(name) > 1:
            raise UnposedError(f"{uri} has the column {name} more than once")
    return {ours: theirs for ours, theirs in found.items() if theirs in columns}


def _own(batch: pa.RecordBatch) -> list[str]:
    return [name for name in batch.schema.names if name not in PLACE]


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


def _absolute(address: pa.Array, root: str) -> tuple[pa.Array, pa.Array]:
    """Relative addresses made absolute, and which of all can be no address."""
    bad = pc.match_substring_regex(address, r"[\x00-\x1f\x7f]")
    bad = pc.or_(bad, pc.match_substring_regex(address, r"(?i)^[a-z][a-z0-9+.-]*:/*$"))
    bad = pc.or_(bad, pc.match_substring_regex(address, r"(?i)^s3://(/|[^/]*@|[^/]*/?$)"))
    bad = pc.or_(bad, pc.match_substring_regex(address, r"(?i)^file:([^/]|//[^/])"))
    bad = pc.and_(bad, pc.invert(pc.match_substring_regex(address, r"(?i)^file://localhost/")))
    bad = pc.fill_null(bad, False)
    scheme = r"(?i)^(/|[a-z][a-z0-9+.-]*://|(file|data|javascript|blob|about):)"
    relative = pc.fill_null(pc.invert(pc.match_substring_regex(address, scheme)), False)
    if not pc.any(relative).as_py():
        return address, bad
    if not root:
        return address, pc.or_(bad, relative)
    base = root
    if storage.scheme(root) == "file":
        base = str(storage.local_path(root).absolute())
    tail = pc.replace_substring_regex(address, r"^(\./)+", "")
    joined = pc.binary_join_element_wise(pa.scalar(base.rstrip("/")), tail, "/")
    dotted = pc.match_substring_regex(address, r"(^|/)\.\.?(/|$)")
    dotted = pc.and_(relative, pc.fill_null(dotted, False))
    if pc.any(dotted).as_py() and storage.scheme(base) in ("file", "s3"):
        resolved = [_join(base, item) for item in address.filter(dotted).to_pylist()]
        bad = pc.or_(
            bad, pc.replace_with_mask(bad, dotted, pa.array([r is None for r in resolved]))
        )
        joined = pc.replace_with_mask(joined, dotted, pa.array(resolved, pa.string()))
    return pc.if_else(relative, joined, address), bad


def _join(base: str, part: str) -> str | None:
    try:
        return storage.join(base, part)
    except storage.StorageError:
        return None


def _as_json(rows: pa.RecordBatch) -> list[str]:
    """Each row as the source has it, as JSON; of a malformed line its text."""
    found = []
    for row in rows.to_pylist():
        line = row.get(MALFORMED)
        own = (
            {"line": line} if line is not None else {k: v for k, v in row.items() if k not in PLACE}
        )
        found.append(json.dumps({k: _plain(v) for k, v in own.items()}, ensure_ascii=False))
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, bytes):
        return value.decode(errors="backslashreplace")
    return value if isinstance(value, str | int | float | bool | None) else str(value)
