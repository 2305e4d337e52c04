"""What the machine did is one line with a remedy; what we did keeps its stack trace."""

from __future__ import annotations

import errno
import json
import os
import sqlite3

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sqlalchemy.exc import OperationalError

from unposed_jobs import machine
from unposed_jobs.errors import MachineError, UnposedError


def of(code, name="/data/x"):
    return OSError(code, os.strerror(code), name)


Spark = type("PySparkException", (Exception,), {})

CASES = [
    (of(errno.ENOSPC), "/data/x: No space left on device; free some space"),
    (of(errno.EROFS), "Read-only file system; mount it writable"),
    (of(errno.EACCES), "Permission denied; mount it writable"),
    (OSError("[Errno 28] Error writing bytes to file. Detail: No space left on device"), "full"),
    (
        OperationalError("s", {}, sqlite3.OperationalError("database or disk is full")),
        "disk is full",
    ),
    (sqlite3.OperationalError("attempt to write a readonly database"), "cannot be written"),
    (sqlite3.DatabaseError("database disk image is malformed"), "database is damaged"),
    (
        pa.ArrowInvalid("Could not open Parquet input: Parquet magic bytes not found in footer"),
        "damaged",
    ),
    (json.JSONDecodeError("Expecting value", "", 0), "metadata is damaged"),
    (MemoryError(), "memory ran out"),
    (
        Spark("Job aborted\n  SparkException: Python worker exited unexpectedly (crashed)"),
        "a worker died",
    ),
    (
        Spark(
            "Traceback\n  File x\nOSError: [Errno 28] No space left on device: '/tmp/x'\nat java"
        ),
        "full (OSError: [Errno 28]",
    ),
    (duckdb.IOException("IO Error: No such file or directory"), "a file is gone"),
]


@pytest.mark.parametrize(("error", "line"), CASES, ids=lambda value: type(value).__name__)
def test_one_line_with_a_remedy(error, line):
    with pytest.raises(MachineError) as caught, machine.errors():
        raise error
    told = str(caught.value)
    assert line in told
    assert "\n" not in told
    assert "; " in told
    assert caught.value.exit_code == 6


@pytest.mark.parametrize(
    "error",
    [KeyError("x"), ValueError("damaged footer"), AttributeError("No space left on device")],
)
def test_a_defect_of_ours_stays_one(error):
    with pytest.raises(type(error)), machine.errors():
        raise error


def test_a_refusal_stays_what_it_is_and_a_cause_is_found():
    with pytest.raises(UnposedError, match="a mistake") as caught, machine.errors():
        raise UnposedError("a mistake") from of(errno.ENOSPC)
    assert caught.value.exit_code == 2
    with pytest.raises(MachineError, match="No space"), machine.errors():
        raise RuntimeError("writing failed") from of(errno.ENOSPC)


def test_a_damaged_parquet_file(tmp_path):
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"a": [1, 2]}), path)
    path.write_bytes(path.read_bytes()[:-8] + b"damaged!")
    with pytest.raises(MachineError, match="damaged"), machine.errors():
        pq.read_table(path)
