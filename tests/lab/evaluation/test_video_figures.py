import numpy as np
import pytest

from unposed_jobs.lab.evaluation.videos import figures
from unposed_jobs.lab.evaluation.videos.clips import Judged
from unposed_jobs.orientation import circle
from unposed_jobs.orientation.head import Calibration, Facing


def judged(angles, chosen, coverage=None, right=None):
    angles = np.asarray(angles, float)
    cells = np.zeros((len(angles), circle.CELLS))
    cells[np.arange(len(angles)), np.round(angles / circle.CELL).astype(int) % circle.CELLS] = 1
    truth = np.arange(72.0)
    told = truth if coverage is None else coverage
    return Judged(angles, angles, cells, chosen, chosen[:1], told, truth, right or {})


def test_bins_that_were_seen_and_those_that_were_not_are_counted_apart():
    # Front and right are seen near their middles, the front's left only at its border.
    video = judged([0, 10, 88, -25], ((0, 10.0, 0.9), (2, 60.0, 0.9), (4, 88.0, 0.9)))
    found = figures.of_videos([video])["best"]
    assert (found["seen_bins"], found["filled_of_seen"]) == (2, 1.0)
    assert (found["unseen_bins"], found["empty_of_unseen"]) == (5, 0.8)
    assert found["frames_within_15"] == pytest.approx(1 / 3)
    assert found["frames_in_their_bin"] == pytest.approx(1 / 3)


def test_angles_have_intervals_over_people():
    truth = np.tile([0.0, 100.0], 20)
    said = truth + np.repeat([2.0, 30.0], 20)
    sure = np.full(40, 50.0)
    facing = Facing(said, sure, Calibration().cells(said, sure))
    found = figures.of_orientation(facing, truth, np.repeat(np.arange(8), 5))
    assert (found["people"], found["median_error"], found["bins_right"]) == (8, 16.0, 0.5)
    assert found["intervals"]["bins_right"][0] < 0.5 < found["intervals"]["bins_right"][1]


def test_coverage_is_correlated_over_all_videos_with_an_interval_over_them():
    true, flat = np.arange(72.0), np.full(72, 3.0)
    videos = [judged([0], (), coverage) for coverage in (true, true + 2, 70 - true, flat)]
    found = figures.of_videos(videos)
    told = np.concatenate([video.coverage for video in videos])
    assert found["coverage_correlation"] == pytest.approx(np.corrcoef(told, np.tile(true, 4))[0, 1])
    low, high = found["intervals"]["coverage_correlation"]
    assert low < found["coverage_correlation"] < high <= 1


def test_what_is_said_as_often_as_it_is_right_is_calibrated():
    told = np.repeat([0.25, 0.75], 400)
    right = np.tile([True, False, False, False], 100)
    right = np.concatenate([right, ~right])
    assert figures.calibration_error(told, right) == pytest.approx(0)
    assert figures.calibration_error(np.full(100, 0.95), np.zeros(100, bool)) == pytest.approx(0.95)


def test_a_better_way_to_choose_has_an_interval_above_nothing():
    videos = [judged([0, 5], (), right={"sleeve": (1.0, 0.5, float(n % 2))}) for n in range(40)]
    found = figures.of_attributes(videos)["sleeve"]
    assert (found["certainty"], found["random"], found["sharpest"]) == (1.0, 0.5, 0.5)
    assert found["better_than_random"] == [0.5, 0.5]
    assert 0 < found["better_than_sharpest"][0] < 0.5 < found["better_than_sharpest"][1]
