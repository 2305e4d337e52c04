"""A user's mistake ends as one line that says what to do, and with an exit status; no trace.

Those that can be told without Spark are told before it starts: here it would fail the test.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from unposed_jobs import cli, config
from unposed_jobs.distributed import session

ROOT = Path(__file__).parents[2]
PRODUCTS = "product_id,category,average_rating,rating_count\np1,Tops,4.5,10\n"
START = session.session
IMAGES = "product_id,image_uri\np1,a.jpg\n"


@pytest.fixture
def place(tmp_path, monkeypatch, pose_weights):
    """An empty working folder and home, and a good catalogue of one product."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("UNPOSED_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("UNPOSED_CONFIG", raising=False)
    for name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")

    def started(name):
        raise AssertionError("Spark was started")

    monkeypatch.setattr(session, "session", started)
    (tmp_path / "products.csv").write_text(PRODUCTS)
    (tmp_path / "images.csv").write_text(IMAGES)
    return tmp_path


@pytest.fixture
def told(capsys):
    """Run the command; the one line that it says and its exit status."""

    def run(*arguments: str) -> tuple[int, str]:
        try:
            status = cli.main(list(arguments))
        except SystemExit as left:
            status = int(left.code or 0)
        lines = [line for line in capsys.readouterr().err.splitlines() if line.strip()]
        assert len(lines) == 1, lines
        assert lines[0].startswith("unposed: ")
        return status, lines[0]

    return run


CATALOGUE = ("--products", "products.csv", "--images", "images.csv")

FLAGS = {
    "unknown command": (("adit",), "invalid choice: 'adit'"),
    "no day": (("audit", "--date", "2026-02-30"), "'2026-02-30' is not a day like"),
    "limit 0": (("extract", "--limit", "0"), "'0' is not a whole number from 1 up"),
    "no number": (("train", "--top-k", "many"), "invalid int value"),
    "gallery of 0": (("report", "--limit", "0"), "from 1 up"),
    "sample's day": (("sample-catalogue", "--out", "x", "--day", "soon"), "is not a day like"),
    "no config": (("audit", "--config", "nope.toml"), "no configuration file nope.toml"),
    "config is a folder": (("audit", "--config", "."), "cannot read .: Is a directory"),
    "few products": (("train", "--top-k", "0"), "top_k must be 3 or more, not 0"),
    "negative classes": (("train", "--clusters", "-1"), "clusters must be 0 or more"),
}


@pytest.mark.parametrize(("arguments", "line"), FLAGS.values(), ids=FLAGS.keys())
def test_flags(place, told, arguments, line):
    status, said = told(*arguments)
    assert status == 2
    assert line in said


SETTINGS = {
    "[catalogue": "cannot read unposed.toml",
    "[catalog]\n": "unknown section: catalog; did you mean catalogue?",
    "[catalogue]\nproduct = 'x'": "did you mean products?",
    "catalogue = 'x'": "[catalogue] must be a section",
    "[training]\ntop_k = 'many'": "top_k must be a whole number, not 'many'",
    "[pose]\nerror_budget = 5": "[pose] error_budget must be from 0 to 1, not 5",
    "[pose]\nchunk_size = 0": "[pose] chunk_size must be 1 or more",
    "[training]\ncluster_range = [9, 3]": "the smaller first",
    "[pose]\nestimator = 'openpose'": "unknown pose estimator 'openpose'; known: blazepose-full",
    "[warehouse]\nlocation = 'hdfs://x'": "hdfs:// is not supported",
    "[warehouse]\nuri = 'nonsense'": "check [warehouse]",
    "[catalogue]\ncohort_attributes = ['categry']": "has no column categry",
    "[catalogue.product_columns]\naverage_ratng = 'x'": "did you mean average_rating?",
}


@pytest.mark.parametrize(("text", "line"), SETTINGS.items())
def test_settings(place, told, text, line):
    (place / "unposed.toml").write_text(text)
    status, said = told("extract", *CATALOGUE)
    assert status == 2
    assert line in said


SOURCES = {
    "missing": ("nope.csv", None, "nope.csv; check [catalogue] products and images"),
    "empty": ("empty.csv", "", "still needs its header line"),
    "no parquet": ("junk.parquet", "junk", "is not a Parquet file"),
    "no sheet": ("sheet.xlsx", "x", "is not an Excel workbook"),
    "columns": ("few.csv", "product_id,category\n", "has no column average_rating, rating_count"),
    "web": ("https://example.com/p.csv", None, "use a path, file:// or s3://"),
    "s3a": ("s3a://bucket/p.csv", None, "with s3://"),
    "no credentials": ("s3://bucket/p.csv", None, "no AWS credentials; set AWS_PROFILE"),
}


@pytest.mark.parametrize(("name", "text", "line"), SOURCES.values(), ids=SOURCES.keys())
def test_catalogue(place, told, name, text, line):
    if text is not None:
        (place / name).write_text(text)
    status, said = told("train", "--products", name, "--images", "images.csv")
    assert status == 2
    assert line in said


def test_an_audit_without_a_model_looks_at_no_picture(place, told):
    assert told("audit", *CATALOGUE) == (2, "unposed: no model is promoted yet; run: unposed train")


def test_weights(place, told, monkeypatch, pose_weights):
    monkeypatch.setenv("UNPOSED_CACHE", str(place / "cache"))
    status, said = told("extract", *CATALOGUE)
    assert status == 2
    assert said.endswith("run: unposed models fetch")
    folder = place / "cache" / "weights"
    folder.mkdir(parents=True)
    for path in Path(pose_weights.weights).glob("pose_landmarker_full*"):
        damaged = path.read_bytes() + (b"" if path.suffix == ".json" else b"x")
        (folder / path.name).write_bytes(damaged)
    status, said = told("extract", *CATALOGUE)
    assert status == 2
    assert "are damaged (wrong checksum); run: unposed models fetch" in said


@pytest.mark.parametrize("home", ["file", "file/below"])
def test_a_home_that_is_no_folder(place, told, monkeypatch, home):
    (place / "file").touch()
    monkeypatch.setenv("UNPOSED_HOME", str(place / home))
    status, said = told("extract", *CATALOGUE)
    assert status == 2
    assert "cannot make the folder of the warehouse catalogue" in said


@pytest.mark.parametrize(
    "arguments",
    [("runs",), ("report",), ("query", "SELECT 1"), ("warehouse", "maintain")],
    ids=lambda arguments: arguments[0],
)
def test_nothing_was_run_yet(place, told, arguments):
    status, said = told(*arguments)
    assert status == 2
    assert "no warehouse yet" in said


def test_a_warehouse_of_other_buckets(place, told):
    from unposed_jobs.warehouse import Warehouse

    Warehouse.open(config.load(warehouse__buckets=4).warehouse)
    status, said = told("extract", *CATALOGUE)
    assert status == 2
    assert said.endswith("was made with 4 buckets; set [warehouse] buckets = 4")


@pytest.mark.parametrize(
    ("home", "line"), [(None, "no Java found"), ("/nowhere", "JAVA_HOME is /nowhere, where")]
)
def test_no_java(place, told, monkeypatch, home, line):
    monkeypatch.setattr(session, "session", START)
    monkeypatch.setenv("PATH", str(place))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.delenv("PYSPARK_GATEWAY_PORT", raising=False)
    monkeypatch.setattr("pyspark.sql.SparkSession.getActiveSession", lambda: None)
    if home:
        monkeypatch.setenv("JAVA_HOME", home)
    status, said = told("extract", *CATALOGUE)
    assert status == 2
    assert line in said
    assert "install default-jre-headless, or set JAVA_HOME" in said


@pytest.fixture
def submitted(tmp_path, pose_weights):
    """Run an entry point by spark-submit in an empty home; its status and what it printed."""

    def run(script: str, *arguments: str, **environment: str) -> tuple[int, list[str]]:
        binaries = Path(sys.executable).parent
        done = subprocess.run(
            [
                *(binaries / "spark-submit", "--master", "local[1]"),
                *(ROOT / f"spark/{script}.py", *arguments),
            ],
            cwd=tmp_path,
            env=os.environ
            | {
                "UNPOSED_HOME": str(tmp_path / "home"),
                "PYSPARK_PYTHON": sys.executable,
                "PYSPARK_DRIVER_PYTHON": sys.executable,
                "SPARK_CONF_DIR": str(ROOT / "spark/conf/local"),
                "SPARK_LOCAL_IP": "127.0.0.1",
                "PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}",
            }
            | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
            check=False,
        )
        return done.returncode, done.stdout.splitlines()

    return run


def test_an_entry_point_refuses_a_flag_under_its_own_name(tmp_path):
    done = subprocess.run(
        [sys.executable, str(ROOT / "spark/extract_landmarks.py"), "--limit", "0"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 2
    (said,) = [line for line in done.stderr.splitlines() if line.startswith("unposed:")]
    assert "'0' is not a whole number from 1 up; see: extract_landmarks --help" in said


@pytest.mark.e2e
def test_a_submitted_job_leaves_with_the_mistakes_status_and_what_to_do_in_its_last_line(submitted):
    status, lines = submitted("extract_landmarks", "--products", "nope.csv", "--images", "x.csv")
    assert status == 2
    assert lines[-1].startswith("unposed: cannot read the catalogue: no file")
    assert not any("Traceback" in line for line in lines)
