"""Columns of any type to the catalogue's types; what cannot be read is refused, not guessed.

Each function takes a source column and returns (values, bad): `bad` marks rows that hold a value
that is none of the wanted kind; a row without a value is null and not bad. Text counts as no
value where it is empty, ``NULL``, ``null`` or ``\\N`` (databases' exports), and where a number or a
time is wanted also where it is a word for that (data frames, spreadsheets).
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from unposed_jobs.catalogue.utf8 import valid_line
from unposed_jobs.config import MISSING_WORDS

NOTHING = ("nan", "NaN", "None", "#N/A", "<NA>", "NaT")
"""Words of `MISSING_WORDS` that are no value as an id, either."""
_NO_VALUE = ("", "NULL", "null", "\\N")
_UTC = pa.timestamp("us", tz="UTC")
_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?$"
_MARKS = "[, '\u00a0\u202f\u2019]"
"""What groups digits by thousands. A point may as well be a decimal one (12.000)."""
_GROUPED = rf"^[+-]?\d{{1,3}}({_MARKS}\d{{3}})+$"
_NO_TIME = r"(?i)^([+-]?infinity|0000-00-00.*|0001-01-01.*|00000000\d*|0)$"
"""Never, for ever, and the zero dates of MySQL, .NET and Go."""
_EPOCHS = ((r"^\d{9,10}(\.\d*)?$", 6), (r"^\d{12,13}(\.0*)?$", 3), (r"^\d{15,16}(\.0*)?$", 0))
"""Seconds, milliseconds and microseconds since 1970, and the digits to microseconds."""
_FORMS = (
    (r"(?i) ?([+-]\d{2}:?\d{2}) (UTC|GMT|Z)$", r"\1"),
    (r"(?i) ?(UTC|GMT)$", "Z"),
    (r"(:\d{2}(?:\.\d+)?) ?([+-]\d{2})$", r"\1\2:00"),  # PostgreSQL, DuckDB
    (r"^(\d{4}-\d{2}-\d{2}) ?(Z|[+-]\d{2}(:?\d{2})?)$", r"\1"),
    (r"^((?:19|20)\d{2})(\d{2})(\d{2})(?:\.0*)?$", r"\1-\2-\3"),
    (
        r"^((?:19|20)\d{2})(\d{2})(\d{2})[T ]?(\d{2}):?(\d{2}):?(\d{2})",
        r"\1-\2-\3T\4:\5:\6",
    ),
    (r"^(\d{4})/(\d{2})/(\d{2})", r"\1-\2-\3"),
    (r"^(\d{2})\.(\d{2})\.(\d{4})", r"\3-\2-\1"),
)
"""Times as databases and spreadsheets write them, to ISO 8601, one after the other."""
_DATE = r"^[1-9]\d{3}-\d{2}-\d{2}"
_TIME = r"([T ]([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,9})?)? ?(Z|[+-]([01]\d|2[0-3]):?[0-5]\d)?)?$"
Column = tuple[pa.Array, pa.Array]


def plain(column: pa.Array) -> pa.Array:
    """The column in one of Arrow's basic types: no dictionary, run-end, view or extension type.

    Fixed binary is text where it is written as such, a UUID where it has 16 bytes, else hex.
    """
    kind = column.type
    if isinstance(kind, pa.BaseExtensionType):
        column, kind = column.storage, column.type.storage_type
    if pa.types.is_run_end_encoded(kind):
        return plain(pc.run_end_decode(column))
    if pa.types.is_dictionary(kind):
        return plain(column.dictionary_decode())
    if pa.types.is_string_view(kind):
        return pc.cast(column, pa.large_string())
    if pa.types.is_binary_view(kind):
        return pc.cast(column, pa.large_binary())
    if pa.types.is_fixed_size_binary(kind):
        return pa.array([_fixed(raw) for raw in column.to_pylist()], pa.string())
    return column


def _fixed(raw: bytes | None) -> str | None:
    if raw is None:
        return None
    bare = raw.rstrip(b"\0 ")
    if bare and all(32 < byte < 127 for byte in bare):
        return bare.decode("ascii")
    return str(uuid.UUID(bytes=raw)) if len(raw) == 16 else raw.hex()


def text(column: pa.Array, normalize: bool = True, missing: Sequence[str] = ()) -> pa.Array:
    """The column as trimmed text, null where it has no value; `missing` are further words for it.

    `normalize` brings it to Unicode's NFC, so that an id typed on a Mac equals its twin;
    addresses are left as they are, since storages compare bytes.
    """
    column = plain(column)
    if pa.types.is_floating(column.type):
        # Whole numbers that a data frame made floating for the sake of its missing values.
        column = pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)
        whole = pc.and_(pc.equal(pc.floor(column), column), pc.less(pc.abs(column), 2.0**53))
        integers = pc.cast(pc.if_else(whole, column, pa.scalar(None, column.type)), pa.int64())
        column = pc.coalesce(pc.cast(integers, pa.string()), pc.cast(column, pa.string()))
    elif pa.types.is_decimal(column.type):
        column = pc.replace_substring_regex(pc.cast(column, pa.string()), r"\.0+$", "")
    elif pa.types.is_binary(column.type) or pa.types.is_large_binary(column.type):
        column = _decoded(column)
    found = pc.utf8_trim_whitespace(pc.cast(column, pa.string()))
    formula = pc.starts_with(found, '="')
    if pc.any(formula).as_py():  # What a spreadsheet is made to take for text.
        found = pc.replace_substring_regex(found, r'^="([^"]*)"$', r"\1")
    if normalize:
        found = pc.utf8_normalize(found, form="NFC")
    nothing = pa.array([*_NO_VALUE, *missing], pa.string())
    return pc.if_else(pc.is_in(found, nothing), pa.scalar(None, pa.string()), found)


def levels(column: pa.Array) -> pa.Array:
    """Categories that are lists of their levels (a list column, or JSON), as one text each:
    ``Clothing > Tops``. Other columns as they are.
    """
    column = plain(column)
    kind = column.type
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return pa.array([_joined(value) for value in column.to_pylist()], pa.string())
    if not pa.types.is_string(kind) and not pa.types.is_large_string(kind):
        return column
    listed = _known(pc.match_substring_regex(column, r"(?s)^\s*\[.*\]\s*$"))
    if not pc.any(listed).as_py():
        return column
    found = [_joined(_from_json(text)) for text in column.filter(listed).to_pylist()]
    return pc.replace_with_mask(column, listed, pa.array(found, kind))


def _joined(value: Any) -> str | None:
    if isinstance(value, list):
        return " > ".join(filter(None, (_joined(part) for part in value))) or None
    return None if value is None else str(value).strip()


def _from_json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def number(column: pa.Array, low: float | None = None, high: float | None = None) -> Column:
    """float64, finite, from `low` to `high`; NaN is no value.

    Text may have a decimal comma (4,5), and where it has both marks the first one groups.
    """
    column = plain(column)
    if _is_numeric(column.type):
        values = pc.cast(column, pa.float64())
        values = pc.if_else(pc.is_nan(values), pa.scalar(None, pa.float64()), values)
        bad = pa.array([False] * len(column))
    else:
        found = text(column, missing=MISSING_WORDS)
        if pc.any(pc.match_substring(found, ",")).as_py():
            found = pc.replace_substring_regex(found, r"^([+-]?\d+),(\d+)$", r"\1.\2")
            both = pc.match_substring_regex(found, r"^[+-]?\d{1,3}(\.\d{3})+,\d+$")
            german = pc.replace_substring(pc.replace_substring(found, ".", ""), ",", ".")
            found = pc.if_else(both, german, found)
            both = pc.match_substring_regex(found, r"^[+-]?\d{1,3}(,\d{3})+\.\d+$")
            found = pc.if_else(both, pc.replace_substring(found, ",", ""), found)
        values, bad = _matching(found, _NUMBER, pa.float64())
    bad = pc.or_(bad, _known(pc.invert(pc.is_finite(values))))
    if low is not None:
        bad = pc.or_(bad, _known(pc.less(values, low)))
    if high is not None:
        bad = pc.or_(bad, _known(pc.greater(values, high)))
    return pc.if_else(bad, pa.scalar(None, pa.float64()), values), bad


def count(column: pa.Array, kind: pa.DataType | None = None) -> Column:
    """A whole number from 0 of the integer type `kind` (int64).

    Text may be grouped (1,234 or 1 234 or 1'234) or end in .0.
    """
    kind = kind or pa.int64()
    largest = 2 ** (kind.bit_width - 1) - 1
    column = plain(column)
    if pa.types.is_integer(column.type):
        wide = pa.types.is_uint64(column.type)  # has no common integer type with the limits
        limits = pc.cast(column, pa.decimal128(20)) if wide else column
        bad = _known(pc.or_(pc.less(limits, 0), pc.greater(limits, largest)))
        whole = pc.if_else(bad, pa.scalar(None, column.type), column)
    elif _is_numeric(column.type):
        values, bad = number(column, 0, min(largest, 2**53))
        bad = pc.or_(bad, _known(pc.not_equal(values, pc.floor(values))))
        whole = pc.if_else(bad, pa.scalar(None, pa.float64()), values)
    else:
        found = text(column, missing=MISSING_WORDS)
        grouped = pc.match_substring_regex(found, _GROUPED)
        found = pc.if_else(grouped, pc.replace_substring_regex(found, _MARKS, ""), found)
        found = pc.replace_substring_regex(found, r"^\+|[.,]0*$", "")
        whole, bad = _matching(found, r"^\d{1,18}$", pa.int64())
        bad = pc.or_(bad, _known(pc.greater(whole, largest)))
        whole = pc.if_else(bad, pa.scalar(None, pa.int64()), whole)
    return pc.cast(whole, kind), bad


def moment(column: pa.Array) -> Column:
    """timestamp[us, UTC] of a date or time; without a zone it is UTC's.

    Text and numbers are read as ISO 8601, as databases write it (``+00``, `` UTC``), as 20240509,
    as 2024/05/09 or 09.05.2024, and as seconds, milliseconds or microseconds since 1970. Infinity
    and zero dates are no value.
    """
    column = plain(column)
    kind = column.type
    if pa.types.is_timestamp(kind):
        if kind.tz is None:
            column = pc.cast(column, pa.timestamp(kind.unit, tz="UTC"))
        return pc.cast(column, _UTC, safe=False), pa.array([False] * len(column))
    if pa.types.is_date(kind):
        return pc.cast(pc.cast(column, pa.timestamp("us")), _UTC), pa.array([False] * len(column))
    # Days repeat in a list: each is read once.
    each = text(column, missing=MISSING_WORDS).dictionary_encode()
    values, bad = _moments(each.dictionary)
    return values.take(each.indices), pc.fill_null(bad.take(each.indices), False)


def _moments(found: pa.Array) -> Column:
    values, bad = _iso(found)
    if not pc.any(bad).as_py():
        return values, bad
    nothing = pa.scalar(None, pa.string())
    odd = pc.if_else(bad, found, nothing)
    odd = pc.if_else(_known(pc.match_substring_regex(odd, _NO_TIME)), nothing, odd)
    since_1970 = [_epoch(odd, *form) for form in _EPOCHS]
    for pattern, form in _FORMS:
        odd = pc.replace_substring_regex(odd, pattern, form)
    again, still = _iso(odd)
    values = pc.coalesce(values, again, *since_1970)
    return values, pc.and_(still, pc.is_null(values))


def _epoch(found: pa.Array, pattern: str, digits: int) -> pa.Array:
    good = _known(pc.match_substring_regex(found, pattern))
    numbers = pc.cast(pc.if_else(good, found, pa.scalar(None, pa.string())), pa.float64())
    micros = pc.round(pc.multiply(numbers, float(10**digits)))
    return pc.cast(pc.cast(micros, pa.int64()), _UTC)


def _iso(found: pa.Array) -> Column:
    shaped = _known(pc.match_substring_regex(found, _DATE + _TIME))
    day = pc.if_else(shaped, pc.utf8_slice_codeunits(found, 0, 10), pa.scalar(None, pa.string()))
    # strptime takes 30 February for 2 March: only a day that comes out as it went in is one.
    parsed = pc.strptime(day, format="%Y-%m-%d", unit="s", error_is_null=True)
    good = pc.and_(shaped, _known(pc.equal(pc.strftime(parsed, format="%Y-%m-%d"), day)))
    bad = pc.and_(pc.is_valid(found), pc.invert(good))
    found = pc.if_else(good, found, pa.scalar(None, pa.string()))
    found = pc.replace_substring_regex(found, r"(\.\d{6})\d+", r"\1")
    found = pc.replace_substring_regex(found, r" ?(Z|[+-]\d{2}:?\d{2})$", r"\1")
    zoned = _known(pc.match_substring_regex(found, r":\d{2}.*(Z|[+-]\d{2}:?\d{2})$"))
    nothing = pa.scalar(None, pa.string())
    with_zone = pc.cast(pc.if_else(zoned, found, nothing), _UTC)
    without = pc.cast(pc.if_else(zoned, nothing, found), pa.timestamp("us"))
    return pc.coalesce(with_zone, pc.cast(without, _UTC)), bad


def day(column: pa.Array) -> Column:
    """date32, in UTC, of what `moment` reads."""
    column = plain(column)
    if pa.types.is_date(column.type):
        return pc.cast(column, pa.date32()), pa.array([False] * len(column))
    values, bad = moment(column)
    return pc.cast(pc.floor_temporal(values, unit="day"), pa.date32()), bad


def _matching(found: pa.Array, pattern: str, kind: pa.DataType) -> Column:
    good = _known(pc.match_substring_regex(found, pattern))
    bad = pc.and_(pc.is_valid(found), pc.invert(good))
    return pc.cast(pc.if_else(good, found, pa.scalar(None, pa.string())), kind), bad


def _is_numeric(kind: pa.DataType) -> bool:
    return pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)


def _decoded(column: pa.Array) -> pa.Array:
    try:
        return pc.cast(column, pa.string())
    except pa.ArrowInvalid:
        values = [None if raw is None else valid_line(raw).decode() for raw in column.to_pylist()]
        return pa.array(values, pa.string())


def _known(mask: pa.Array) -> pa.Array:
    """A mask whose unknowns are false: a missing value breaks no rule."""
    return pc.fill_null(mask, False)
