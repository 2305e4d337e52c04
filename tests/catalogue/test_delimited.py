from __future__ import annotations

import gzip
import io

import pyarrow as pa
import pytest

from unposed_jobs.catalogue import delimited, sources
from unposed_jobs.catalogue.delimited import MALFORMED, PROBLEM
from unposed_jobs.catalogue.schemas import ROW
from unposed_jobs.errors import UnposedError


def read(data: bytes, batch_rows: int = 1000) -> tuple[list[tuple], list[tuple]]:
    """(row number, own values...) of the good rows, (row number, text) of the malformed ones."""
    table = pa.Table.from_batches(delimited.read(io.BytesIO(data), "/x.csv", batch_rows))
    rows = table.to_pylist()
    own = [name for name in table.column_names if name not in (ROW, MALFORMED, PROBLEM)]
    good = [(r[ROW], *(r[n] for n in own)) for r in rows if r[MALFORMED] is None]
    return good, [(r[ROW], r[MALFORMED]) for r in rows if r[MALFORMED] is not None]


def test_values_stay_text():
    good, bad = read(b"id,n\r\n007, 1.50 \r\nNULL,\r\n")
    assert good == [(2, "007", " 1.50 "), (3, "NULL", "")]
    assert bad == []


@pytest.mark.parametrize(
    "data",
    [
        "\ufeffid,é\n1,ü\n".encode(),
        "id,é\n1,ü\n".encode("utf-16"),
        "id,é\n1,ü\n".encode("latin-1"),
        gzip.compress("id;é\r\n1;ü\r\n".encode(), mtime=0),
        "sep=|\nid|é\n1|ü\n".encode(),
        b"id\t\xc3\xa9\n1\t\xfc\n",  # UTF-8 and Windows-1252 mixed
        "\n id , é \n\n1,ü".encode(),
    ],
)
def test_encodings_and_delimiters(data):
    (batch, *_) = delimited.read(io.BytesIO(data), "/x.csv", 10)
    assert batch.schema.names[:2] == ["id", "é"]
    assert batch.column("é").to_pylist() == ["ü"]


def test_windows_1252_only_where_a_line_is_no_utf8():
    good, _ = read("id\né\n".encode() + b"\x80uro\n\x81\n")
    assert [value for _, value in good] == ["é", "€uro", "\x81"]


def test_quoted_values_may_hold_lines_quotes_and_delimiters():
    good, bad = read(b'id,text,n\n1,"a\nb, ""c""\r\n",2\n3,15" wide,4\n')
    assert good == [(2, "1", 'a\nb, "c"\r\n', "2"), (3, "3", '15" wide', "4")]
    assert bad == []


def test_ragged_lines_keep_their_text_and_number():
    good, bad = read(b"a,b\n1,2\n3\n\n4,5\n6,7,8\n\xe9\n9,9\n")
    assert good == [(2, "1", "2"), (4, "4", "5"), (7, "9", "9")]
    assert bad == [(3, "3"), (5, "6,7,8"), (6, "é")]


def test_numbers_stay_right_over_many_blocks(monkeypatch):
    monkeypatch.setattr(delimited, "_BLOCK", 32)
    lines = [f"{i},x" if i % 7 else f"{i}" for i in range(2, 200)]
    good, bad = read(("a,b\n" + "\n".join(lines) + "\n").encode(), batch_rows=3)
    assert [(str(number)) for number, *_ in good] == [value for _, value, _ in good]
    assert [(str(number)) for number, _ in bad] == [text for _, text in bad]
    assert len(good) + len(bad) == 198


@pytest.mark.parametrize(
    "data", [b'a,b\n1,2\n3,"x', b'a,b\n1,2\n3,"x\n', b'a,b\n1,2\n3,"', b'a,b\n1,2\n3,"x ""y\n']
)
def test_a_quote_that_the_end_of_the_file_cuts(data):
    good, bad = read(data)
    assert good == [(2, "1", "2")]
    assert [number for number, _ in bad] == [3]


@pytest.mark.parametrize("data", [b'a,b\n3,"x"', b'a,b\n3,""\n', b'a,b\n3,x""\n', b'a,b\n3,5"\n'])
def test_a_last_value_that_is_whole(data):
    good, bad = read(data)
    assert (len(good), bad) == (1, [])


def test_each_line_that_a_stray_quote_swallows_is_told():
    good, bad = read(b'id,t,n\n1,"Shirt,5\n2,"Dress",4\n3,"fine, ""x""\nmore",2\n')
    assert [value for _, value, *_ in good] == ["3"]
    assert len(bad) == 2
    good, bad = read(b'a,b\n1,2\n3,"x\n4,5\n6,7\n')
    assert good == [(2, "1", "2")]
    assert [text for _, text in bad] == ["3,x", "4,5", "6,7"]


def test_a_header_alone_is_a_file_without_rows():
    for data in (b"a,b\n", b"a,b"):
        (batch,) = delimited.read(io.BytesIO(data), "/x.csv", 10)
        assert batch.schema.names[:2] == ["a", "b"]
        assert batch.num_rows == 0


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "is empty; a catalogue without rows still needs its header"),
        (b"\n\n", "is empty"),
        (b"\xef\xbb\xbf", "is empty"),
        (gzip.compress(b"a,b\n1,2\n" * 1000, mtime=0)[:-20], "cut short or damaged"),
        (b"\x1f\x8b nonsense", "cut short or damaged"),
    ],
)
def test_files_that_cannot_be_read_at_all(data, told):
    with pytest.raises(UnposedError, match=told) as caught:
        list(delimited.read(io.BytesIO(data), "/x.csv", 10))
    assert str(caught.value).startswith("/x.csv")
    assert "\n" not in str(caught.value)


def test_a_row_that_never_ends(monkeypatch):
    monkeypatch.setattr(delimited, "_BLOCK", 64)
    with pytest.raises(UnposedError, match=r"after row 2 .* quote that is never closed"):
        list(delimited.read(io.BytesIO(b'a,b\n1,"' + b"x\n" * 100), "/x.csv", 10))


def test_short_rows_and_surplus_empty_cells_are_rows():
    good, bad = read(b'a,b,c\n1,2\n3,"x\ny"\n4,5,6,\n7,8,9,"", \n1,2,3,4\n   \n')
    assert sorted(good) == [
        (2, "1", "2", ""),
        (3, "3", "x\ny", ""),
        (4, "4", "5", "6"),
        (5, "7", "8", "9"),
        (7, "   ", "", ""),
    ]
    assert bad == [(6, "1,2,3,4")]


def test_short_rows_of_one_that_a_line_end_broke_are_told():
    good, bad = read(b"id,title,n,m\n1,a b,2,3\n2,Red\ndress,5,6\n3,x,4\n4,y\n5,z,1\n")
    assert [row[1] for row in good] == ["1", "3", "4", "5"]
    assert [text for _, text in bad] == ["2,Red", "dress,5,6"]


def test_short_rows_over_many_blocks(monkeypatch):
    monkeypatch.setattr(delimited, "_BLOCK", 64)
    lines = [f"{i},x,y" if i % 3 else f"{i},x" for i in range(2, 300)]
    good, bad = read(("a,b,c\n" + "\n".join(lines) + "\n").encode(), batch_rows=7)
    assert bad == []
    assert sorted(good) == [(i, str(i), "x", "y" if i % 3 else "") for i in range(2, 300)]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b'id,t\n1,"Heel 5\\" red, suede"\n2,"x"\n', ['Heel 5" red, suede', "x"]),
        (b'id,t\n1,"a \\"nice\\" tee"\n', ['a "nice" tee']),
        (b'id,t\n1,"C:\\dir\\"\n2,"D:\\"\n', ["C:\\dir\\", "D:\\"]),
        (b'id,t\n1,C:\\dir\\a.jpg\n2,5\\" wide\n', ["C:\\dir\\a.jpg", '5\\" wide']),
        (b'id,t\n1,"say ""hi"""\n', ['say "hi"']),
    ],
)
def test_quotes_escaped_by_a_backslash_where_the_file_reads_better_so(data, expected):
    good, bad = read(data)
    assert ([value for *_, value in good], bad) == (expected, [])


WANTED = [frozenset({"id", "n"})]


@pytest.mark.parametrize(
    ("text", "header", "delimiter"),
    [
        ("Export of 31 January,,\n\nid,t,n\n1,x,2\n", 3, ","),
        ("sep=;\nid;t;n\n1;x;2\n", 2, ";"),
        ("Shop | Export\nid;t;n\n1;x;2\n", 2, ";"),
        ("\nid,t,n\n1,x,2\n", 2, ","),
        ('"id","t","n"\n1,x,2\n', 1, ","),
        ("other,t,names\n1,x,2\n", 1, ","),
    ],
)
def test_the_header_is_the_line_with_the_columns_that_are_looked_for(text, header, delimiter):
    data = text.encode()
    found, _ = delimited.detect(io.BytesIO(data), "/x.csv", delimited.Dialect(), WANTED)
    assert (found.header_line, found.delimiter) == (header, delimiter)
    batches = delimited.read(io.BytesIO(data), "/x.csv", 10, found)
    rows = pa.Table.from_batches(batches).to_pylist()
    assert [list(row.values())[:3] for row in rows] == [["1", "x", "2"]]


CYRILLIC = "id,t\n" + "1,Платье красное летнее с коротким рукавом\n2,Рубашка мужская белая\n" * 9
JAPANESE = "id,t\n" + "1,赤いドレスとシャツ、夏のコレクション\n2,白い靴\n" * 9


@pytest.mark.parametrize(
    ("text", "written", "named"),
    [
        ("id,t\n1,ü\n", "utf-16-le", ""),
        ("id,t\n1,ü\n", "utf-16-be", ""),
        (CYRILLIC, "cp1251", ""),
        (JAPANESE, "cp932", "cp932"),
        ("id,t\n1,ñandú y sueño, no\n".replace(", no", ""), "cp1252", ""),
        ("id,t\n1,Größe für Mädchen\n", "latin-1", ""),
        ("id,t\n1,Łódź\n", "cp1250", "cp1250"),
        ("id,t\n1,é\n", "mac_roman", "mac_roman"),
    ],
)
def test_encodings_named_or_told_by_the_file(text, written, named):
    data = text.encode(written)
    found, told = delimited.detect(io.BytesIO(data), "/x.csv", delimited.Dialect(encoding=named))
    assert bool(told) == (not named and not written.startswith("utf"))
    table = pa.Table.from_batches(delimited.read(io.BytesIO(data), "/x.csv", 10, found))
    assert table["t"].to_pylist() == [line.split(",")[1] for line in text.split("\n")[1:-1]]


def test_an_encoding_that_is_none_or_another():
    with pytest.raises(UnposedError, match="there is no encoding klingon"):
        delimited.detect(io.BytesIO(b"a\n"), "/x.csv", delimited.Dialect(encoding="klingon"))
    with pytest.raises(UnposedError, match=r"x.csv: .*\[catalogue\] encoding names the right one"):
        delimited.detect(io.BytesIO(b"a\n\xff\n"), "/x.csv", delimited.Dialect(encoding="utf-8"))


def test_a_backslash_that_escapes_late_in_a_file_is_noticed(tmp_path):
    plain = "".join(f"{n},plain text {'of a product ' * 9}{n},1\n" for n in range(25_000))
    path = tmp_path / "x.csv"
    path.write_text(f'id,title,n\n{plain}a,"a \\"b\\", c",2\nb,"\\"",3\n')
    (file,) = sources.plan(str(path))
    assert file.dialect.escaped is None
    rows = [row for batch in sources.read(file) for row in batch.to_pylist()]
    assert len(rows) == 25_002
    assert [(row["title"], row["n"]) for row in rows[-2:]] == [('a "b", c', "2"), ('"', "3")]
    path.write_text(f'id,title,n\n{plain}a,"C:\\",2\nb,"12\\",3\n')
    (file,) = sources.plan(str(path))
    rows = [row for batch in sources.read(file) for row in batch.to_pylist()]
    assert [(row["title"], row["n"]) for row in rows[-2:]] == [("C:\\", "2"), ("12\\", "3")]


def test_a_value_with_lines_quotes_and_delimiters_is_one_where_its_quotes_are_doubled(tmp_path):
    body = '<p class="a">One, two\nthree, "four"</p>'
    quoted = body.replace('"', '""')
    path = tmp_path / "x.csv"
    path.write_text(f'body,id\n"{quoted}",1\n"{quoted}",2\n')
    (file,) = sources.plan(str(path))
    rows = [row for batch in sources.read(file) for row in batch.to_pylist()]
    assert [(row["body"], row["id"]) for row in rows] == [(body, "1"), (body, "2")]
