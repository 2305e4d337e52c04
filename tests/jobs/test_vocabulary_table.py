"""What the table `vocabulary` says of a model while its corrections come, change and go."""

from datetime import date
from types import SimpleNamespace

import pyarrow as pa
import pytest

from unposed_jobs.audit.corrections import Correction
from unposed_jobs.config import WarehouseSettings
from unposed_jobs.jobs import vocabulary_table
from unposed_jobs.reference.files import VOCABULARY
from unposed_jobs.warehouse import Warehouse

DAY = date(2026, 1, 5)
RENAME = (Correction("rename", "ask", (1,), "our front", "our word"),)
HIDE = (Correction("hide", "pose", (4,), None, "props"),)


@pytest.fixture
def warehouse(tmp_path):
    return Warehouse.open(
        WarehouseSettings(
            uri=f"sqlite:///{tmp_path}/catalog.db", location=str(tmp_path), views="", buckets=1
        )
    )


def bundle(version="m-1"):
    rows = [
        {
            "pose_id": pose_id,
            "kind": "person",
            "name": name,
            "shot_code": None,
            "size": 9,
            "spread": 0.1,
            "exemplars": ["a.jpg"],
            "lineage": lineage,
            "ask_id": ask_id,
            "ask_name": "front" if ask_id == 1 else name,
            "asked": True,
            "agreement": 0.9,
        }
        for pose_id, ask_id, name, lineage in (
            (1, 1, "chest, front", "kept"),
            (2, 1, "full body, front", "new"),
            (4, 4, "back", "kept"),
            (5, 5, "gone", "retired"),
        )
    ]
    kinds = {"category": pa.string(), "ask_id": pa.int32(), "pose_id": pa.int32()}
    kinds |= {"share": pa.float64(), "score": pa.float64()}
    kinds |= {"example_images": pa.list_(pa.string())}
    asked = [("Tops", 1, 2, 0.9, 1.0, []), ("Tops", 4, 4, 0.5, 2.0, [])]
    columns = zip(*asked, strict=True)
    asked = pa.table(
        {
            name: pa.array(list(values), kind)
            for (name, kind), values in zip(kinds.items(), columns, strict=True)
        }
    )
    return SimpleNamespace(
        model_version=version,
        vocabulary=pa.Table.from_pylist(rows, schema=VOCABULARY),
        cohorts=asked.drop_columns(["ask_id"]),
        asked=asked,
        attributes=("category",),
    )


def rows_of(warehouse, version="m-1"):
    rows = warehouse.read("vocabulary", row_filter={"model_version": version})
    return {row["pose_id"]: row for row in rows.to_pylist()}


def test_corrections_come_change_and_go_and_touch_no_other_model(warehouse):
    trained = vocabulary_table.training_run(DAY, "m-1")
    for version in ("m-1", "m-2"):
        rows = vocabulary_table.learned(bundle(version), trained)
        warehouse.replace_rows("vocabulary", {"model_version": version}, rows, trained)
    before = rows_of(warehouse), rows_of(warehouse, "m-2")
    model = SimpleNamespace(model_version="m-1", run_date=DAY, run_id="promotion")

    def correct(entries, run_id):
        return vocabulary_table.correct(warehouse, model, bundle(), entries, run_id)

    assert correct((), "night-1") is None
    assert correct(RENAME, "night-2") is not None
    rows = rows_of(warehouse)
    assert [rows[pose]["ask_name"] for pose in (1, 2, 4)] == ["our front", "our front", "back"]
    assert rows[1]["correction"] == "ask renamed from 'front': our word"
    assert [rows[pose]["run_id"] for pose in (1, 4, 5)] == ["night-2", trained, trained]
    assert rows[5] == before[0][5]

    assert correct(RENAME, "night-3") is None
    assert correct(HIDE, "night-4") is not None
    rows = rows_of(warehouse)
    assert rows[1] == before[0][1]
    assert (rows[4]["asked"], rows[4]["correction"]) == (False, "hidden: props")
    assert rows[4]["lineage"] == "kept"

    assert correct((), "night-5") is not None
    assert (rows_of(warehouse), rows_of(warehouse, "m-2")) == before
