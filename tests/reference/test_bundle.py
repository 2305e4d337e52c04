import json
import pickle
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from reference_tables import reference, train

from unposed_jobs.config import AuditSettings
from unposed_jobs.errors import UnposedError
from unposed_jobs.reference.bundle import ASSIGNED, Bundle
from unposed_jobs.warehouse import tables


@pytest.fixture(scope="module")
def folder(bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("models") / bundle.model_version
    bundle.save(str(path))
    return path


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Path:
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    return tmp_path


def test_a_loaded_model_says_the_very_same(bundle: Bundle, folder: Path, pictures) -> None:
    loaded = Bundle.load(str(folder))
    assert loaded.assign(pictures).equals(bundle.assign(pictures))
    assert loaded.model_version == bundle.model_version == folder.name
    assert loaded.checksums == bundle.checksums
    assert loaded.vocabulary.equals(bundle.vocabulary)
    assert loaded.cohorts.equals(bundle.cohorts)
    asked = {"category": ["Tops"], "subcategory": [None], "product_type": ["unheard of"]}
    np.testing.assert_array_equal(loaded.ranker.score(asked), bundle.ranker.score(asked))


def test_saving_a_loaded_model_writes_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    Bundle.load(str(folder)).save(str(tmp_path / "copy"))
    for file in folder.iterdir():
        assert (tmp_path / "copy" / file.name).read_bytes() == file.read_bytes()


def test_a_model_without_people_and_one_of_bare_features_come_back(tmp_path: Path) -> None:
    for number, model in enumerate((train(reference(people=False)), train(reference(products=1)))):
        model.save(str(tmp_path / str(number)))
        loaded = Bundle.load(str(tmp_path / str(number)))
        table = reference(products=2)
        assert loaded.assign(table).equals(model.assign(table))


def test_every_changed_file_is_found_out(folder: Path, copy: Path) -> None:
    for file in folder.iterdir():
        data = bytearray(file.read_bytes())
        data[len(data) // 2] ^= 1
        (copy / file.name).write_bytes(data)
        with pytest.raises(UnposedError, match=r"not the|damaged|format"):
            Bundle.load(str(copy))
        (copy / file.name).write_bytes(file.read_bytes())
    Bundle.load(str(copy))


def test_a_lost_file_is_found_out(copy: Path) -> None:
    (copy / "centroids.npy").unlink()
    with pytest.raises(UnposedError, match=r"lost centroids\.npy"):
        Bundle.load(str(copy))


def test_a_pickle_is_not_opened_even_under_a_forged_manifest(copy: Path) -> None:
    import hashlib

    from unposed_jobs.reference import files

    sink = copy / "centroids.npy"
    np.save(sink, np.array([{"x": 1}], dtype=object), allow_pickle=True)
    assert pickle.PROTO in sink.read_bytes()
    manifest = json.loads((copy / "manifest.json").read_text())
    manifest["checksums"]["centroids.npy"] = hashlib.sha256(sink.read_bytes()).hexdigest()
    described = {key: value for key, value in manifest.items() if key != "model_version"}
    digest = hashlib.sha256(files.json_bytes(described)).hexdigest()[:8]
    manifest["model_version"] = f"2026-01-05-{digest}"
    (copy / "manifest.json").write_bytes(files.json_bytes(manifest))
    with pytest.raises(ValueError, match="allow_pickle"):
        Bundle.load(str(copy))


def test_no_model_is_told_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(UnposedError, match="unposed train"):
        Bundle.load(str(tmp_path))


def test_assign_keeps_every_row_in_order_with_the_tables_types(bundle: Bundle, pictures) -> None:
    found = bundle.assign(pictures)
    assert found.schema == ASSIGNED
    for column in ASSIGNED:
        assert tables.IMAGE_POSES.schema.field(column.name).type == column.type
    assert found["content_sha256"].equals(pictures["content_sha256"])
    assert found["perceptual_hash"].equals(pictures["perceptual_hash"])
    parts = [bundle.assign(pictures.slice(start, 7)) for start in range(0, pictures.num_rows, 7)]
    together = pa.concat_tables(parts).combine_chunks()
    assert together["pose_id"].equals(found["pose_id"])
    np.testing.assert_allclose(
        together["confidence"].to_numpy(), found["confidence"].to_numpy(), atol=1e-5
    )
    assert bundle.assign(pictures.slice(0, 0)).num_rows == 0


def test_bad_rows_are_unknown_and_spoil_no_other(bundle: Bundle) -> None:
    good = reference(products=1).slice(0, 1).to_pylist()[0]
    nothing = [float("nan")] * 165
    rows = [
        good,
        good | {"status": "unreadable", "landmarks": None},
        good | {"status": None, "landmarks": None, "content_sha256": None},
        good | {"landmarks": nothing},
        good | {"landmarks": None, "status": "no_person", "statistics": None},
        good | {"person_count": 2},
        good | {"pose_score": 0.1},
        good | {"pose_score": None, "person_count": None},
    ]
    found = bundle.assign(pa.Table.from_pylist(rows, schema=reference(products=1).schema))
    kinds = found["kind"].to_pylist()
    assert kinds[:5] == ["person", "unreadable", "unreadable", "no_person", "no_person"]
    pose, sure = found["pose_id"].to_pylist(), found["confidence"].to_pylist()
    assert pose[1:5] == [None] * 4
    assert sure[1:5] == [0] * 4
    assert pose[5] == pose[6] == pose[7] == pose[0] is not None
    assert sure[6] < sure[5] < sure[0] == sure[7]


def test_a_pose_unlike_any_is_unknown(bundle: Bundle) -> None:
    table = reference(products=1)
    row = table.slice(0, 1).to_pylist()[0]
    strange = np.tile(np.array(row["landmarks"]).reshape(33, 5), (400, 1, 1))
    strange[..., :2] = np.random.default_rng(0).uniform(0.3, 0.7, (400, 33, 2))
    strange[..., 2] = 0
    rows = [row | {"landmarks": one.ravel().tolist()} for one in strange]
    found = bundle.assign(pa.Table.from_pylist(rows, schema=table.schema))
    usual = bundle.assign(table.slice(0, 1))
    # Some scrambled skeletons come to lie near a class by chance: a seventh of these.
    least = AuditSettings().min_confidence
    assert np.mean(found["confidence"].to_numpy() < least) >= 0.85
    assert usual["confidence"][0].as_py() > least


def test_landmarks_of_another_skeleton_are_the_users_mistake(bundle: Bundle) -> None:
    with pytest.raises(UnposedError, match="33 points"):
        bundle.assign(reference(products=1, points=17))
