"""A full disk, a folder that is read-only, damaged files: one line, and no day is harmed.

Processes of their own, since a limit and a user stay for the life of a process.
"""

from __future__ import annotations

import functools
import logging
import multiprocessing
import os
import resource
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import boto3
import pytest
from fault_points import READERS, audit, by_file, by_query, kept
from warehouse_samples import DAY, NEXT, landmark_rows, publish_day, settings

from unposed_jobs import machine
from unposed_jobs.cli import main
from unposed_jobs.errors import UnposedError
from unposed_jobs.sql import published, views
from unposed_jobs.warehouse import Warehouse

CLEAR = ("warehouse", "clear-day", "--date", str(NEXT), "--reason", "M. Rossi: a test")
LONG = os.environ.get("UNPOSED_FAULTS") == "long"
NOBODY = 65534


@pytest.fixture(scope="module")
def place():
    """A folder, which everybody may read, with two published days and settings."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "home"
        Path(name).chmod(0o755)
        audit(folder, "earlier", ["a"], DAY)
        audit(folder, "later", ["a", "b"], NEXT)
        chosen = settings(folder)
        (folder / "unposed.toml").write_text(
            f'[warehouse]\nuri = "{chosen.uri}"\nlocation = "{chosen.location}"\n'
            f'views = "{chosen.views}"\nbuckets = {chosen.buckets}\n'
        )
        yield folder


def _limit_files():
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))


def _become_nobody():
    os.setgid(NOBODY)
    os.setuid(NOBODY)


def _child(prepare, arguments, out):
    errors = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
    os.dup2(errors, 1)
    os.dup2(errors, 2)
    sys.stderr, sys.stdout = os.fdopen(2, "w"), os.fdopen(1, "w", closefd=False)
    logging.disable(logging.WARNING)  # Another test's handlers, such as Airflow's, are here, too.
    prepare()
    code = main(arguments)
    sys.stderr.flush()
    os._exit(code)


def ends(place, prepare, *arguments):
    """Exit status and what is printed of a command in a process that is prepared so."""
    told = [*arguments, "--config", str(place / "unposed.toml")]
    out = place.parent / "said"
    # What is imported late could not be, by nobody.
    assert main(["warehouse", "freshness", "--max-age", "99999d", *told[-2:]]) == 0
    process = multiprocessing.get_context("fork").Process(target=_child, args=(prepare, told, out))
    process.start()
    process.join(120)
    return process.exitcode, out.read_text()


def one_line(status, said):
    assert status == 6, said
    assert said.startswith("unposed: ")
    assert said.count("\n") == 1
    assert "; " in said


@pytest.mark.parametrize(
    "prepare",
    [
        _limit_files,
        pytest.param(
            _become_nobody, marks=pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
        ),
    ],
)
def test_a_disk_that_takes_nothing_harms_no_day(place, prepare, record_property):
    before = by_query(place), by_file(place)
    with kept(place):
        status, said = ends(place, prepare, *CLEAR)
        one_line(status, said)
        assert (by_query(place), by_file(place)) == before
    record_property("tried", f"{prepare.__name__.strip('_')}: {said.strip()[:90]}...; lost: 0")


@pytest.fixture
def small_disk(tmp_path):
    """A file system of its own with few bytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("needs to mount a disk")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(file, left):
    """Fill the disk with a file, but for so many bytes."""
    there = os.statvfs(file.parent)
    file.write_bytes(bytes(max(0, there.f_bavail * there.f_frsize - left)))


def line_of(do):
    """What is said of how it ended; None where it did what it should."""
    try:
        with machine.errors():
            do()
    except UnposedError as error:
        return str(error)
    return None


def test_a_disk_that_fills_up_harms_no_day(small_disk, record_property):
    """By a day's run, which it stops sooner or later; with room again it goes on."""
    folder, filler = small_disk / "home", small_disk / "filler"
    again = functools.partial(audit, folder, "after", ["a", "b", "c"])
    audit(folder, "earlier", ["a"], DAY)
    audit(folder, "before", ["a", "b"])
    before = {reader: reader(folder) for reader in READERS}
    with kept(folder):
        again()
        after = {reader: reader(folder) for reader in READERS}
    lines = []
    for left in (0, *(16 * 1.6**number for number in range(16))) if LONG else (170,):
        with kept(folder):
            fill(filler, int(left * 1024))
            line = line_of(again)
            filler.unlink()
            for reader in READERS:
                assert reader(folder) in (before[reader], after[reader]), (left, line, reader)
            if line is None:
                break
            assert "\n" not in line
            assert "; " in line
            again()
            assert {reader: reader(folder) for reader in READERS} == after, (left, line)
            lines.append(line)
    assert lines
    record_property(
        "tried",
        f"a disk that was full after more and more bytes, {len(lines)} times, such as: "
        f"{lines[-1][:90]}...; days that mixed runs: 0, lost: 0",
    )


QUERY = "SELECT product_id FROM {} WHERE run_date = DATE '{}' ORDER BY ALL"


def damage(folder, name, run_date, whole=False):
    """Spoil the ends of that day's files, or with `whole` what is in them; one of their paths."""
    day = {"run_date": run_date} if run_date else None
    for path in Warehouse.open(settings(folder)).planned_files(name, day):
        file = Path(path.removeprefix("file://"))
        data = file.read_bytes()
        half = len(data) // 2
        spoiled = bytes(half) + data[half:] if whole else data[:-4] + b"????"
        file.write_bytes(spoiled)
    return file


def told(capsys, place, sql):
    """Status, output and errors of a query."""
    capsys.readouterr()
    status = main(["query", "--config", str(place / "unposed.toml"), "--format", "csv", sql])
    return (status, *capsys.readouterr())


@pytest.mark.parametrize("whole", [False, True])
def test_a_damaged_data_file_is_named_and_holds_up_no_other_day(
    place, capsys, record_property, whole
):
    """Of the first day, which each query of all days would open first."""
    with kept(place):
        file = damage(place, "product_audit", DAY, whole)
        every = "SELECT DISTINCT product_id FROM product_audit ORDER BY 1"
        status, rows, said = told(capsys, place, every)
        assert rows == "product_id\na\nb\n"
        one_line(status, said)
        assert str(file) in said
        assert f"clear-day --date {DAY}" in said
        audit(place, "new", ["a", "c"], third := NEXT.replace(day=NEXT.day + 1))
        for run_date, products in ((NEXT, "a\nb\n"), (third, "a\nc\n"), (DAY, "")):
            _, rows, _ = told(capsys, place, QUERY.format("product_audit", run_date))
            assert rows == f"product_id\n{products}", run_date
        assert main(["warehouse", "maintain", "--apply", "--config", f"{place}/unposed.toml"]) == 0
        # What docs/runbooks/exit-6-machine.md says to do.
        clear = ("clear-day", "--date", str(DAY), "--reason", "M. Rossi: a test")
        assert main(["warehouse", *clear, "--config", str(place / "unposed.toml")]) == 0
        assert told(capsys, place, every) == (0, "product_id\na\nb\nc\n", "")
    where = "in its middle" if whole else "at its end"
    record_property("tried", f"Parquet damaged {where}: {said.strip()[:90]}...; other days read")


def test_a_damaged_file_in_a_bucket_is_named_too(aws, tmp_path):
    s3 = boto3.session.Session().client("s3")
    s3.create_bucket(Bucket="damaged")
    where = settings(tmp_path, location="s3://damaged/tables")
    warehouse = Warehouse.open(where)
    publish_day(warehouse, DAY, ["a"], "r1")
    publish_day(warehouse, NEXT, ["b"], "r2")
    (path,) = warehouse.planned_files("product_audit", {"run_date": DAY})
    key = path.removeprefix("s3://damaged/")
    data = s3.get_object(Bucket="damaged", Key=key)["Body"].read()
    s3.put_object(Bucket="damaged", Key=key, Body=data[:-4] + b"????")
    sql = "SELECT product_id FROM product_audit"
    with published.ask(where, sql) as (rows, damaged):
        assert rows.fetchall() == [("b",)]
    assert [one.path for one in damaged] == [path]


def test_a_damaged_file_of_landmarks_is_one_line(place, capsys):
    with kept(place):
        warehouse = Warehouse.open(settings(place))
        staged = warehouse.stage("landmarks", "r").write(landmark_rows(["a" * 64]))
        warehouse.append("landmarks", staged, "r", "1")
        views.publish(warehouse)
        file = damage(place, "landmarks", None)
        status, _, said = told(capsys, place, "SELECT count(*) FROM landmarks")
        one_line(status, said)
        assert str(file) in said
        assert told(capsys, place, "SELECT count(*) AS n FROM product_audit")[:2] == (0, "n\n3\n")


def test_damaged_metadata_is_one_line(place, capsys, record_property):
    with kept(place):
        table = Warehouse.open(settings(place)).table("runs")
        file = Path(table.metadata_location.removeprefix("file://"))
        file.write_bytes(file.read_bytes()[:100])
        capsys.readouterr()
        status = main(["runs", "--config", str(place / "unposed.toml")])
        said = capsys.readouterr().err
        assert (status in (2, 6), said.count("\n")) == (True, 1), said
    record_property("tried", f"damaged metadata: {said.strip()[:90]}...")
    with kept(place):
        (place / "state" / "catalog.db").write_bytes(b"SQLite format 3\0" + bytes(range(256)) * 40)
        status = main(["runs", "--config", str(place / "unposed.toml")])
        said = capsys.readouterr().err
        assert (status in (2, 6), said.count("\n")) == (True, 1), said
    record_property("tried", f"damaged database: {said.strip()[:90]}...")
