"""Which files make an estimator, and what a person is told of those that do not."""

import dataclasses
import hashlib
from pathlib import Path

import boto3
import dotted_figures as dots
import numpy as np
import pytest

from unposed_jobs.config import PoseSettings
from unposed_jobs.errors import UnposedError
from unposed_jobs.pose import estimators
from unposed_jobs.pose.coco17 import model


def settings(estimator: str, **more: object) -> PoseSettings:
    return PoseSettings(estimator=estimator, onnx_person_box="frame", picture_kinds=False, **more)


def told(wanted: PoseSettings) -> str:
    """What the mistake's message says; it is one line."""
    with pytest.raises(UnposedError) as error:
        estimators.create(wanted)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_a_path_must_be_there(tmp_path) -> None:
    message = told(settings(f"onnx:{tmp_path}/none.onnx"))
    assert "none.onnx" in message
    assert message.endswith("check [pose] estimator")
    with pytest.raises(UnposedError, match=r"known: .*onnx:PATH"):
        estimators.create(settings("onnx:"))


def test_only_known_schemes_are_read() -> None:
    assert "https" in told(settings("onnx:https://example.com/model.onnx"))


def test_the_digest_must_be_the_one_asked_for(tmp_path) -> None:
    estimator = dots.saved(tmp_path)
    data = Path(estimator.partition(":")[2]).read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    estimators.create(settings(estimator, onnx_sha256=digest.upper())).close()
    message = told(settings(estimator, onnx_sha256="0" * 64))
    assert digest in message
    assert "onnx_sha256" in message


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99])
def test_a_cut_off_file_is_refused(tmp_path, share) -> None:
    path = tmp_path / "cut.onnx"
    data = dots.model()
    path.write_bytes(data[: int(share * len(data))])
    assert "model cut" in told(settings(f"onnx:{path}"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"colours": dots.COLOURS[:13]}, "gives 13 key points, not COCO's 17"),
        ({"head": "simcc", "colours": dots.COLOURS[:14]}, "gives 14 key points"),
        ({"more_outputs": 2}, "has the outputs heat_maps, more0, more1"),
        ({"more_outputs": 1}, "(2, 17, 64, 48) and (2, 17, 64, 48)"),
        ({"size": None}, "set [pose] onnx_input_size = [width, height]"),
    ],
)
def test_an_unfit_model_is_told_with_the_remedy(tmp_path, options, message) -> None:
    assert message in told(settings(dots.saved(tmp_path, **options)))


def test_another_size_than_the_models_is_refused(tmp_path) -> None:
    message = told(settings(dots.saved(tmp_path), onnx_input_size=(288, 384)))
    assert "is for inputs of 192 x 256, not 288 x 384" in message


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("onnx_person_box", "yolo"),
        ("onnx_device", "tpu"),
        ("onnx_heat_maps", "simcc"),
        ("onnx_colour_order", "grb"),
        ("onnx_mean", (0.0,)),
        ("onnx_std", (1.0, 0.0, 1.0)),
        ("onnx_input_size", (192,)),
    ],
)
def test_a_wrong_setting_is_told(tmp_path, key, value) -> None:
    right = settings(f"onnx:{tmp_path}/any.onnx")
    with pytest.raises(UnposedError, match=rf"^\[pose\] {key} must [^\n]+$"):
        dataclasses.replace(right, **{key: value})


def test_cuda_that_is_not_there_is_told(tmp_path, monkeypatch) -> None:
    import onnxruntime

    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CPUExecutionProvider"])
    message = told(settings(dots.saved(tmp_path), onnx_device="cuda"))
    assert "onnxruntime-gpu" in message


def test_cuda_that_does_not_start_is_not_replaced_in_silence(tmp_path, monkeypatch) -> None:
    import onnxruntime

    everything = ["CUDAExecutionProvider", "CPUExecutionProvider"]
    whole = onnxruntime.InferenceSession
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: everything)
    monkeypatch.setattr(
        onnxruntime,
        "InferenceSession",
        lambda data, options, providers: whole(data, options, providers=everything[1:]),
    )
    message = told(settings(dots.saved(tmp_path), onnx_device="cuda"))
    assert "did not start" in message


def test_a_model_in_a_bucket(tmp_path, aws) -> None:
    estimator = dots.saved(tmp_path)
    client = boto3.client("s3")
    client.create_bucket(Bucket="models")
    client.upload_file(estimator.partition(":")[2], "models", "dots.onnx")
    there = settings("onnx:s3://models/dots.onnx")
    assert estimators.identify(there) == estimators.identify(settings(estimator))


@pytest.mark.parametrize("head", ["heat_maps", "simcc"])
@pytest.mark.parametrize("batch", [1, 3])
def test_a_fixed_batch_is_filled_up(tmp_path, head, batch) -> None:
    inputs = np.random.default_rng(0).normal(size=(batch, 3, 256, 192)).astype(np.float32)
    fixed = model.Model("dots", dots.model(head, batch=batch), settings("onnx:x"))
    free = model.Model("dots", dots.model(head), settings("onnx:x"))
    assert fixed.largest_batch == batch
    for people in range(1, batch + 1):
        found = fixed(inputs[:people])
        assert found.shape == (people, 17, 3)
        np.testing.assert_allclose(found, free(inputs[:people]), atol=1e-5)


@pytest.mark.gpu
@pytest.mark.parametrize("head", ["heat_maps", "simcc"])
def test_cuda_gives_the_cpus_points(tmp_path, head) -> None:
    import onnxruntime

    if "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
        pytest.skip("needs onnxruntime-gpu and a CUDA device")
    inputs = np.random.default_rng(0).normal(size=(8, 3, 256, 192)).astype(np.float32)
    data = dots.model(head)
    there, here = (
        model.Model("dots", data, settings("onnx:x", onnx_device=device))(inputs)
        for device in ("cuda", "cpu")
    )
    np.testing.assert_allclose(there[..., 2], here[..., 2], atol=1e-3)
    assert (np.abs(there - here)[..., :2].max(-1) < 0.02).mean() > 0.95
