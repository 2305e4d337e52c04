"""Kinds of pictures without a person, by the real network and the shipped head."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from unposed_jobs.errors import UnposedError
from unposed_jobs.lab.fitting.kinds import examples, fit
from unposed_jobs.lab.sample.cohorts import Shot
from unposed_jobs.lab.sample.garments import random_garment
from unposed_jobs.lab.sample.shots import Studio
from unposed_jobs.networks import weights
from unposed_jobs.pose import estimators, statistics
from unposed_jobs.pose.decoding import decode
from unposed_jobs.pose.estimator import PoseEstimate
from unposed_jobs.pose.kinds import efficientnet, identity, reading
from unposed_jobs.pose.kinds.estimator import KindEstimator, squared
from unposed_jobs.pose.rows import LandmarkRow

PERSON = np.zeros((33, 5), np.float32)


class Nobody:
    """Says of each picture what it was told to: a person, an error or nobody."""

    estimator_id = "inner"

    def __init__(self, *results: PoseEstimate) -> None:
        self.results = results

    def estimate(self, pictures):
        told = self.results or [PoseEstimate(None, 0.0, 0)] * len(pictures)
        return list(told)

    def close(self) -> None:
        self.results = ()


@pytest.fixture(scope="module")
def settings(pose_weights):
    return replace(pose_weights, picture_kinds=True)


@pytest.fixture(scope="module")
def published(settings) -> bytes:
    return weights.load(settings, identity.WEIGHTS)[1]


@pytest.fixture(scope="module")
def looking(settings) -> KindEstimator:
    return KindEstimator(Nobody(), settings)


def kinds(looking: KindEstimator, pictures) -> list[str]:
    """By the rows of `landmarks` that the pictures get."""
    found = []
    for picture, estimate in zip(pictures, looking.estimate(pictures), strict=True):
        told = LandmarkRow.unread(b"", looking.estimator_id).seen(picture, estimate).statistics
        assert len(told) == len(statistics.COLUMNS)
        likely = told[len(statistics.NAMES) :]
        assert sum(likely) == pytest.approx(1, abs=1e-5)
        found.append(reading.KINDS[int(np.argmax(likely))])
    return found


def test_rendered_pictures_are_of_their_kind(looking) -> None:
    shots = {"flat_lay": "flat_lay", "fabric": "fabric", "size_chart": "chart"}
    right = 0
    for number, garment in enumerate(("tshirt", "shirt", "dress", "trousers", "jacket", "polo")):
        rng = np.random.default_rng([57, number])
        studio = Studio(rng, random_garment(rng, garment), womenswear=True, size=400)
        pictures = [np.asarray(studio.picture(Shot(shot), 0, 1)) for shot in shots]
        found = kinds(looking, pictures)
        right += sum(one == kind for one, kind in zip(found, shots.values(), strict=True))
    assert right >= 17


def test_real_garments_laid_or_hung_are_flat_lays(looking, data, settings) -> None:
    """On blankets, floors and doors: plain statistics name 72 of these 80."""
    files = sorted((data / "flatlay").glob("*/*"))
    if not files:
        pytest.skip("needs ../shared/data/flatlay")
    found = kinds(looking, [decode(file.read_bytes(), settings) for file in files])
    assert found.count("flat_lay") >= 0.95 * len(files)


def test_real_scenes_are_neither_flat_lays_nor_charts(looking, data, settings) -> None:
    files = sorted((data / "coco-empty").glob("*.jpg"))
    found = kinds(looking, [decode(file.read_bytes(), settings) for file in files])
    assert found.count("flat_lay") + found.count("chart") <= 0.1 * len(files)


def test_only_pictures_of_nobody_are_looked_at(settings, monkeypatch) -> None:
    person = PoseEstimate(PERSON, 0.9, 1)
    broken = PoseEstimate(None, 0.0, 0, error="broken")
    picture = np.zeros((40, 30, 3), np.uint8)
    loads = []
    monkeypatch.setattr(weights, "load", lambda *a, real=weights.load: loads.append(a) or real(*a))
    estimator = KindEstimator(Nobody(person, broken), settings)
    loads.clear()
    assert [one.kind_evidence for one in estimator.estimate([picture] * 2)] == [None, None]
    assert not loads  # nor is the network loaded for them
    nobody = PoseEstimate(None, 0.0, 0)
    estimator = KindEstimator(Nobody(person, nobody), settings)
    first, second = estimator.estimate([picture] * 2)
    assert first.kind_evidence is None
    assert second.kind_evidence.shape == (28,)


def test_a_picture_does_not_depend_on_the_others_of_its_batch(looking) -> None:
    pictures = list(np.random.default_rng(0).integers(0, 255, (3, 90, 60, 3), dtype=np.uint8))
    together = [one.kind_evidence for one in looking.estimate(pictures)]
    for picture, told in zip(pictures, together, strict=True):
        assert np.array_equal(looking.estimate([picture])[0].kind_evidence, told)


def test_pytorch_and_openvino_agree(published) -> None:
    pytest.importorskip("openvino")
    blocks = efficientnet.read(published)
    squares = np.random.default_rng(0).integers(0, 255, (2, 224, 224, 3), dtype=np.uint8)
    ours = efficientnet.OpenVinoNetwork(blocks)(squares)
    theirs = efficientnet.TorchNetwork(blocks, torch.device("cpu"))(squares)
    for one, other in zip(ours, theirs, strict=True):
        assert np.allclose(one, other, atol=1e-3)


@pytest.mark.gpu
def test_cuda_agrees_with_the_cpu(published) -> None:
    if not torch.cuda.is_available():
        pytest.skip("needs CUDA")
    blocks = efficientnet.read(published)
    squares = np.random.default_rng(0).integers(0, 255, (19, 224, 224, 3), dtype=np.uint8)
    ours = efficientnet.TorchNetwork(blocks, torch.device("cuda"))(squares)
    theirs = efficientnet.TorchNetwork(blocks, torch.device("cpu"))(squares)
    for one, other in zip(ours, theirs, strict=True):
        assert np.allclose(one, other, atol=1e-2)


@pytest.mark.parametrize("content", [b"", b"no weights", b"PK\x05\x06" + bytes(18)])
def test_other_files_are_refused(content) -> None:
    with pytest.raises(ValueError, match="not the weights of EfficientNet-Lite0"):
        efficientnet.read(content)


def test_network_and_head_are_of_the_id_and_the_switch_takes_them_out(
    settings, monkeypatch
) -> None:
    plain = estimators.identify(replace(settings, picture_kinds=False))
    first = estimators.identify(settings)
    assert first.startswith(f"{plain}-kinds")
    monkeypatch.setattr(reading, "content", lambda: b"another head")
    assert estimators.identify(settings) != first


def test_missing_weights_name_the_remedy(settings, tmp_path) -> None:
    with pytest.raises(UnposedError, match=r"efficientnet-lite0.*run: unposed models fetch"):
        identity.identify("inner", replace(settings, weights=str(tmp_path)))


def test_the_id_needs_no_torch() -> None:
    code = "import sys, unposed_jobs.pose.kinds.identity; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_relations_tell_a_thing_on_a_ground_from_a_cloth() -> None:
    rng = np.random.default_rng(0)
    ground, thing = rng.normal(0, 1, (2, 112))
    grid = np.tile(ground, (14, 14, 1)) + rng.normal(0, 0.1, (14, 14, 112))
    cloth = reading.relations(grid.astype(np.float32), np.zeros(112, np.float32))
    grid[3:11, 3:11] += thing - ground
    laid = reading.relations(grid.astype(np.float32), np.zeros(112, np.float32))
    assert laid.shape == (25,)
    assert cloth[0] > 0.9 > 0.4 > laid[0]  # border and middle
    assert laid[6] == 0  # of the border nothing is nearer to the middle


def test_the_regression_learns_what_it_is_shown() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(0, 1, (120, 5))
    truth = np.argmax(values[:, :4], axis=1)
    weight, bias = fit.regression(values, truth, 4)
    assert ((values @ weight.T + bias).argmax(1) == truth).mean() > 0.9


def test_examples_are_of_all_kinds_and_repeat() -> None:
    first = list(examples.examples(3, 1))
    assert {one.kind for one in first} == set(reading.KINDS)
    again = list(examples.examples(3, 1))
    assert all(np.array_equal(a.picture, b.picture) for a, b in zip(first, again, strict=True))


def test_squeezed_pictures_keep_their_border() -> None:
    picture = np.full((300, 100, 3), 255, np.uint8)
    picture[40:-40, 20:-20] = 0
    small = squared(picture)
    assert small.shape == (224, 224, 3)
    assert small[[0, -1]].min() == 255
    assert small[:, [0, -1]].min() == 255
    assert Image.fromarray(small).getpixel((112, 112)) == (0, 0, 0)
