"""The examples run as they are."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import reference_tables
from PIL import Image

EXAMPLES = Path(__file__).parents[2] / "examples"


def run(name: str, argument: Path) -> list[str]:
    done = subprocess.run(
        [sys.executable, EXAMPLES / name, argument], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_flags_from_a_table_of_landmarks(tmp_path):
    table = reference_tables.reference(products=12)
    front = table["truth"].to_pylist().index(reference_tables.SHOTS["Tops"][0].label)
    lacking = table["product_id"][front].as_py()
    kept = [
        not (row["product_id"] == lacking and row["truth"] == table["truth"][front].as_py())
        for row in table.select(["product_id", "truth"]).to_pylist()
    ]
    wanted = ["product_id", "category", "image_uri", "landmarks"]
    pq.write_table(table.filter(kept).select(wanted), tmp_path / "table.parquet")
    lines = run("flags.py", tmp_path / "table.parquet")
    assert any(line.startswith(f"{lacking} lacks ") for line in lines), lines
    assert lines[-1].endswith("flags are missing")


def test_landmarks_of_a_picture(tmp_path, pose_weights):
    Image.new("RGB", (60, 80), (250, 250, 250)).save(tmp_path / "nobody.png")
    assert run("landmarks.py", tmp_path / "nobody.png") == ["no_person: 0 people, 60 x 80 pixels"]
