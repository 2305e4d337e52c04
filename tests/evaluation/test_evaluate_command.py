"""``unposed evaluate``: what it prints, writes and refuses."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from unposed_jobs.cli import main
from unposed_jobs.evaluation import inshop, summary
from unposed_jobs.evaluation.bootstrap import Interval
from unposed_jobs.evaluation.protocols import Result


@pytest.fixture
def configured(shared_sample, tmp_path, monkeypatch):
    """The sample's warehouse and catalogue as the configured ones, and no other data near."""
    warehouse = shared_sample.settings.warehouse
    path = tmp_path / "unposed.toml"
    path.write_text(
        f'[warehouse]\nuri = "{warehouse.uri}"\nlocation = "{warehouse.location}"\nbuckets = 4\n'
        f'[catalogue]\nproducts = "{shared_sample.folder}/products.csv"\n'
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("UNPOSED_HOME", str(tmp_path / "var"))
    return path


def test_prints_figures_with_baselines_and_writes_json(configured, tmp_path, capsys):
    target = tmp_path / "figures.json"
    flags = ["--config", str(configured), "--json", str(target), "--mistakes"]
    assert main(["evaluate", *flags]) == 0
    printed = capsys.readouterr().out
    for expected in ("macro-F1", "Cohen's κ", "random labeller", "false alarms", "ratio", "worst"):
        assert expected in printed
    assert "In-shop photographs: not judged" in printed
    content = json.loads(target.read_text())
    first = content["results"][0]["result"]
    assert first["protocol"] == "picture_labels"
    assert 0 < first["figures"]["macro_f1"]["low"] <= first["figures"]["macro_f1"]["value"] <= 1
    assert first["baselines"]["random labeller"]["kappa"]["value"] < 0.2
    assert first["pictures"] == 128


def test_nothing_to_evaluate_is_one_line(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("UNPOSED_HOME", str(tmp_path / "var"))
    monkeypatch.delenv("UNPOSED_CONFIG", raising=False)
    assert main(["evaluate"]) == 2
    error = capsys.readouterr().err
    assert "nothing to evaluate" in error
    assert "unposed sample-catalogue" in error


def test_a_folder_that_was_asked_for_must_be_there(configured, tmp_path, capsys):
    assert main(["evaluate", "--config", str(configured), "--sample", str(tmp_path / "no")]) == 2
    assert "no truth at" in capsys.readouterr().err
    assert main(["evaluate", "--config", str(configured), "--inshop", str(tmp_path / "no")]) == 2
    assert "no In-shop table" in capsys.readouterr().err


def test_in_shop_tables_go_through_the_command(tmp_path, monkeypatch, capsys):
    rng = np.random.default_rng(0)
    products = [f"p{number // 4}" for number in range(120)]
    labels = ["back", "front", "full", "side"] * 30
    shapes = rng.random((4, 33, 5))
    points = shapes[np.arange(120) % 4] + rng.normal(0, 0.01, (120, 33, 5))
    shared = {"image": [f"{row}.jpg" for row in range(120)], "product_id": products}
    shared["pose_label"] = labels
    columns = {**shared, "landmarks": points.reshape(120, -1).tolist()}
    pq.write_table(pa.table(columns), tmp_path / inshop.FILES[33])
    coordinates = {
        f"n{point}_{axis}": points[:, point, index]
        for point in range(17)
        for index, axis in enumerate("xy")
    }
    pq.write_table(pa.table({**shared, **coordinates}), tmp_path / inshop.FILES[17])
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("UNPOSED_HOME", str(tmp_path / "var"))
    monkeypatch.setattr("unposed_jobs.evaluation.comparison.METHODS", _fast())
    flags = ["--inshop", str(tmp_path), "--clusters", "4", "6", "--repeats", "1"]
    assert main(["evaluate", *flags]) == 0
    printed = capsys.readouterr().out
    assert "raw coordinates, K = 4" in printed
    assert "raw coordinates, K = 6" in printed
    assert "supervised ceiling" in printed
    assert "sample catalogue: not judged" in printed


def _fast():
    from unposed_jobs.evaluation.methods import raw_coordinates

    return {"raw coordinates": raw_coordinates}


def test_undefined_figures_become_null():
    nan = float("nan")
    result = Result("x", {"ratio": Interval(nan, nan, nan)}, {}, 1, 1, confusion=np.eye(2))
    plain = summary.as_json([summary.Entry("data", "method", result)], seed=1)
    text = json.dumps(plain, allow_nan=False)
    assert json.loads(text)["results"][0]["result"]["figures"]["ratio"]["value"] is None
    assert plain["results"][0]["result"]["confusion"] == [[1.0, 0.0], [0.0, 1.0]]


def test_worst_mistakes_come_first():
    truth = ["a", "b", "c"]
    predicted = [["a", "a", "a"], ["a", "b", "b"], ["a", "b", "a"]]
    found = summary.worst_mistakes(["x", "y", "z"], truth, predicted)
    assert [(item.image, item.predicted) for item in found] == [("z", "a"), ("y", "a")]
    assert found[1].share == pytest.approx(1 / 3)
