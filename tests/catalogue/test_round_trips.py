"""Random tables, written in every format and dialect, come back as the same rows.

``UNPOSED_EXAMPLES=1000`` tries so many other ones.
"""

from __future__ import annotations

import csv
import datetime
import decimal
import gzip
import json
import math
import os
import tempfile
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import workbook
from deltalake import write_deltalake
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from unposed_jobs.catalogue import sources
from unposed_jobs.catalogue.delimited import MALFORMED, Dialect

EXAMPLES = os.environ.get("UNPOSED_EXAMPLES")
bounded = settings(
    max_examples=int(EXAMPLES or 25),
    derandomize=EXAMPLES is None,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
ENCODINGS = (
    "utf-8",
    "utf-8-sig",
    "utf-16",
    "utf-16-le",
    "cp1252",
    "cp1251",
    "shift_jis",
    "gb18030",
)
SIGNS = "\"'\\,;|\t\n[{<&>= é€я日本😀"
"""What writers and readers stumble over."""
names = st.lists(
    st.from_regex(r"[a-z][a-z0-9_ ,;|\"&.-]{0,9}[a-z0-9]", fullmatch=True),
    min_size=2,
    max_size=5,
    unique=True,
)


def texts(alphabet=SIGNS + "ab01", encoding="utf-8", **size):
    known = "".join(
        sign for sign in alphabet if sign == sign.encode(encoding, "ignore").decode(encoding)
    )
    return st.text(known, max_size=12, **size)


def tables(cells, columns=names, most=12):
    """(column names, rows)."""
    return columns.flatmap(
        lambda chosen: st.tuples(
            st.just(chosen),
            st.lists(st.tuples(*[cells] * len(chosen)), max_size=most),
        )
    )


def read(path, batch_rows=5, **reading):
    """The rows that are read, and those that come out malformed."""
    good, bad = [], []
    for file in sources.plan(str(path), reading=sources.Reading(**reading)):
        for batch in sources.read(file, batch_rows):
            for row in batch.to_pylist():
                (good if row[MALFORMED] is None else bad).append(row)
    return good, bad


def held(rows, columns):
    return [tuple(row[name] for name in columns) for row in rows]


@pytest.fixture(scope="module")
def folder():
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


@st.composite
def delimited(draw):
    """(encoding to name, text's encoding, dialect of Python's writer, columns, rows)."""
    encoding = draw(st.sampled_from(ENCODINGS))
    escaped = draw(st.booleans())
    alphabet = (SIGNS + "ab01").replace("\\", "") if escaped else SIGNS + "ab01"
    dialect = {
        "delimiter": draw(st.sampled_from(",;\t|")),
        "quoting": draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
        if not escaped
        else csv.QUOTE_ALL,  # As Spark, MySQL and PHP; Python would leave \" without quotes.
        "lineterminator": draw(st.sampled_from(["\n", "\r\n"])),
        "doublequote": not escaped,
        "escapechar": "\\" if escaped else None,
    }
    cells = texts(alphabet, encoding.removesuffix("-sig"))
    columns, rows = draw(
        tables(
            cells,
            names.map(lambda all: [n.replace('"', "") for n in all]).filter(
                lambda all: len(set(all)) == len(all)
            ),
        )
    )
    told = draw(st.booleans()) or encoding not in ("utf-8", "utf-8-sig", "utf-16")
    return (encoding if told else ""), encoding, dialect, columns, rows


@bounded
@given(delimited(), st.booleans())
def test_delimited_text(folder, made, zipped):
    told, encoding, dialect, columns, rows = made
    path = folder / ("x.csv.gz" if zipped else "x.csv")
    with (gzip.open if zipped else open)(path, "wt", newline="", encoding=encoding) as file:
        csv.writer(file, **dialect).writerows([columns, *rows])
    good, bad = read(path, dialect=Dialect(encoding=told))
    path.unlink()
    assert bad == []
    # A line of nothing but white space may be no row, and such a row is no row for the catalogue.
    full = [row for row in rows if "".join(row).strip()]
    assert [row for row in held(good, columns) if "".join(row).strip()] == full


KEPT = {"\t": "&#9;", "\n": "&#10;"}
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | texts(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts(), inner, max_size=3),
    max_leaves=4,
)


@bounded
@given(tables(values), st.booleans())
def test_lines_of_json(folder, made, plain):
    columns, rows = made
    path = folder / "x.jsonl"
    lines = [json.dumps(dict(zip(columns, row, strict=True)), ensure_ascii=plain) for row in rows]
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    good, bad = read(path)
    assert bad == []
    assert len(good) == len(rows)
    for found, row in zip(held(good, columns) if rows else [], rows, strict=True):
        for one, value in zip(found, row, strict=True):
            if value is None or isinstance(value, str):
                assert one == value
            else:
                assert json.loads(one) == value


@bounded
@given(
    tables(
        texts(),
        st.lists(
            st.from_regex(r"[a-z][a-z0-9_.]{0,8}", fullmatch=True),
            min_size=1,
            max_size=4,
            unique=True,
        ).filter(lambda all: not {"item", "entry", "product", "offer", "row", "record"} & set(all)),
    ),
    st.booleans(),
)
def test_feeds_of_xml(folder, made, attributes):
    columns, rows = made
    items = []
    for row in rows:
        pairs = list(zip(columns, row, strict=True))
        if attributes:
            told = " ".join(f"{name}={quoteattr(value, KEPT)}" for name, value in pairs)
            items.append(f"<item {told}/>")
        else:
            items.append(f"<item>{''.join(f'<{n}>{escape(v)}</{n}>' for n, v in pairs)}</item>")
    path = folder / "x.xml"
    path.write_text(f"<?xml version='1.0'?><rss><channel>{''.join(items)}</channel></rss>", "utf-8")
    good, bad = read(path)
    assert bad == []
    assert held(good, columns if rows else ()) == rows


DAYS = st.dates(datetime.date(1900, 3, 1), datetime.date(2199, 12, 31))
MOMENTS = st.datetimes(datetime.datetime(1900, 3, 1), datetime.datetime(2199, 12, 31)).map(
    lambda moment: moment.replace(microsecond=0)
)
numbers = st.integers(-(10**14), 10**14) | st.floats(-1e9, 1e9, allow_subnormal=False)
cells = st.none() | st.booleans() | DAYS | MOMENTS | numbers | texts()


def as_seen(value):
    """What a person reads in a cell."""
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime.datetime):
        return str(value if value.time() != datetime.time() else value.date())
    if isinstance(value, float):
        return f"{value:.0f}" if value == math.floor(value) else repr(value)
    return str(value)


@bounded
@given(tables(cells), st.booleans())
def test_sheets(folder, made, shared):
    columns, rows = made
    path = workbook.write(folder / "x.xlsx", {"S": [columns, *rows]}, shared=shared)
    good, _ = read(path)
    full = [tuple(map(as_seen, row)) for row in rows]
    found = held(good, columns)
    while full and not any(full[-1]):  # A sheet ends with its last cell.
        full.pop()
    while found and not any(found[-1]):
        found.pop()
    assert found == full


KINDS = {
    pa.string(): texts(),
    pa.large_string(): texts(),
    pa.int32(): st.integers(-(2**31), 2**31 - 1),
    pa.int64(): st.integers(-(2**63), 2**63 - 1),
    pa.float64(): st.floats(allow_nan=False),
    pa.bool_(): st.booleans(),
    pa.date32(): DAYS,
    pa.timestamp("us", tz="UTC"): MOMENTS.map(lambda at: at.replace(tzinfo=datetime.UTC)),
    pa.decimal128(12, 2): st.integers(-(10**9), 10**9).map(lambda n: decimal.Decimal(n) / 100),
    pa.list_(pa.string()): st.lists(texts(), max_size=3),
    pa.dictionary(pa.int32(), pa.string()): texts(),
    pa.binary(): st.binary(max_size=5),
}


@st.composite
def typed(draw, kinds):
    """An Arrow table; the first column counts its rows."""
    columns = draw(
        st.lists(
            st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True),
            min_size=1,
            max_size=5,
            unique=True,
        )
    )
    size = draw(st.integers(0, 12))
    arrays = [pa.array(range(size), pa.int64())]
    for _ in columns:
        kind = draw(st.sampled_from(kinds))
        held = draw(st.lists(st.none() | KINDS[kind], min_size=size, max_size=size))
        if pa.types.is_dictionary(kind):
            arrays.append(pa.array(held, kind.value_type).dictionary_encode())
        else:
            arrays.append(pa.array(held, kind))
    return pa.table(arrays, names=["_n", *columns])


@bounded
@given(typed(list(KINDS)), st.integers(1, 5), st.sampled_from(["snappy", "zstd", "gzip", "none"]))
def test_parquet(folder, table, group, codec):
    pq.write_table(table, folder / "x.parquet", row_group_size=group, compression=codec)
    good, _ = read(folder / "x.parquet")
    assert held(good, table.schema.names) == held(table.to_pylist(), table.schema.names)


DELTA = [
    kind
    for kind in KINDS
    if not pa.types.is_dictionary(kind) and not pa.types.is_large_string(kind)
]


@settings(bounded, max_examples=bounded.max_examples // 2)
@given(typed(DELTA), typed(DELTA), st.sampled_from(["", "text", "number"]))
def test_delta_tables(folder, table, later, partition):
    with tempfile.TemporaryDirectory(dir=folder) as name:
        root = f"{name}/t"
        if partition:
            some = [None, "a b", "x=y/é%", "z"] if partition == "text" else [None, 1, 2, -3]
            part = pa.array(
                [some[n % 4] for n in range(len(table))],
                pa.string() if partition == "text" else pa.int64(),
            )
            table = table.append_column("_part", part)
            part = pa.array(["q" if partition == "text" else 9] * len(later), part.type)
            later = later.append_column("_part", part)
        common = [field.name for field in later.schema if field.name not in table.schema.names]
        later = later.select(["_n", *common, *(["_part"] if partition else [])])
        by = ["_part"] if partition else None
        write_deltalake(root, table, partition_by=by)
        write_deltalake(root, later, mode="append", schema_mode="merge", partition_by=by)
        good, _ = read(root)
    expected = pa.concat_tables([table, later], promote_options="default").to_pylist()
    columns = [*table.schema.names, *common]
    if partition:
        for row in expected:
            row["_part"] = None if row["_part"] is None else str(row["_part"])
    key = repr
    assert sorted(held(good, columns), key=key) == sorted(held(expected, columns), key=key)


ICEBERG = [kind for kind in KINDS if not pa.types.is_dictionary(kind)]


@pytest.fixture(scope="module")
def iceberg(tmp_path_factory):
    from pyiceberg.catalog import load_catalog

    from unposed_jobs.config import WarehouseSettings
    from unposed_jobs.warehouse.opening import CATALOG, catalog_properties

    root = tmp_path_factory.mktemp("iceberg")
    place = WarehouseSettings(uri=f"sqlite:///{root}/catalog.db", location=f"{root}/warehouse")
    catalog = load_catalog(CATALOG, **catalog_properties(place))
    catalog.create_namespace("shop")
    return place, catalog


@settings(bounded, max_examples=bounded.max_examples // 2)
@given(typed(ICEBERG), typed(ICEBERG), st.integers(0, 12))
def test_iceberg_tables(iceberg, table, later, gone):
    """With columns that came later, and rows that are deleted."""
    place, catalog = iceberg
    made = catalog.create_table("shop.t", table.schema)
    try:
        made.append(table)
        common = [field.name for field in later.schema if field.name not in table.schema.names]
        later = later.select(["_n", *common])
        with made.update_schema() as update:
            update.union_by_name(later.schema)
        made.append(later)
        made.delete(f"_n == {gone}")
        good = [
            row
            for file in sources.plan("iceberg:shop.t", place)
            for batch in sources.read(file, 5)
            for row in batch.to_pylist()
        ]
    finally:
        catalog.drop_table("shop.t")
    expected = pa.concat_tables([table, later], promote_options="default").to_pylist()
    expected = [row for row in expected if row["_n"] != gone]
    columns = [*table.schema.names, *common]
    assert sorted(held(good, columns), key=repr) == sorted(held(expected, columns), key=repr)
