"""``unposed evaluate``: what it prints, writes and refuses."""

import json
import re
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from unposed_jobs.cli import main
from unposed_jobs.config import TrainingSettings
from unposed_jobs.lab.evaluation import inshop, inshop_audit, inshop_flags, summary
from unposed_jobs.lab.evaluation.bootstrap import Interval
from unposed_jobs.lab.evaluation.protocols import Result
from unposed_jobs.pose.topology import COCO17


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
    card, report = tmp_path / "card.md", tmp_path / "report"
    flags = ["--config", str(configured), "--json", str(target), "--mistakes"]
    flags += ["--card", str(card), "--report", str(report)]
    assert main(["evaluate", *flags]) == 0
    told = capsys.readouterr()
    assert "judging pictures and products" in told.err
    printed = told.out
    for expected in ("macro-F1", "Cohen's κ", "random labeller", "false alarms", "ratio", "worst"):
        assert expected in printed
    assert "In-shop photographs, real pictures, real listings: not judged" in printed
    assert "In-shop photographs, real pictures, real listings: not judged" in card.read_text()
    assert "pictures named wrong" in (report / "index.html").read_text()
    assert (report / "confusion.svg").read_text().startswith("<svg")
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
    assert main(["evaluate", "--config", str(configured), "--data", str(tmp_path / "no")]) == 2
    assert "--data" in capsys.readouterr().err


def test_in_shop_tables_go_through_the_command(tmp_path, monkeypatch, capsys):
    rng = np.random.default_rng(0)
    products = [f"p{number // 4}" for number in range(120)]
    labels = ["back", "front", "full", "side"] * 30
    shapes = rng.random((4, 33, 5))
    points = (shapes[np.arange(120) % 4] + rng.normal(0, 0.01, (120, 33, 5))).clip(0.01, 1)
    shared = {"image": [f"{row}.jpg" for row in range(120)], "product_id": products}
    shared["pose_label"] = labels
    shared["category"] = ["Tees"] * 60 + ["Dresses"] * 60
    columns = {**shared, "landmarks": points.reshape(120, -1).tolist()}
    (tmp_path / "inshop").mkdir()
    pq.write_table(pa.table(columns), tmp_path / "inshop" / inshop.FILES[33])
    coordinates = {
        f"{name}_{axis}": points[:, point, index]
        for point, name in enumerate(COCO17)
        for index, axis in enumerate("xy")
    }
    pq.write_table(pa.table({**shared, **coordinates}), tmp_path / "inshop" / inshop.FILES[17])
    lists, one = columns["landmarks"], [1.0] * 120
    read = {"detector": lists, "second_look": lists, "headless": lists, "headless_cut": [0.0] * 120}
    read |= dict.fromkeys(("detector_score", "person_probability", "person_confidence"), one)
    pq.write_table(pa.table({**shared, **read}), tmp_path / "inshop" / inshop_audit.FILES[33])
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("UNPOSED_HOME", str(tmp_path / "var"))
    monkeypatch.setattr(inshop_flags, "COHORTS", {"cohorts by category": ("category",)})
    # What an autoencoder learns has tests of its own.
    monkeypatch.setattr("unposed_jobs.lab.evaluation.comparison.METHODS", _fast())
    monkeypatch.setattr("unposed_jobs.lab.evaluation.inshop_readings.METHODS", _fast(named=True))
    monkeypatch.setattr(inshop_flags, "TrainingSettings", partial(TrainingSettings, epochs=20))
    monkeypatch.setattr(
        "unposed_jobs.lab.evaluation.subcategories.COLUMNS", {"raw coordinates": ""}
    )
    monkeypatch.setenv("UNPOSED_EVALUATION_DATA", str(tmp_path))
    flags = ["--clusters", "4", "6", "--repeats", "1"]
    assert main(["evaluate", *flags]) == 0
    printed = capsys.readouterr().out
    assert "raw coordinates, K = 4" in printed
    assert "raw coordinates, K = 6" in printed
    assert "supervised ceiling" in printed
    assert "Table 1" in printed
    assert "Dresses" in printed
    assert "sample catalogue: not judged" in printed
    assert "real pictures: not judged" in printed
    for points in (17, 33):
        assert f"In-shop products, {points} points, cohorts by category" in printed
    assert "products alarmed" in printed
    # What was cut off by nothing is found where it was.
    assert re.search(r"headless +120 / 30 +1\.000 .*1\.000", printed)
    assert "reading kept, features, K = 8" in printed
    assert "real listings: not judged" in printed


def _fast(named=False):
    from unposed_jobs.lab.evaluation.methods import raw_coordinates, weighted_features

    fast = {"raw coordinates": raw_coordinates}
    return {**fast, "features": weighted_features} if named else fast


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


def test_sure_mistakes_come_before_frequent_ones():
    found = summary.worst_mistakes(
        ["x", "y", "z"], ["a", "a", "a"], [["b", "b", "a"]], confidence=[0.2, 0.9, 1.0]
    )
    assert [(item.image, item.confidence) for item in found] == [("y", 0.9), ("x", 0.2)]
