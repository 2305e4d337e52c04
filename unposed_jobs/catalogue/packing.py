"""Several texts of a row as one, on their way through Spark: it handles each value by itself.

In Spark's rows each item of a list has a place of its own and is padded, and is copied, kept and
handed to Python by itself; one text is one value. The texts are joined by ASCII's unit separator;
its record separator is the escape. Hardly any text holds either.
"""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

_BETWEEN, _ESCAPE = "\x1f", "\x1e"
_NONE = f"{_ESCAPE}0"
_ESCAPED = ((_ESCAPE, f"{_ESCAPE}1"), (_BETWEEN, f"{_ESCAPE}2"))
"""In this order, and taken back in the other."""


def pack(columns: Sequence[pa.Array]) -> pa.Array:
    """One text for each row of W columns (N,) of text, at least one; values may be null."""
    return pc.binary_join_element_wise(*(_escaped(column) for column in columns), _BETWEEN)


def unpack(packed: pa.Array) -> pa.Array:
    """The values of (N,) texts of `pack`, (N W,), row by row; rows that are null have none."""
    values = pc.list_flatten(pc.split_pattern(packed, _BETWEEN))
    values = pc.if_else(pc.equal(values, _NONE), pa.scalar(None, pa.string()), values)
    if pc.any(pc.match_substring(values, _ESCAPE)).as_py():
        for plain, escaped in reversed(_ESCAPED):
            values = pc.replace_substring(values, escaped, plain)
    return values


def _escaped(column: pa.Array) -> pa.Array:
    for plain, escaped in _ESCAPED:
        if pc.any(pc.match_substring(column, plain)).as_py():
            column = pc.replace_substring(column, plain, escaped)
    return pc.fill_null(column, _NONE)
