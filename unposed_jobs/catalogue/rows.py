"""A batch of source rows on its way to the catalogue's columns: what every source needs of it.

Columns by our names (`resolve`), addresses made absolute (`absolute`), and rows set aside with a
reason (`Rows`).
"""

from __future__ import annotations

import difflib
import json
import math
import posixpath
import re
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from unposed_jobs import storage
from unposed_jobs.catalogue import values
from unposed_jobs.catalogue.delimited import MALFORMED, PROBLEM
from unposed_jobs.catalogue.schemas import FILE, REJECTS, ROW
from unposed_jobs.catalogue.sources import PLACE
from unposed_jobs.errors import UnposedError

_NAMED = re.compile(r"\{([^{}]+)\}")


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

    def column(self, name: str) -> pa.Array:
        """The source's column, null throughout where it has none."""
        if name in self._columns and self._columns[name] not in self._batch.schema.names:
            return self._composed(self._columns[name])
        if name not in self._columns:
            return pa.nulls(self._batch.num_rows, pa.string())
        return self._batch.column(self._columns[name])

    def _composed(self, pattern: str) -> pa.Array:
        """A pattern of columns, row by row; null where one of them has no value."""
        pieces = [
            values.text(self._batch.column(piece), False) if odd % 2 else pa.scalar(piece)
            for odd, piece in enumerate(_NAMED.split(pattern))
        ]
        return pc.binary_join_element_wise(*pieces, "")

    def text(self, name: str, normalize: bool = True) -> pa.Array:
        """The column as trimmed text (`values.text`); raises UnposedError where it is neither
        text nor numbers.
        """
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
        """The rows that were not rejected, as `schema`, and the others as `REJECTS`."""
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


def resolve(
    columns: Sequence[str],
    mapping: Mapping[str, str],
    required: Sequence[str],
    known: Sequence[str],
    where: tuple[str, str],
) -> dict[str, str]:
    """Our name = the source's, for each of the `known` columns that the source has.

    `mapping` is the configured one, `where` the source and the section of the settings. The
    address may be put together from several columns: ``image_uri = "{product_id}/{image_id}"``.

    Raises UnposedError for a required or configured column that the source lacks.
    """
    uri, section = storage.shown(where[0]), where[1]
    refuse_unknown(mapping, known, section)
    found = {name: mapping.get(name, name) for name in known}
    parts = {name: _parts(name, found[name], columns) for name in known}
    absent = [
        name
        for name in known
        if not set(parts[name]) <= set(columns) and (name in required or name in mapping)
    ]
    if absent:
        lacking = [part for name in absent for part in parts[name] if part not in columns]
        wanted = ", ".join(dict.fromkeys(lacking))
        keys = ", ".join(f'{name} = "..."' for name in absent)
        raise UnposedError(
            f"{uri} has no column {wanted}; it has: {', '.join(columns)}. "
            f"Name the right one: [{section}] {keys}"
        )
    for name in (part for theirs in parts.values() for part in theirs):
        if list(columns).count(name) > 1:
            raise UnposedError(f"{uri} has the column {name} more than once")
    return {ours: theirs for ours, theirs in found.items() if set(parts[ours]) <= set(columns)}


def refuse_unknown(mapping: Mapping[str, str], known: Sequence[str], section: str) -> None:
    """Raise UnposedError for a mapped name that is none of ours, with the nearest that is."""
    for name in mapping:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(known)}"
            raise UnposedError(f"[{section}] {name}: no such column of a catalogue; {hint}")


def _parts(name: str, theirs: str, columns: Sequence[str]) -> list[str]:
    """The source's columns that one of ours is made of: itself, or those that a pattern names."""
    inside = _NAMED.findall(theirs) if name == "image_uri" and theirs not in columns else []
    return inside or [theirs]


def own_columns(batch: pa.RecordBatch) -> list[str]:
    """The columns that are the source's own, without those that reading added."""
    return [name for name in batch.schema.names if name not in PLACE]


def absolute(address: pa.Array, root: str) -> tuple[pa.Array, pa.Array, pa.Array]:
    """Relative addresses made absolute, which of all can be no address, and which of the relative
    ones lie outside of `root`.
    """
    inside = pa.repeat(pa.scalar(False), len(address))
    bad = pc.match_substring_regex(address, r"[\x00-\x1f\x7f]")
    bad = pc.or_(bad, pc.match_substring_regex(address, r"(?i)^[a-z][a-z0-9+.-]*:/*$"))
    bad = pc.or_(bad, pc.match_substring_regex(address, r"(?i)^s3://(/|[^/]*@|[^/]*/?$)"))
    bad = pc.or_(bad, pc.match_substring_regex(address, r"(?i)^file:([^/]|//[^/])"))
    bad = pc.and_(bad, pc.invert(pc.match_substring_regex(address, r"(?i)^file://localhost/")))
    bad = pc.fill_null(bad, False)
    scheme = r"(?i)^(/|[a-z][a-z0-9+.-]*://|(file|data|javascript|blob|about):)"
    relative = pc.fill_null(pc.invert(pc.match_substring_regex(address, scheme)), False)
    if not pc.any(relative).as_py():
        return address, bad, inside
    if not root:
        return address, pc.or_(bad, relative), inside
    base = root
    if storage.scheme(root) == "file":
        base = str(storage.local_path(root).absolute())
    tail = pc.replace_substring_regex(address, r"^(\./)+", "")
    joined = pc.binary_join_element_wise(pa.scalar(base.rstrip("/")), tail, "/")
    dotted = pc.match_substring_regex(address, r"(^|/)\.\.?(/|$)")
    dotted = pc.and_(relative, pc.fill_null(dotted, False))
    outside = inside
    if pc.any(dotted).as_py() and storage.scheme(base) in ("file", "s3"):
        resolved = [_join(base, item) for item in address.filter(dotted).to_pylist()]
        nowhere = pa.array([item is None for item in resolved])
        bad = pc.or_(bad, pc.replace_with_mask(bad, dotted, nowhere))
        top = (posixpath.normpath(base) if base.startswith("/") else base).rstrip("/") + "/"
        left = pa.array([not (item or top).startswith(top) for item in resolved])
        outside = pc.replace_with_mask(inside, dotted, left)
        joined = pc.replace_with_mask(joined, dotted, pa.array(resolved, pa.string()))
    return pc.if_else(relative, joined, address), bad, outside


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
