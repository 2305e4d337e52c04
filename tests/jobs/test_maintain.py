"""The upkeep as a job: what it counts, and which bundles go."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from unposed_jobs import config, storage
from unposed_jobs.jobs import estimator, maintain
from unposed_jobs.jobs.entry import Run
from unposed_jobs.reference import registry
from unposed_jobs.reference.registry import ModelRow
from unposed_jobs.warehouse import Warehouse

DAY = date(2026, 6, 7)


@pytest.fixture
def settings(tmp_path, monkeypatch):
    monkeypatch.setenv("UNPOSED_HOME", str(tmp_path))
    return config.load(warehouse__buckets=1)


def model(version, status, age, place="", promoted=True, **parameters):
    day = DAY - timedelta(days=age)
    return ModelRow(
        version,
        status,
        "e",
        place,
        {},
        parameters,
        {},
        day,
        day if promoted else None,
        None,
        "r",
    )


def test_bundles_of_models_that_nobody_wants_back_go(settings, tmp_path):
    folder = {name: str(tmp_path / "models" / name) for name in ("old", "kept", "young", "now")}
    for place in folder.values():
        storage.write_bytes(f"{place}/manifest.json", b"{}")
    rows = [
        model("old", "rejected", 400, folder["old"], promoted=False),
        model("young", "rejected", 10, folder["young"], promoted=False),
        model("kept", "retired", 300, folder["kept"]),
        model("now", "champion", 200, folder["now"]),
    ]
    warehouse = Warehouse.open(settings.warehouse)
    registry.record(warehouse, rows, "r")
    said: list[str] = []
    figures = maintain.run(None, settings, Run(DAY, dry_run=True, progress=said.append))
    assert figures["bundles"] == 1
    assert storage.exists(f"{folder['old']}/manifest.json")
    maintain.run(None, settings, Run(DAY, progress=said.append))
    left = {name for name in folder if storage.exists(f"{folder[name]}/manifest.json")}
    assert left == {"kept", "young", "now"}
    assert {row.model_version for row in registry.models(warehouse)} == set(folder)
    runs = warehouse.runs()
    assert [(run.job, run.state) for run in runs] == [
        ("maintain", "dry_run"),
        ("maintain", "published"),
    ]
    assert warehouse.latest_published("audit") is None


def test_the_models_that_were_promoted_last_are_kept_whatever_their_age():
    rows = [model(str(n), "retired", 1000 - n) for n in range(8)]
    gone = maintain.unused(rows, Run(DAY))
    assert [row.model_version for row in gone] == ["0", "1", "2"]


def test_the_estimator_follows_the_champion(settings):
    warehouse = Warehouse.open(settings.warehouse)
    chosen = config.load(warehouse__buckets=1, pose__estimator="champion")
    assert estimator.resolve(warehouse, settings) is settings
    default = config.PoseSettings().estimator
    assert estimator.resolve(warehouse, chosen).pose.estimator == default
    rows = [model("a", "retired", 9), model("b", "champion", 2, estimator="movenet-thunder")]
    registry.record(warehouse, rows, "r")
    assert estimator.resolve(warehouse, chosen).pose.estimator == "movenet-thunder"


def test_a_whole_disk_is_not_removed():
    for uri in ("/", "/tmp", "https://host/a"):
        with pytest.raises(storage.StorageError) as caught:
            storage.remove_folder(uri)
        assert caught.value.status == "refused"
