"""The gate on a small catalogue: both estimators, landmarks and flags."""

from __future__ import annotations

import dataclasses

import pytest

from unposed_jobs import config
from unposed_jobs.bench import flags, gate, pictures
from unposed_jobs.config import TrainingSettings


@pytest.fixture(scope="module")
def cache(tmp_path_factory, pose_weights):
    """Rendered pictures go into a cache of the test's own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UNPOSED_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setattr(pictures, "HEIGHT", 256)
        patch.setattr(pictures, "SMALL", 256)
        patch.setattr(flags, "TrainingSettings", lambda: TrainingSettings(clusters=4, epochs=5))
        yield config.cache()


@pytest.fixture(scope="module")
def told(cache, pose_weights, tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    source = next(pictures.catalogue(2, 256).rglob("*.jpg"))
    (folder / "coco-people").mkdir()
    (folder / "coco-people" / "a.jpg").write_bytes(source.read_bytes())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pictures, "load", lambda *_: [source.read_bytes()])
        patch.setattr(pictures, "catalogue", folder_of)
        return gate.run(pose_weights, folder, 1, 4)


def folder_of(products):
    return config.cache() / "bench" / "sample-2-256"


def test_the_gate_has_both_halves_and_groups(told):
    assert [row["name"] for row in told["sets"]] == [gate.RENDERED, "coco-people", gate.PHOTOGRAPHS]
    assert told["flags"]["products"] == 2
    assert told["flags"]["flags"] % 2 == 0
    assert told["flags"]["flags"] > 0
    assert told["passed"] == all(
        [*(row["passed"] for row in told["sets"]), told["flags"]["share"] >= flags.LEAST_SHARE]
    )


def test_other_landmarks_change_flags(cache, pose_weights, monkeypatch):
    """A candidate that finds nobody must not pass."""
    real = flags._landmarks

    def blind(contents, pose):
        found = real(contents, dataclasses.replace(pose, estimator="mediapipe-full"))
        if pose.estimator == "blind":
            rows = found.to_pylist()
            for row in rows:
                row |= {"status": "unreadable", "landmarks": None}
            found = type(found).from_pylist(rows, schema=found.schema)
        return found

    monkeypatch.setattr(flags, "_landmarks", blind)
    small = TrainingSettings(clusters=4, epochs=5)
    folder = pictures.catalogue(2, 256)
    same = flags.measure(folder, pose_weights, "mediapipe-full", "mediapipe-full", small)
    assert same.passed
    assert same.same == same.flags
    blinded = flags.measure(folder, pose_weights, "mediapipe-full", "blind", small)
    assert not blinded.passed
