"""Cells that hold several pictures: split by comma, bar, semicolon or line end, JSON, Python lists.

A cell is split only where every part could be a picture's address, so that ``red, large.jpg``
stays one. `expanded` gives a batch a row for each picture.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from unposed_jobs.catalogue import values
from unposed_jobs.catalogue.schemas import PART
from unposed_jobs.config import MISSING_WORDS

PICTURE = "__picture"
"""The column of addresses that `expanded` adds."""
_FORMATS = r"\.(?:jpe?g|jpe|jfif|png|webp|gif|bmp|tiff?|avif|heic|heif|jxl)"
_SCHEME = r"(?:(?:https?|s3|file):)?//"
_MARKS = ("|", "\n", ";", ",")
_LISTED = r"^\s*[\[({]"
_KEYS = (
    "hi_res",
    "image_uri",
    "url",
    "src",
    "uri",
    "href",
    "link",
    "large",
    "image",
    "path",
    "file",
    "filename",
    "thumb",
)
"""Of a picture that is given by names and values: what may hold the address, best first."""


def _patterns(mark: str) -> tuple[str, str, str]:
    """Of a separator: which cells are lists by it, where to cut, and what to put there."""
    sign, no = re.escape(mark), rf"[^{re.escape(mark)}]"
    # The name's end, maybe with a query, as it is before a separator.
    address = rf"{no}*{_FORMATS}(?:[?#]{no}*?)?\s*"
    listed = rf"(?i)^\s*(?:{address}(?:{sign}\s*)+)+(?:{address})?$"
    return listed, rf"\s*{sign}\s*", "\n"


_BY_NAME = {mark: _patterns(mark) for mark in _MARKS}
_BY_SCHEME = (rf"(?is)^\s*{_SCHEME}.*[\s,|;]{_SCHEME}", rf"(?i)\s*[\s,|;]\s*({_SCHEME})", "\n\\1")


def addresses(column: pa.Array, missing: Sequence[str] = MISSING_WORDS) -> pa.Array:
    """The addresses in each cell: text where no cell has several, else lists of text; null where
    there is none.

    Text may be one address or several; a list column holds texts, or structs with an address.
    """
    column = values.plain(column)
    kind = column.type
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        return _nested(column)
    if pa.types.is_struct(kind) or pa.types.is_map(kind):
        return pa.array(
            [_found(item) or None for item in column.to_pylist()], pa.list_(pa.string())
        )
    found = values.text(column, normalize=False, missing=missing)
    several = _several(found)
    if not pc.any(several).as_py():
        return found
    lists = _split(found.filter(several))
    if pc.all(pc.less_equal(pc.fill_null(pc.list_value_length(lists), 0), 1)).as_py():
        one = pc.list_element(
            pc.if_else(pc.is_null(lists), pa.scalar([None], lists.type), lists), 0
        )
        return pc.replace_with_mask(found, several, pc.cast(one, pa.string()))
    places = np.cumsum(_numpy(several)) - 1
    whole = _single(pc.if_else(several, pa.scalar(None, pa.string()), found))
    return pc.if_else(several, lists.take(pa.array(np.maximum(places, 0))), whole)


def _several(found: pa.Array) -> pa.Array:
    """Which cells may hold more than one address."""
    signs = r"[\[({\n,;|]|\s[A-Za-z0-9]*:?//"
    return pc.fill_null(pc.match_substring_regex(found, signs), False)


def _numpy(mask: pa.Array) -> npt.NDArray[Any]:
    return np.asarray(mask.to_numpy(zero_copy_only=False))


def _split(found: pa.Array) -> pa.Array:
    """Lists of the addresses in cells."""
    marked, changed = found, pa.repeat(pa.scalar(False), len(found))
    for mark, (listed, where, cut) in (*_BY_NAME.items(), ("/", _BY_SCHEME)):
        if not pc.any(pc.match_substring(found, mark)).as_py():
            continue
        is_list = pc.and_(pc.match_substring_regex(found, listed), pc.invert(changed))
        if pc.any(is_list).as_py():
            split = pc.replace_substring_regex(found.filter(is_list), where, cut)
            marked = pc.replace_with_mask(marked, is_list, split)
            changed = pc.or_(changed, is_list)
    written = pc.match_substring_regex(found, _LISTED)
    if pc.any(written).as_py():
        texts = ["\n".join(_written(cell)) for cell in found.filter(written).to_pylist()]
        marked = pc.replace_with_mask(marked, written, pa.array(texts, pa.string()))
        changed = pc.or_(changed, written)
    nothing = pa.scalar(None, pa.string())
    # A line end that did not come from here is no separator.
    cut_up = pc.utf8_trim_whitespace(pc.if_else(changed, marked, nothing))
    cut_up = pc.if_else(pc.equal(cut_up, ""), nothing, cut_up)
    lists = pc.split_pattern_regex(cut_up, r"\s*\n+\s*")
    return pc.if_else(changed, lists, _single(found))


def _single(found: pa.Array) -> pa.Array:
    counts = np.asarray(pc.is_valid(found).to_numpy(zero_copy_only=False), dtype=np.int32)
    offsets = pa.array(np.r_[0, np.cumsum(counts)].astype(np.int32))
    mask = pa.array(counts == 0)
    return pa.ListArray.from_arrays(offsets, pc.drop_null(pc.cast(found, pa.string())), mask=mask)


def _nested(column: pa.Array) -> pa.Array:
    inner = column.type.value_type
    if pa.types.is_string(inner) or pa.types.is_large_string(inner):
        return pc.cast(column, pa.list_(pa.string()))
    return _nested_items(column)


def _nested_items(column: pa.Array) -> pa.Array:
    return pa.array([_found(item) or None for item in column.to_pylist()], pa.list_(pa.string()))


def _written(cell: str) -> list[str]:
    """The addresses in a cell that is written as a list; the cell itself where it is none."""
    try:
        return _found(json.loads(cell))
    except (ValueError, RecursionError):
        pass
    if not re.search(r"""['"]\s+['"]""", cell):  # Python joins texts that stand side by side.
        try:
            return _found(ast.literal_eval(cell))
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            pass
    if not re.search(r"[\])}]\s*$", cell):
        return [cell]
    # An array as PostgreSQL and NumPy write it: {a.jpg,"b c.jpg"}, ['a.jpg' 'b.jpg'].
    quoted = re.findall(r'"([^"]+)"|\'([^\']+)\'', cell)
    parts = [one or other for one, other in quoted] or cell.strip()[1:-1].split(",")
    parts = [part.strip() for part in parts if part.strip()]
    named = re.compile(rf"(?i)({_FORMATS}([?#].*)?$|^{_SCHEME})")
    return parts if parts and all(named.search(part) for part in parts) else [cell]


def _found(item: Any) -> list[str]:
    """The addresses in what JSON, Python or a nested column holds."""
    if isinstance(item, str):
        return [item.strip()] if item.strip() and item.strip() not in MISSING_WORDS else []
    if isinstance(item, list | tuple) and all(
        isinstance(pair, tuple) and len(pair) == 2 and isinstance(pair[0], str) for pair in item
    ):
        item = dict(item) if any(pair[0] in _KEYS for pair in item) else item  # Arrow's map
    if isinstance(item, list | tuple):
        return [address for part in item for address in _found(part)]
    if isinstance(item, dict):
        held = [item[key] for key in _KEYS if item.get(key)]
        if held and isinstance(held[0], list):  # of each kind a list
            rows = zip(*(part for part in held if isinstance(part, list)), strict=False)
            return [address for row in rows for address in _found(next(filter(None, row), ""))]
        return _found(held[0]) if held else []
    return []


def expanded(batch: pa.RecordBatch, columns: Sequence[pa.Array]) -> pa.RecordBatch:
    """The batch with a row for each picture that a row of the `columns` names, and `PICTURE`,
    `PART`. A row without any stays, without an address; a picture named twice in a row comes once.
    """
    cells = [addresses(column) for column in columns]
    if len(cells) == 1 and pa.types.is_string(cells[0].type):
        part = pa.repeat(pa.scalar(1, pa.int32()), batch.num_rows)
        return batch.append_column(PICTURE, cells[0]).append_column(PART, part)
    lists = [_single(item) if pa.types.is_string(item.type) else item for item in cells]
    rows, found = _flat(lists, batch.num_rows)
    if len(rows) == batch.num_rows and (rows == np.arange(batch.num_rows)).all():
        part = pa.repeat(pa.scalar(1, pa.int32()), batch.num_rows)
    else:
        batch = batch.take(pa.array(rows))
        starts = np.r_[True, rows[1:] != rows[:-1]]
        places = np.arange(len(rows))
        first = np.maximum.accumulate(np.where(starts, places, 0))
        part = pa.array((places - first + 1).astype(np.int32))
    return batch.append_column(PICTURE, found).append_column(PART, part)


def _flat(lists: Sequence[pa.Array], rows: int) -> tuple[npt.NDArray[np.int64], pa.Array]:
    """Addresses in the order of rows, then columns, then cells; and the row of each."""
    parents, found = [], []
    for cells in lists:
        lengths = pc.fill_null(pc.list_value_length(cells), 0).to_numpy(zero_copy_only=False)
        parents.append(np.repeat(np.arange(rows), lengths))
        found.append(pc.list_flatten(cells))
    row = np.concatenate(parents)
    address = pa.concat_arrays(found)
    order = np.argsort(row, kind="stable")
    row, address = row[order], address.take(pa.array(order))
    codes = pc.fill_null(address.dictionary_encode().indices, -1).to_numpy(zero_copy_only=False)
    kept = np.unique(row * (len(address) + 1) + codes, return_index=True)[1]
    if len(kept) < len(row):
        kept = np.sort(kept)
        row, address = row[kept], address.take(pa.array(kept))
    without = np.flatnonzero(np.bincount(row, minlength=rows) == 0)
    if len(without):
        row = np.r_[row, without]
        address = pa.concat_arrays([address, pa.nulls(len(without), pa.string())])
        order = np.argsort(row, kind="stable")
        row, address = row[order], address.take(pa.array(order))
    return row, address


def pattern_columns(pattern: str, columns: Sequence[str]) -> Iterator[str]:
    """The columns that a name means, in their order: itself, or with ``*`` every one like it.

    Of alternatives (``a | b``) those of the first that there are.
    """
    for name in pattern.split(" | "):
        like = re.compile(re.escape(name.strip()).replace(r"\*", r"(.*)"))
        numbered = [
            (match[1] if match.groups() else "", column)
            for column in columns
            if (match := like.fullmatch(column))
        ]
        if numbered:
            yield from (column for _, column in sorted(numbered, key=_number))
            return


def _number(item: tuple[str, str]) -> int:
    return int(item[0]) if item[0].strip().isdecimal() else -1
