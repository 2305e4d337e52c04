"""The gate on a small catalogue: both estimators, landmarks and flags."""

from __future__ import annotations

import pytest

from unposed_jobs import config
from unposed_jobs.config import TrainingSettings
from unposed_jobs.lab.bench import flags, gate, parity, pictures
from unposed_jobs.pose import estimators
from unposed_jobs.pose.estimator import PoseEstimate


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


class Blind:
    """An estimator that sees nobody."""

    estimator_id = "blind"

    def estimate(self, seen):
        return [PoseEstimate(None, 0.0, 0) for _ in seen]


def test_a_candidate_that_sees_nobody_does_not_pass(cache, pose_weights):
    small = TrainingSettings(clusters=4, epochs=5)
    folder = pictures.catalogue(2, 256)
    reference = estimators.create(pose_weights)
    same = flags.measure(folder, pose_weights, reference, reference, small)
    assert same.passed
    assert same.same == same.flags
    blind = flags.measure(folder, pose_weights, reference, Blind(), small)
    assert not blind.passed
    contents = [path.read_bytes() for path in sorted(folder.rglob("*.jpg"))]
    assert parity.measure(contents, pose_weights, reference, reference).share == 1
    assert not parity.measure(contents, pose_weights, reference, Blind()).passed
    reference.close()
