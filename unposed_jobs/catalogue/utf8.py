"""A file of text as UTF-8, whatever it was written in.

Plain or gzip; UTF-8 (with or without a mark), UTF-16 (recognised by a mark, or by its zero bytes),
or a named encoding. A line that is no UTF-8 is read as Windows-1252, a superset of Latin-1, unless
the beginning of the file is in an encoding of another script.
"""

from __future__ import annotations

import codecs
import gzip
import io
import re
import zlib
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, cast

import pyarrow as pa

from unposed_jobs.errors import UnposedError
from unposed_jobs.storage import shown

_TAIL = 1024 * 1024
_CHUNK = 1024 * 1024
BROKEN = (EOFError, zlib.error, OSError, UnicodeError)
"""What reading from a `Utf8` may raise besides UnposedError."""
ESCAPED = b'\\"'
_RECENT = 24 * 1024 * 1024
"""Bytes that were read last and can be read again: some blocks of a reader's."""
_GUESSED = ("cp1251", "cp1253", "koi8_r", "koi8_u")
"""Encodings that are separated from Windows-1252, by the letters of another script; those of East
Asia are too much like one another to guess."""


def explain(error: Exception, uri: str) -> str:
    """One line for what reading raised, among others one of `BROKEN`."""
    reason = (str(error) or type(error).__name__).splitlines()[0]
    if isinstance(error, EOFError | zlib.error | gzip.BadGzipFile):
        return f"{shown(uri)} is a gzip file that is cut short or damaged: {reason}"
    if isinstance(error, UnicodeError):
        return f"{shown(uri)}: {reason}; [catalogue] encoding names the right one"
    return f"cannot read {shown(uri)}: {reason}"


class Utf8(io.RawIOBase):
    """A file of text as UTF-8, gzip and other encodings undone, its end remembered.

    Raises UnposedError for an encoding that there is not.
    """

    def __init__(self, file: BinaryIO, uri: str, encoding: str = "") -> None:
        self.encoding = encoding
        """What the text was written in, as named or detected by its beginning; "": UTF-8."""
        self.mixed = False
        """Whether a line of what was read so far is no UTF-8 and was taken for Windows-1252."""
        self._doubling: bool | None = False
        self._decide: Callable[[bytes], bool] = lambda sample: False
        self._recent: deque[bytes] | None = None
        try:
            codecs.lookup(encoding or "utf-8")
        except LookupError:
            raise UnposedError(f"[catalogue] encoding: there is no encoding {encoding}") from None
        buffered: Any = file if hasattr(file, "peek") else io.BufferedReader(cast(Any, file))
        if buffered.peek(2)[:2] == b"\x1f\x8b":
            buffered = gzip.GzipFile(fileobj=buffered)
        self._uri = uri
        self._tail = b""
        self._chunks = _ended(self._decoded(buffered))
        self._ready = b""

    def _decoded(self, file: Any) -> Iterator[bytes]:
        start = file.read(_CHUNK)
        self.encoding = self.encoding or _detect(start)
        if self.encoding:
            decoder = codecs.getincrementaldecoder(self.encoding)()
            mark, rest = "\ufeff", b""
            while start:
                # Cut at a line end, as below: no line is decoded in two pieces.
                rest += decoder.decode(start).removeprefix(mark).encode()
                cut = rest.rfind(b"\n") + 1
                yield rest[:cut]
                rest, start, mark = rest[cut:], file.read(_CHUNK), ""
            yield rest + decoder.decode(b"", final=True).encode()
            return
        rest = start.removeprefix(codecs.BOM_UTF8)
        while True:
            more = file.read(_CHUNK)
            # Cut at a line end: the encoding is decided line by line.
            cut = rest.rfind(b"\n") + 1 if more else len(rest)
            if cut:
                yield self._valid(rest[:cut])
            if not more:
                return
            rest = rest[cut:] + more

    def _valid(self, data: bytes) -> bytes:
        try:
            data.decode()
        except UnicodeDecodeError:
            self.mixed = True
            return b"".join(map(valid_line, data.splitlines(keepends=True)))
        return data

    def begin(self, size: int) -> bytes:
        """The first `size` bytes or somewhat more, which stay to be read."""
        try:
            while len(self._ready) < size and (chunk := next(self._chunks, None)) is not None:
                self._ready += chunk
        except BROKEN as error:
            raise UnposedError(explain(error, self._uri)) from None
        return self._ready

    def lines(self, count: int) -> list[str]:
        """The first lines, at most `count`, which stay to be read."""
        size = _CHUNK
        while self.begin(size).count(b"\n") < count and len(self._ready) >= size:
            size *= 2
            if size > 16 * _CHUNK:
                break
        found = self._ready[: 16 * _CHUNK].split(b"\n", count)[:count]
        return [line.decode(errors="replace").strip("\r") for line in found]

    def drop_lines(self, count: int) -> None:
        """Leave the first lines out."""
        for _ in range(count):
            self._ready = self._ready.partition(b"\n")[2]

    def double_escaped_quotes(self, decide: Callable[[bytes], bool] | None = None) -> None:
        """Read ``\\"`` as ``""`` from here on; with `decide`, if the lines where the first one
        comes say so.
        """
        self._doubling = None if decide else True
        self._decide = decide or self._decide
        self._ready = self._undone(self._ready)

    def _undone(self, lines: bytes) -> bytes:
        if self._doubling is None and ESCAPED in lines:
            self._doubling = self._decide(lines)
        return doubled(lines) if self._doubling else lines

    def remember(self) -> None:
        """Keep what is read from here on for `recent`."""
        self._recent = deque()

    def recent(self) -> bytes:
        """What was read last, quotes doubled: some blocks of rows, once it is remembered."""
        return b"".join(self._recent or ())

    def readable(self) -> bool:
        """True: it is read, as `io.RawIOBase` has it."""
        return True

    def read(self, size: int = -1) -> bytes:
        """The next `size` bytes, less at the end; all that are left where it is negative."""
        parts: list[bytes] = []
        while size:  # whole blocks: a row may not be longer than one
            if not self._ready:
                self._ready = next(self._chunks, b"")
                if not self._ready:
                    break
                self._ready = self._undone(self._ready)
            part = self._ready if size < 0 else self._ready[:size]
            self._ready = self._ready[len(part) :]
            size -= len(part) if size > 0 else 0
            parts.append(part)
        data = b"".join(parts)
        self._tail = (self._tail + data)[-_TAIL:]
        if self._recent is not None:
            self._recent.append(data)
            while sum(map(len, self._recent)) > _RECENT + len(data):
                self._recent.popleft()
        return data

    def ends_inside_quotes(self, last: pa.RecordBatch, delimiter: str) -> bool:
        """Whether the file ended within the quoted last value of its last row, as a cut one does:
        its text then ends with the opening quote and the value, without the closing one.
        """
        if not last.num_rows:
            return False
        value = last.columns[-1][-1].as_py()
        return len(value) + 2 > _TAIL or cut_in_quotes(self._tail, value, delimiter)


def cut_in_quotes(tail: bytes, value: str, delimiter: str) -> bool:
    """Whether a text's end is an opening quote and its last value, without the closing quote."""
    tail = tail.rstrip(b"\r\n")
    text = b'"' + value.rstrip("\r\n").replace('"', '""').encode()
    before = tail.removesuffix(text)
    return before != tail and before[-1:] in (delimiter.encode(), b"\n", b"\r", b"")


def _ended(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """End the last line: Arrow takes a file of one unended line for an empty one."""
    last = b"\n"
    for chunk in chunks:
        if chunk:
            yield chunk
            last = chunk[-1:]
    if last not in (b"\n", b"\r"):
        yield b"\n"


def _detect(start: bytes) -> str:
    """The encoding detected in the beginning of a file; "" for UTF-8, maybe with other lines."""
    if start[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        return "utf-16"
    head = start[:4096]
    for encoding, zeros in (("utf-16-le", head[1::2]), ("utf-16-be", head[::2])):
        if len(zeros) > 4 and zeros.count(0) > len(zeros) // 2:
            return encoding
    odd = [line for line in start[:262_144].split(b"\n")[:-1] or [start] if not line.isascii()]
    wrong = [line for line in odd if not _is_utf8(line)]
    if len(wrong) <= len(odd) // 2:
        return ""
    from charset_normalizer import from_bytes

    guess = from_bytes(b"\n".join(wrong)[:65_536]).best()
    found = guess.encoding if guess and guess.encoding in _GUESSED else ""
    try:
        start[: start.rfind(b"\n") + 1].decode(found or "latin-1")
    except UnicodeDecodeError:
        return ""
    return found


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def doubled(data: bytes) -> bytes:
    """Text whose quotes are escaped by a backslash, with doubled quotes instead."""
    return re.sub(rb'(?<!\\)((?:\\\\)*)\\"', rb'\1""', data)


def valid_line(line: bytes) -> bytes:
    """The bytes as UTF-8: as they are, else read as Windows-1252, else as Latin-1."""
    for encoding in ("utf-8", "cp1252"):
        try:
            return line.decode(encoding).encode()
        except UnicodeDecodeError:
            continue
    return line.decode("latin-1").encode()
