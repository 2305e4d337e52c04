import csv
from datetime import date

import cv2
import numpy as np
import pytest

pytest.importorskip("numba")

from unposed_jobs.lab.sample import turntables
from unposed_jobs.lab.sample.writer import SampleSettings
from unposed_jobs.orientation import circle


def test_turns_are_whole_or_partial_and_never_jump():
    wholes = set()
    for seed in range(40):
        angles = turntables.turns(np.random.default_rng(seed), 6.0, 5.0)
        steps = circle.apart(angles[1:], angles[:-1])
        assert len(angles) == 30
        assert steps.max() < 120
        wholes.add(round(steps.sum() / 45))
    assert len(wholes) > 3


def test_the_same_seed_gives_the_same_picture_and_the_angle_is_seen():
    table = turntables.random_turntable(4, 0, 160)
    front, again, back = (np.asarray(table.picture(angle, 1)) for angle in (0.0, 0.0, 180.0))
    assert np.array_equal(front, again)
    assert not np.array_equal(front, back)
    assert table.size[1] == 160


def test_videos_of_a_sample_catalogue_have_a_source_and_a_truth(tmp_path, monkeypatch):
    (tmp_path / "truth").mkdir()
    short = np.zeros((4, 32, 24, 3), np.uint8)
    made = turntables.Clip(short, np.array([0.0, 10.0, 20.0, 30.0]), np.zeros(4), 5.0)
    monkeypatch.setattr(turntables, "clip", lambda *given: made)
    turntables.write_videos(tmp_path, SampleSettings(5, 3, 160, date(2026, 1, 5)), 2, 160)
    with (tmp_path / "videos.csv").open() as file:
        listed = list(csv.DictReader(file))
    assert [row["product_id"] for row in listed] == ["P000001", "P000002"]
    with (tmp_path / "truth/turntables.csv").open() as file:
        truth = list(csv.DictReader(file))
    assert [float(row["angle"]) for row in truth[:4]] == [0, 10, 20, 30]
    capture = cv2.VideoCapture(str(tmp_path / listed[0]["video_uri"]))
    assert int(capture.get(cv2.CAP_PROP_FRAME_COUNT)) == 4
