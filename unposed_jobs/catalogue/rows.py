"""A batch of source rows on its way to the catalogue's columns: what every source needs of it.

Columns by our names (`resolve`), and rows set aside with a reason (`Rows`).
"""

from __future__ import annotations

import difflib
import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from unposed_jobs import storage
from unposed_jobs.catalogue import values
from unposed_jobs.catalogue.cells import PICTURE
from unposed_jobs.catalogue.delimited import MALFORMED, PROBLEM
from unposed_jobs.catalogue.schemas import FILE, PART, REJECTS, ROW
from unposed_jobs.errors import UnposedError

_NAMED = re.compile(r"\{([^{}]+?)(?::(\d+))?\}")
_OR = " | "
_LEVELLED = ("category", "subcategory")
PLACE = (FILE, ROW, MALFORMED, PROBLEM, PICTURE, PART)
"""Columns that reading added to the source's own."""


class Rows:
    """A batch on its way: its columns by our names, and the reason of each row set aside.

    `columns` is `resolve`'s answer, `source` what the table `catalogue_rejects` calls the source.
    """

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
        self._ignored: list[tuple[pa.Array, pa.Array]] = []

    def column(self, name: str) -> pa.Array:
        """The source's column, null throughout where it has none.

        Of alternatives each row has the first that holds a value.
        """
        theirs = self._columns.get(name)
        if theirs is None:
            return pa.nulls(self._batch.num_rows, pa.string())
        if theirs in self._batch.schema.names:
            return self._own(theirs, name)
        found = [
            values.text(self._own(one, name), False)
            if one in self._batch.schema.names
            else self._composed(one)
            for one in theirs.split(_OR)
        ]
        return pc.coalesce(*found)

    def _own(self, theirs: str, name: str) -> pa.Array:
        column = self._batch.column(theirs)
        return values.levels(column) if name in _LEVELLED else column

    def _composed(self, pattern: str) -> pa.Array:
        """A pattern of columns, row by row; null where one of them has no value."""
        pieces = []
        pieces_of = _NAMED.split(pattern)
        for text, name, length in zip(
            pieces_of[::3], [*pieces_of[1::3], ""], [*pieces_of[2::3], None], strict=True
        ):
            pieces.append(pa.scalar(text))
            if name:
                piece = values.text(self._batch.column(name), False)
                pieces.append(pc.utf8_slice_codeunits(piece, 0, int(length)) if length else piece)
        return pc.binary_join_element_wise(*pieces, "")

    def text(self, name: str, normalize: bool = True, missing: Sequence[str] = ()) -> pa.Array:
        """The column as trimmed text (`values.text`); raises UnposedError where it is neither
        text nor numbers.
        """
        try:
            return values.text(self.column(name), normalize, missing)
        except pa.ArrowNotImplementedError:
            kind = self.column(name).type
            raise UnposedError(
                f"{self._uri}: column {self._columns[name]} holds {kind}, not text or numbers"
            ) from None

    def optional(
        self, name: str, read: Callable[[pa.Array], values.Column], kind: pa.DataType
    ) -> values.Column:
        """`read` of the column; of a type that cannot be read, null throughout and each value bad.

        `kind` is the type that `read` gives.
        """
        column = self.column(name)
        try:
            return read(column)
        except (pa.ArrowNotImplementedError, pa.ArrowInvalid):
            return pa.nulls(len(column), kind), pc.is_valid(column)

    def reject_empty(self, key: pa.Array) -> None:
        """Set the rows aside of which no column has a value; only where `key` has none."""
        without = pc.and_(pc.is_null(key), pc.is_null(self._reason))
        if not pc.any(without).as_py():
            return
        rows = self._batch.filter(without)
        empty = pa.repeat(pa.scalar(True), rows.num_rows)
        for name in own_columns(rows):
            try:
                column = values.text(rows.column(name), False)
            except (pa.ArrowNotImplementedError, pa.ArrowInvalid):
                column = rows.column(name)
            empty = pc.and_(empty, pc.is_null(column))
        self.reject(
            pc.replace_with_mask(without, without, empty), "empty_row", "no cell has a value"
        )

    def ignore(self, mask: pa.Array, name: str, because: str) -> None:
        """Report values of an optional column that are left out; their rows stay."""
        if pc.any(mask).as_py():
            self._ignored.append((mask, self._explanations(name, f"{because}; it is left out")))

    def _explanations(self, name: str, because: str) -> pa.Array:
        """For each row the value of our column `name`, and what is wrong with it."""
        try:
            column = self.text(name, False)
        except UnposedError:
            column = pa.array([str(self.column(name).type)] * self._batch.num_rows)
        shown = pc.utf8_slice_codeunits(pc.fill_null(column, ""), 0, 80)
        shown = pc.replace_substring_regex(shown, r"[\x00-\x1f\x7f]", "?")
        shown = pc.replace_substring_regex(shown, r"://[^/]*@", "://")
        named = pa.scalar(f'{self._columns.get(name, name)} "')
        return pc.binary_join_element_wise(named, shown, pa.scalar(f'" {because}'), "")

    def reject(self, mask: pa.Array, reason: str, detail: str, because: str = "") -> None:
        """Set the rows of `mask` aside, unless they already are.

        With `because`, `detail` is our name of the column whose value is shown.
        """
        if not pc.any(mask).as_py():
            return
        text: Any = (
            self._explanations(detail, because) if because else pa.scalar(detail, pa.string())
        )
        mask = pc.and_(mask, pc.is_null(self._reason))
        self._reason = pc.if_else(mask, pa.scalar(reason), self._reason)
        self._detail = pc.if_else(mask, text, self._detail)

    def split(
        self, accepted: list[pa.Array], schema: pa.Schema, key: pa.Array
    ) -> tuple[pa.RecordBatch, pa.RecordBatch]:
        """The rows that were not rejected, as `schema`, and the others as `REJECTS`; among those
        are also, as `ignored_value`, the values that were left out of accepted rows.
        """
        place = [self._place(item.name, item.type) for item in schema if item.name in PLACE]
        good = pc.is_null(self._reason)
        rows = pa.RecordBatch.from_arrays([*accepted, *place], schema=schema).filter(good)
        parts = [self._rejected(pc.invert(good), self._reason, self._detail, key)]
        for ignored, detail in self._ignored:
            mask = pc.and_(ignored, good)
            if pc.any(mask).as_py():
                reason = pa.array(["ignored_value"] * len(mask), pa.string())
                parts.append(self._rejected(mask, reason, detail, key))
        return rows, pa.Table.from_batches(parts).combine_chunks().to_batches()[0] if len(
            parts
        ) > 1 else parts[0]

    def _rejected(
        self, rows: pa.Array, reason: pa.Array, detail: pa.Array, key: pa.Array
    ) -> pa.RecordBatch:
        place = [self._place(FILE, pa.int32()), self._place(ROW, pa.int64())]
        number = pc.cast(place[1], pa.string())
        where = pc.binary_join_element_wise(
            pa.scalar(f"{self._uri} row "), pc.fill_null(number, "?"), pa.scalar(": "), ""
        )
        detail = pc.binary_join_element_wise(where, pc.fill_null(detail, ""), "")
        rejects = [pc.filter(item, rows) for item in (key, reason, detail)]
        text = pa.array(_as_json(self._batch.filter(rows)), pa.string())
        source = pa.array([self._source] * len(text), pa.string())
        return pa.RecordBatch.from_arrays(
            [source, *rejects, text, *(pc.filter(item, rows) for item in place)], schema=REJECTS
        )

    def _place(self, name: str, kind: pa.DataType) -> pa.Array:
        if name in self._batch.schema.names:
            return self._batch.column(name)
        if name == ROW:
            return pa.array(range(1, self._batch.num_rows + 1), kind)
        return pa.array([int(name == PART)] * self._batch.num_rows, kind)


def resolve(
    columns: Sequence[str],
    mapping: Mapping[str, str],
    required: Sequence[str],
    known: Sequence[str],
    where: tuple[str, str],
    *,
    lenient: bool = False,
) -> dict[str, str]:
    """Our name = the source's, for each of the `known` columns that the source has.

    `mapping` is the configured one, `where` the source and the section of the settings. A value
    may be put together from several columns (``image_uri = "{product_id}/{image_id}"``, and
    ``{article_id:3}`` is its first three characters), or have alternatives: of
    ``"item_group_id | id"`` each row has the first that there is. A column mapped to "" is one
    that the source does not have.

    Raises UnposedError for a required or configured column that the source lacks; `lenient`, of
    the configured ones only for required ones.
    """
    uri, section = storage.shown(where[0]), where[1]
    refuse_unknown(mapping, known, section)
    wanted = {name: theirs for name in known if (theirs := mapping.get(name, name))}
    specs = {name: _alternatives(theirs, columns) for name, theirs in wanted.items()}
    needed = {*required, *(() if lenient else mapping)}
    absent = [name for name in wanted if name in needed and not specs[name]]
    absent += [name for name in required if name not in wanted]
    if absent:
        lacking = [
            part
            for name in absent
            for one in wanted.get(name, name).split(_OR)
            for part in _parts(one)
            if part not in columns
        ]
        named = ", ".join(dict.fromkeys(lacking))
        keys = ", ".join(f'{name} = "..."' for name in absent)
        raise UnposedError(
            f"{uri} has no column {named}; it has: {', '.join(columns)}. "
            f"Name the right one: [{section}] {keys}"
        )
    for name in (part for spec in specs.values() for one in spec for part in _parts(one, columns)):
        if list(columns).count(name) > 1:
            raise UnposedError(f"{uri} has the column {name} more than once")
    return {ours: _OR.join(spec) for ours, spec in specs.items() if spec}


def refuse_unknown(mapping: Mapping[str, str], known: Sequence[str], section: str) -> None:
    """Raise UnposedError for a mapped name that is none of ours, with the nearest that is."""
    for name in mapping:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(known)}"
            raise UnposedError(f"[{section}] {name}: no such column of a catalogue; {hint}")


def _alternatives(theirs: str, columns: Sequence[str]) -> list[str]:
    """Of the alternatives of a mapping those that the source has the columns of."""
    if theirs in columns:
        return [theirs]
    return [one for one in theirs.split(_OR) if set(_parts(one, columns)) <= set(columns)]


def _parts(theirs: str, columns: Sequence[str] = ()) -> list[str]:
    """The source's columns that one of ours is made of: itself, or those that a pattern names."""
    named = [] if theirs in columns else [name for name, _ in _NAMED.findall(theirs)]
    return named or [theirs]


def own_columns(batch: pa.RecordBatch) -> list[str]:
    """The columns that are the source's own, without those that reading added."""
    return [name for name in batch.schema.names if name not in PLACE]


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
