"""Sides in processes of their own, and a device that is fed: the code that a GPU runs."""

from __future__ import annotations

import io
import os
from types import SimpleNamespace

import pytest
from PIL import Image
from torch.autograd import DeviceType

from unposed_jobs.errors import UnposedError
from unposed_jobs.lab.bench import decoding, gpu, pictures, throughput
from unposed_jobs.lab.bench.child import Child
from unposed_jobs.lab.sample.writer import SampleSettings, write_sample


class Side:
    """What a child makes."""

    def __init__(self, start: int) -> None:
        if start < 0:
            raise UnposedError("a side that cannot be made")
        self.value = start

    def add(self, number: int) -> int:
        self.value += number
        return self.value

    def cores(self) -> int:
        return len(os.sched_getaffinity(0))

    def threads(self) -> str:
        return os.environ["OMP_NUM_THREADS"]

    def die(self) -> None:
        os._exit(1)

    def fail(self) -> None:
        raise UnposedError("one line")


@pytest.fixture(scope="module")
def contents(tmp_path_factory) -> list[bytes]:
    out = tmp_path_factory.mktemp("pictures") / "sample"
    write_sample(out, SampleSettings(products=1, size=200), workers=1, progress=False)
    source = next(out.rglob("*.jpg")).read_bytes()
    return [pictures.varied(source, turn) for turn in range(4)]


def test_a_child_keeps_its_object_its_cores_and_its_threads(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    with Child(Side, 1, cores=1, threads=5) as child:
        assert child.call("threads") == "5"
        assert os.environ["OMP_NUM_THREADS"] == "2"
        assert child.call("add", 2) == 3
        child.begin("add", 2)
        assert child.result() == 5
        assert child.call("cores") == 1


def test_what_goes_wrong_in_a_child_is_told():
    with pytest.raises(UnposedError, match="cannot be made"), Child(Side, -1):
        pass
    with Child(Side, 0) as child, pytest.raises(UnposedError, match="one line"):
        child.call("fail")
    with Child(Side, 0) as child, pytest.raises(UnposedError, match="died"):
        child.call("die")


def test_varied_pictures_have_contents_of_their_own(contents):
    assert len(set(contents)) == 4


def test_decoding_has_both_sides(contents):
    (found,) = decoding.result([*contents, b"no picture"], 2)
    assert len(found.ratios) == 2
    assert found.ours.unit == found.reference.unit == "images/s"
    # Against the filter that Pillow takes where none is named, too.
    assert len(found.figures["pillow_bicubic"]) == 2
    assert any("bicubic" in note for note in found.notes)
    assert decoding.result([b"no picture"], 2)[0].verdict == "not measured"


def test_a_loop_and_the_batches_run_in_turns(contents, pose_weights):
    (found,) = throughput.result(contents, pose_weights, 1, 1)
    assert found.number == "1"
    assert found.ratios == [found.ours.values[0] / found.reference.values[0]]
    assert len(found.figures["ratio_in_cpu_time"]) == 1
    (share,) = found.figures["as_jobs_have_it"]
    assert share > 0
    assert any("with the second look" in note for note in found.notes)


def test_the_gpu_ratios_run_on_a_cpu_and_claim_nothing(contents, pose_weights):
    how = gpu.Feeding("cpu", decoders=2, batch=2, processes=1)
    fed, node = gpu.measure(contents[:2], pose_weights, how, 1)
    rates = fed.figures["rates"]
    assert set(rates) == {"end_to_end", "decode_only", "inference_only", "mediapipe"}
    assert all(value > 0 for values in rates.values() for value in values)
    slower = min(rates["decode_only"][0], rates["inference_only"][0])
    assert fed.ratios == [rates["end_to_end"][0] / slower]
    assert node.ratios == [rates["end_to_end"][0] / rates["mediapipe"][0]]
    assert fed.verdict == node.verdict == "invalid"
    assert fed.figures["profile"]["operators"]


def test_a_gpu_is_busy_with_each_kernel_once():
    """The profiler tells a kernel's time twice: of itself, and of the operator that started it."""

    def event(key, device, busy, noted=False):
        return SimpleNamespace(
            key=key,
            device_type=device,
            self_device_time_total=busy,
            self_cpu_time_total=1e6,
            is_user_annotation=noted,
        )

    events = [
        event("aten::conv2d", DeviceType.CPU, 2e6),
        event("sm90_kernel", DeviceType.CUDA, 2e6),
        event("step", DeviceType.CUDA, 9e6, noted=True),
    ]
    assert gpu._spent(events, cuda=True) == {"sm90_kernel": 2.0}
    assert gpu._spent(events, cuda=False) == {"aten::conv2d": 1, "sm90_kernel": 1, "step": 1}


def test_many_pictures_are_as_many_contents(monkeypatch, tmp_path):
    """The sample catalogue lists some pictures twice."""
    shades = [io.BytesIO() for _ in range(3)]
    for shade, target in zip((40, 40, 200), shades, strict=True):
        Image.new("L", (64, 64), shade).save(target, "JPEG")
    monkeypatch.setenv("UNPOSED_CACHE", str(tmp_path))
    monkeypatch.setattr(pictures, "load_sound", lambda *_: [item.getvalue() for item in shades])
    folder = pictures.many(9, 64)
    assert len({path.read_bytes() for path in folder.iterdir()}) == 9
