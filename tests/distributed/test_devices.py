"""What a task does with the GPU that Spark gave it, on a machine without any."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from unposed_jobs.config import PoseSettings
from unposed_jobs.distributed import chunks, devices
from unposed_jobs.errors import UnposedError

GPU_CONF = Path(__file__).parents[2] / "spark/conf/gpu"


def test_a_gpu_that_cannot_be_used_is_not_replaced_in_silence(monkeypatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr(chunks, "ready", lambda *about: None)
    assert list(chunks.extract_chunks([], PoseSettings(), "any")) == []
    monkeypatch.setattr(devices, "take_gpu", lambda: "3")
    with pytest.raises(UnposedError, match="the GPU 3, but PyTorch"):
        list(chunks.extract_chunks([], PoseSettings(), "any"))


def test_an_estimator_without_pytorch_needs_none(monkeypatch) -> None:
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    devices.require("3")


def test_every_resource_of_the_settings_has_an_amount() -> None:
    # Without, a standalone worker ends as soon as it has started.
    lines = (GPU_CONF / "spark-defaults.conf").read_text().splitlines()
    names = {line.split()[0] for line in lines if line.startswith("spark.")}
    scripts = {name for name in names if name.endswith(".discoveryScript")}
    assert len(scripts) == 2
    assert {name.replace("discoveryScript", "amount") for name in scripts} <= names


def test_spark_is_told_of_every_gpu(tmp_path) -> None:
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\nprintf '0\\n1\\n'\n")
    tool.chmod(0o755)
    told = subprocess.run(
        [str(GPU_CONF / "discover-gpus.sh")],
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}"},
    )
    assert told.stdout.strip() == '{"name": "gpu", "addresses": ["0","1"]}'
