"""One picture that its decoder cannot stand costs itself only."""

from __future__ import annotations

import dataclasses
import subprocess
import sys

import numpy as np
import pytest
from poisoned_decoder import environment, jpeg

from unposed_jobs.config import PoseSettings
from unposed_jobs.pose.decoding import UnreadablePicture, decode_noted
from unposed_jobs.pose.isolation import decoding

SETTINGS = PoseSettings(decode_seconds=2.0)


@pytest.fixture
def poisoned(tmp_path, monkeypatch):
    for name, value in environment(tmp_path).items():
        monkeypatch.setenv(name, value)


def test_a_picture_that_ends_its_decoder_is_unreadable_and_the_next_is_read(poisoned):
    good = jpeg("red")
    with decoding(apart=True) as decode:
        for poison, reason in (
            ("CRASH", "crashed: the decoder ended by SIGSEGV"),
            ("HANG", "hung: not decoded within 2 s"),
            ("MEMORY", "broken: MemoryError"),
        ):
            with pytest.raises(UnreadablePicture, match=reason):
                decode(jpeg("blue", poison), SETTINGS)
            pixels, note = decode(good, SETTINGS)
            expected = decode_noted(good, SETTINGS)
            assert np.array_equal(pixels, expected[0])
            assert note == expected[1]


def test_what_is_told_of_a_picture_is_the_same_apart():
    small = dataclasses.replace(SETTINGS, max_pixels=100)
    with decoding(apart=True) as decode:
        for data, settings in ((b"", small), (b"no picture", small), (jpeg("red"), small)):
            with pytest.raises(UnreadablePicture) as expected:
                decode_noted(data, settings)
            with pytest.raises(UnreadablePicture) as told:
                decode(data, settings)
            assert str(told.value) == str(expected.value)


def test_a_picture_that_holds_up_a_worker_ends_it(poisoned):
    """For the next worker to decode it apart."""
    code = (
        "from poisoned_decoder import jpeg\n"
        "from unposed_jobs.config import PoseSettings\n"
        "from unposed_jobs.pose.isolation import decoding\n"
        "settings = PoseSettings(decode_seconds=5.0)\n"
        "with decoding(apart=False) as decode:\n"
        "    print(decode(jpeg('red'), settings)[0].shape, flush=True)\n"
        "    decode(jpeg('red', 'HANG'), settings)\n"
    )
    told = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.append('tests')\n{code}"],
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert told.stdout == "(96, 64, 3)\n"
    assert told.returncode == 1
    assert "Timeout" in told.stderr
