"""The In-shop protocol: reading its tables, and what the features reach on the real ones."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from unposed_jobs.errors import UnposedError
from unposed_jobs.lab.evaluation import inshop, methods, protocols, trials

FOLDER = Path(__file__).parents[3] / "../shared/data/inshop"
real_data = pytest.mark.skipif(
    not FOLDER.is_dir(), reason="the In-shop tables are not beside this checkout"
)


@real_data
def test_features_name_real_poses_on_other_products():
    photographs = inshop.load(FOLDER, 33)
    found = trials.unsupervised(photographs, methods.weighted_features, (8,), repeats=2)
    result = protocols.picture_labels(*found[8].name().arguments)
    assert result.figures["macro_f1"].value >= 0.72
    assert result.pictures > 200
    raw = trials.unsupervised(photographs, methods.raw_coordinates, (8,), repeats=2)
    baseline = protocols.picture_labels(*raw[8].name().arguments)
    assert result.figures["macro_f1"].value > baseline.figures["macro_f1"].value


@real_data
def test_autoencoder_reaches_the_bar_too():
    photographs = inshop.load(FOLDER, 33)
    found = trials.unsupervised(photographs, methods.autoencoded, (8,), repeats=1)
    result = protocols.picture_labels(*found[8].name().arguments)
    assert result.figures["macro_f1"].value >= 0.72


@real_data
def test_annotated_scope_leaves_out_people_without_key_points():
    photographs = inshop.load(FOLDER, 17)
    scope = inshop.annotated(photographs)
    left_out = photographs.label[~scope]
    assert "flat" not in left_out
    assert 0.1 < len(left_out) / len(scope) < 0.2


def test_tables_are_read_as_landmarks(tmp_path):
    shared = {"image": ["a", "b"], "product_id": ["p", "q"], "pose_label": ["front", "flat"]}
    points = [float(value) for value in range(165)]
    table = pa.table({**shared, "landmarks": [points, None]})
    pq.write_table(table, tmp_path / inshop.FILES[33])
    found = inshop.load(tmp_path, 33)
    assert found.person.tolist() == [True, False]
    assert found.landmarks[0, 1].tolist() == [5, 6, 7, 8, 9]
    assert found.judged.tolist() == [True, False]

    names = [f"n{number}" for number in range(17)]
    missing = float("nan")
    columns = {f"{name}_{axis}": [0.5, missing] for name in names for axis in "xy"}
    columns["n3_x"] = [missing, missing]
    pq.write_table(pa.table({**shared, **columns}), tmp_path / inshop.FILES[17])
    found = inshop.load(tmp_path, 17)
    assert found.landmarks.shape == (2, 17, 3)
    assert np.isfinite(found.landmarks).all()
    assert found.landmarks[0, 3].tolist() == [0, 0, 0]
    assert found.person.tolist() == [True, False]


def test_absent_or_strange_tables_are_told(tmp_path):
    with pytest.raises(UnposedError, match="--data"):
        inshop.load(tmp_path, 33)
    pq.write_table(pa.table({"image": ["a"]}), tmp_path / inshop.FILES[33])
    with pytest.raises(UnposedError, match="no column pose_label"):
        inshop.load(tmp_path, 33)
