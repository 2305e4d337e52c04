"""The batched BlazePose against MediaPipe Tasks on the same pictures."""

import dataclasses
from contextlib import suppress

import cv2
import numpy as np
import pytest
import torch

from unposed_jobs.errors import UnposedError
from unposed_jobs.lab.bench.parity import LEAST_SHARE, Parity, compare
from unposed_jobs.lab.sample.writer import SampleSettings, write_sample
from unposed_jobs.networks import engines, weights
from unposed_jobs.pose import estimators
from unposed_jobs.pose.blazepose import estimator as blazepose
from unposed_jobs.pose.blazepose import sampling
from unposed_jobs.pose.decoding import UnreadablePicture, decode

SMALL_SETS = {"blazepose-golden": 2, "coco-people": 14}
EVERY_FRAME = 8


@pytest.fixture(scope="module")
def batched(pose_weights):
    made = estimators.create(dataclasses.replace(pose_weights, estimator="blazepose-full"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def real_pictures(data, pose_weights) -> list[np.ndarray]:
    paths = [path for name in SMALL_SETS for path in sorted((data / name).glob("*.jpg"))]
    assert len(paths) == sum(SMALL_SETS.values())
    pictures = [decode(path.read_bytes(), pose_weights) for path in paths]
    video = cv2.VideoCapture(str(data / "blazepose-golden" / "pose_squats.mp4"))
    frames = []
    while (frame := video.read()[1]) is not None:
        frames.append(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB))
    return pictures + frames[::EVERY_FRAME]


@pytest.fixture(scope="module")
def rendered(tmp_path_factory, pose_weights) -> list[np.ndarray]:
    out = tmp_path_factory.mktemp("rendered") / "sample"
    write_sample(out, SampleSettings(products=3, size=320), workers=1, progress=False)
    paths = sorted((out / "pictures").rglob("*.jpg"))
    readable = []
    for path in paths:
        with suppress(UnreadablePicture):
            readable.append(decode(path.read_bytes(), pose_weights))
    return readable


def total(theirs, ours, pictures) -> Parity:
    pairs = zip(theirs, ours, pictures, strict=True)
    return sum((compare(a, b, p.shape[1], p.shape[0]) for a, b, p in pairs), Parity())


def test_parity_with_mediapipe(estimator, batched, real_pictures) -> None:
    theirs, ours = estimator.estimate(real_pictures), batched.estimate(real_pictures)
    parity = total(theirs, ours, real_pictures)
    assert parity.disagreements == 0
    assert parity.visible > 500
    assert parity.share >= LEAST_SHARE, str(parity)
    assert [one.person_count for one in theirs] == [one.person_count for one in ours]
    for a, b in zip(theirs, ours, strict=True):
        assert a.pose_score == pytest.approx(b.pose_score, abs=2e-3)
        if a.landmarks is not None:
            np.testing.assert_allclose(a.landmarks[:, 2:], b.landmarks[:, 2:], atol=2e-2)


def test_parity_on_rendered_pictures(estimator, batched, rendered) -> None:
    theirs, ours = estimator.estimate(rendered), batched.estimate(rendered)
    parity = total(theirs, ours, rendered)
    assert parity.disagreements == 0
    assert parity.people >= 5
    assert parity.share >= LEAST_SHARE, str(parity)


def test_gathered_on_the_device(batched, pose_weights, real_pictures, monkeypatch) -> None:
    # What a GPU runs: PyTorch networks and pictures packed into one tensor.
    graphs = engines.graphs(weights.load(pose_weights)[1])
    engine = engines.TorchEngine(*graphs, torch.device("cpu"))
    device = blazepose.BlazePoseEstimator(engine, "device", pose_weights)
    monkeypatch.setattr(
        blazepose.Sampler,
        "__init__",
        lambda self, pictures, device: setattr(self, "_packed", sampling.Packed(pictures, device)),
    )
    pictures = real_pictures[:6]
    parity = total(batched.estimate(pictures), device.estimate(pictures), pictures)
    assert parity.share >= 0.99, str(parity)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_gives_mediapipes_landmarks(estimator, pose_weights, real_pictures) -> None:
    named = dataclasses.replace(pose_weights, estimator="blazepose-full", second_look=False)
    device = estimators.create(named)
    assert device._engine.device.type == "cuda"
    nobody = [np.full((64, 48, 3), 200, np.uint8)] * 3
    assert [one.landmarks for one in device.estimate(nobody)] == [None] * 3
    # More than the largest batch, and a rest; twice, since the second time graphs are replayed.
    many = (real_pictures * 6)[:70]
    theirs = (estimator.estimate(real_pictures) * 6)[:70]
    for _ in range(3):
        ours = device.estimate(many)
        assert [one.error for one in ours] == [None] * 70
        parity = total(theirs, ours, many)
        assert parity.share >= LEAST_SHARE, str(parity)
    device.close()


def test_batch_equals_single(batched, real_pictures) -> None:
    pictures = real_pictures[:5]
    together = batched.estimate(pictures)
    alone = [batched.estimate([picture])[0] for picture in pictures]
    assert [one.person_count for one in together] == [one.person_count for one in alone]
    parity = total(together, alone, pictures)
    # A landmark on the very edge of a heat map's cell may fall to either side.
    assert parity.within >= parity.visible - 1, str(parity)


def test_odd_pictures(batched) -> None:
    pictures = [
        np.full((64, 48, 3), 200, np.uint8),
        np.zeros((1, 1, 3), np.uint8),
        np.zeros((1, sampling.LONGEST_SIDE + 1, 3), np.uint8),
        np.zeros((700, 3, 3), np.uint8),
    ]
    assert batched.estimate([]) == []
    results = batched.estimate(pictures)
    assert [result.landmarks for result in results] == [None] * 4
    assert [result.error is not None for result in results] == [False, False, True, False]


class BrokenEngine:
    """Fails on pictures that are bright in the middle, and so on every batch that holds one."""

    device = torch.device("cpu")

    def detect(self, squares):
        if int(squares[:, 112, 112, 0].max()) > 100:
            raise RuntimeError("out of memory\nand more")
        return torch.zeros(len(squares), 2254, 12), torch.full((len(squares), 2254, 1), -50.0)

    def locate(self, squares):
        raise AssertionError("nobody was found")


def test_a_broken_picture_fails_alone(pose_weights) -> None:
    broken = blazepose.BlazePoseEstimator(BrokenEngine(), "broken", pose_weights)
    pictures = [np.full((32, 32, 3), value, np.uint8) for value in (0, 255, 50)]
    assert [one.error for one in broken.estimate(pictures)] == [None, "out of memory", None]


def test_a_broken_device_is_no_pictures_fault(pose_weights, monkeypatch) -> None:
    # As rows of the table its errors would stay there, and nothing would be tried again.
    engine = BrokenEngine()
    broken = blazepose.BlazePoseEstimator(engine, "broken", pose_weights)

    def detect(squares):
        raise torch.AcceleratorError("CUDA error: an illegal memory access\nand more")

    monkeypatch.setattr(engine, "detect", detect)
    with pytest.raises(UnposedError, match="the GPU failed: CUDA error: an illegal memory access;"):
        broken.estimate([np.full((32, 32, 3), value, np.uint8) for value in (0, 50)])


def test_identity(pose_weights, batched) -> None:
    named = dataclasses.replace(pose_weights, estimator="blazepose-full")
    assert batched.estimator_id == estimators.identify(named)
    other = dataclasses.replace(named, max_people=1)
    assert estimators.identify(other) != estimators.identify(named)
    assert estimators.identify(pose_weights) != estimators.identify(named)


def test_other_bundles(pose_weights, tmp_path) -> None:
    def create(path) -> None:
        estimators.create(dataclasses.replace(pose_weights, estimator=f"blazepose:{path}"))

    with pytest.raises(UnposedError, match="cannot read the bundle"):
        create(tmp_path / "none.task")
    (tmp_path / "broken.task").write_bytes(b"nothing")
    with pytest.raises(UnposedError, match="broken cannot be used in batches"):
        create(tmp_path / "broken.task")


def test_compare_counts_a_missed_person(estimator, real_pictures) -> None:
    (found,) = estimator.estimate(real_pictures[:1])
    nobody = dataclasses.replace(found, landmarks=None, person_count=0)
    parity = compare(found, nobody, 1000, 667)
    assert (parity.within, parity.disagreements) == (0, 1)
    assert parity.visible > 20
    moved = dataclasses.replace(found, landmarks=found.landmarks + np.float32([0.02, 0, 0, 0, 0]))
    assert compare(found, moved, 1000, 667).within == 0
    assert compare(found, found, 1000, 667).share == 1
