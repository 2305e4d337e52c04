"""Bytes to rows as a pipeline, and the faster way to decode a JPEG."""

import threading

import numpy as np
import pytest
from PIL import Image

from unposed_jobs.config import PoseSettings
from unposed_jobs.pose import decoding, jpeg, pipeline
from unposed_jobs.pose.decoding import UnreadablePicture, decode
from unposed_jobs.pose.estimator import PoseEstimate
from unposed_jobs.pose.extraction import extract_batch

SETTINGS = PoseSettings(weights="unused", read_threads=3)


class Counting:
    """Finds a person in bright pictures and remembers the batches."""

    estimator_id = "counting"

    def __init__(self) -> None:
        self.batches: list[int] = []

    def estimate(self, pictures):
        self.batches.append(len(pictures))
        return [
            PoseEstimate(np.full((33, 5), 0.5, np.float32), 0.5, 1)
            if picture.mean() > 127
            else PoseEstimate(None, 0.0, 0)
            for picture in pictures
        ]

    def close(self) -> None:
        pass


@pytest.fixture
def contents(encode) -> list[bytes]:
    random = np.random.default_rng(0)
    made = [encode(random.integers(0, 256, (8 + i % 5, 9, 3), np.uint8)) for i in range(75)]
    made[3], made[40] = b"no picture", made[7]
    return made


@pytest.mark.parametrize("decoders", [0, 1, 3])
def test_same_rows_as_in_batches(contents, decoders) -> None:
    estimator = Counting()
    streamed = list(
        pipeline.extract_stream(
            range(len(contents)), contents.__getitem__, estimator, SETTINGS, decoders=decoders
        )
    )
    assert [item for item, _ in streamed] == list(range(75))
    assert [row for _, row in streamed] == extract_batch(contents, Counting(), SETTINGS)
    assert sum(estimator.batches) == 74


def test_vanished_pictures(contents) -> None:
    def load(number: int) -> bytes | None:
        return None if number % 2 else contents[number]

    rows = dict(pipeline.extract_stream(range(6), load, Counting(), SETTINGS))
    assert [rows[number] is None for number in range(6)] == [False, True] * 3


def test_an_error_in_loading_ends_the_stream(contents) -> None:
    def load(number: int) -> bytes:
        if number == 50:
            raise OSError("the disk is gone")
        return contents[number]

    stream = pipeline.extract_stream(range(75), load, Counting(), SETTINGS)
    with pytest.raises(OSError, match="the disk is gone"):
        list(stream)


@pytest.mark.parametrize("decoders", [0, 2])
def test_large_pictures_wait(encode, monkeypatch, decoders) -> None:
    # Each fills more than the whole budget: they pass one by one, none is lost, nothing hangs.
    monkeypatch.setattr(pipeline, "BATCH_PIXELS", 50)
    contents = [encode(np.full((9, 9, 3), value, np.uint8)) for value in range(100, 140)]
    estimator = Counting()
    rows = list(pipeline.extract_stream(contents, bytes, estimator, SETTINGS, decoders=decoders))
    assert [row.status for _, row in rows] == ["no_person"] * 28 + ["ok"] * 12
    assert estimator.batches == [1] * 40


@pytest.mark.parametrize("decoders", [0, 2])
def test_a_gpus_batches_of_large_pictures_are_whole(encode, monkeypatch, decoders) -> None:
    # Of 2 MP on average, as eight of the CPU's are: closed earlier, they would be filled up.
    monkeypatch.setattr(pipeline, "BATCH_PIXELS", 2 * 81 * pipeline.BATCH_PICTURES)
    contents = [encode(np.full((9, 9, 3), 1, np.uint8))] * 150
    estimator = Counting()
    stream = pipeline.extract_stream(
        contents, bytes, estimator, SETTINGS, decoders=decoders, batch_pictures=64
    )
    assert len(list(stream)) == 150
    assert estimator.batches == [64, 64, 22]


def test_budget_holds_back_all_but_the_wanted() -> None:
    budget = pipeline._Budget(10)
    budget.take(0, 8)
    passed = threading.Event()
    waiting = threading.Thread(target=lambda: (budget.take(2, 8), passed.set()))
    waiting.start()
    budget.take(0, 100)
    assert not passed.is_set()
    budget.reached(2)
    waiting.join(10)
    assert passed.is_set()


def test_stopping_early_leaves_no_thread(contents) -> None:
    before = threading.active_count()
    stream = pipeline.extract_stream(contents, bytes, Counting(), SETTINGS, decoders=2)
    next(stream)
    stream.close()
    assert threading.active_count() == before


SUBSAMPLINGS = [0, 1, 2]


@pytest.fixture
def photo() -> Image.Image:
    random = np.random.default_rng(8)
    coarse = random.integers(0, 256, (9, 7, 3), np.uint8)
    return Image.fromarray(coarse).resize((143, 211), Image.Resampling.BICUBIC)


@pytest.mark.parametrize("subsampling", SUBSAMPLINGS)
@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("orientation", [1, 3, 6])
def test_fast_jpeg_equals_pillow(
    photo, encode, monkeypatch, subsampling, progressive, orientation
) -> None:
    if not jpeg.available():
        pytest.skip("simplejpeg is not installed")
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encode(
        photo, "JPEG", quality=80, subsampling=subsampling, progressive=progressive, exif=exif
    )
    assert jpeg.decode(data, *photo.size) is not None
    fast = decode(data, SETTINGS)
    monkeypatch.setattr(decoding.jpeg, "decode", lambda *_: None)
    np.testing.assert_array_equal(fast, decode(data, SETTINGS))
    assert fast.flags.c_contiguous
    assert fast.flags.writeable


def test_without_simplejpeg_pillow_decodes(photo, encode, monkeypatch) -> None:
    monkeypatch.setattr(jpeg, "_simplejpeg", lambda: None)
    data = encode(photo, "JPEG", quality=80)
    assert jpeg.decode(data, *photo.size) is None
    assert decode(data, SETTINGS).shape == (211, 143, 3)


def test_flawed_jpeg_is_left_to_pillow(photo, encode, monkeypatch) -> None:
    data = encode(photo, "JPEG", quality=90)
    cut = data[: len(data) // 2]
    assert jpeg.decode(cut, *photo.size) is None
    assert jpeg.decode(data, 5, 5) is None
    with pytest.raises(UnreadablePicture, match="truncated"):
        decode(cut, SETTINGS)
    for mode in ("CMYK", "L"):
        other = encode(photo.convert(mode), "JPEG")
        before = decode(other, SETTINGS)
        monkeypatch.setattr(decoding.jpeg, "decode", lambda *_: pytest.fail("not for Pillow?"))
        np.testing.assert_array_equal(before, decode(other, SETTINGS))
        monkeypatch.undo()
