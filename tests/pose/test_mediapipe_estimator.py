import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from unposed_jobs.pose import decoding
from unposed_jobs.pose.principal import pose_score, visible_area

LANDMARKS_MARGIN = 0.03
"""`_LANDMARKS_MARGIN` of mediapipe/tasks/python/test/vision/pose_landmarker_test.py: what x and y
may differ by, in shares of the picture's width and height."""

VIDEO_MARGIN = 15
"""`diff_threshold` of mediapipe/python/solutions/pose_test.py, in pixels."""


@pytest.fixture(scope="module")
def golden(data: Path) -> Path:
    return data / "blazepose-golden"


def points_of(prototxt: Path) -> np.ndarray:
    """x, y, z, visibility, presence of each landmark in a text proto, (N, 5)."""
    text = prototxt.read_text()
    names = ("x", "y", "z", "visibility", "presence")
    columns = [re.findall(rf"\b{name}: (\S+)", text) for name in names]
    return np.array(columns, float).T


@pytest.mark.parametrize("expected", ["expected_pose_landmarks.prototxt", "pose_landmarks.pbtxt"])
def test_golden_landmarks(golden, estimator, pose_weights, expected) -> None:
    """Our landmarks of MediaPipe's test picture are those of its own test.

    Tolerance: 0.03 of the picture's sides in x and y, the `_LANDMARKS_MARGIN` of MediaPipe's
    pose_landmarker_test.py (`test_detect`), which compares x and y only.
    """
    picture = decoding.decode((golden / "pose.jpg").read_bytes(), pose_weights)
    (found,) = estimator.estimate([picture])
    wanted = points_of(golden / expected)
    assert wanted.shape == (33, 5)
    assert found.landmarks is not None
    assert found.landmarks.shape == (33, 5)
    assert found.landmarks.dtype == np.float32
    assert np.abs(found.landmarks[:, :2] - wanted[:, :2]).max() <= LANDMARKS_MARGIN
    # Both say who is seen; every landmark of this picture is.
    assert found.landmarks[:, 3:].min() > 0.5
    assert found.person_count == 1
    assert found.pose_score > 0.99


def test_three_people(golden, estimator, pose_weights) -> None:
    picture = decoding.decode((golden / "three_people.jpg").read_bytes(), pose_weights)
    (found,) = estimator.estimate([picture])
    assert found.person_count == 3


def test_golden_video_frames(golden, estimator) -> None:
    """A squat, filmed: MediaPipe's `test_on_video` (solutions/pose_test.py) allows 15 pixels.

    Its landmarks were tracked and smoothed from frame to frame, ours see each frame alone, so
    all must agree on the first frame, which has no past, and nine in ten on the others.
    """
    import cv2

    expected = np.array(json.loads((golden / "pose_squats.full.json").read_text()))
    video = cv2.VideoCapture(str(golden / "pose_squats.mp4"))
    differences = []
    for number, wanted in enumerate(expected):
        more, frame = video.read()
        assert more
        if number % 8 == 0:
            (found,) = estimator.estimate([frame[:, :, ::-1]])
            pixels = found.landmarks[:, :2] * [frame.shape[1], frame.shape[0]]
            differences.append(np.abs(pixels - wanted[:, :2]).max(axis=1))
    video.release()
    assert differences[0].max() < VIDEO_MARGIN
    assert np.mean(np.array(differences) < VIDEO_MARGIN) >= 0.9


def test_pictures_without_anybody(estimator) -> None:
    plain = [np.full((h, w, 3), 255, np.uint8) for h, w in [(1, 1), (1, 3000), (3000, 1), (64, 48)]]
    for found in estimator.estimate(plain):
        assert (found.landmarks, found.person_count, found.pose_score) == (None, 0, 0.0)


def test_no_pictures(estimator) -> None:
    assert estimator.estimate([]) == []


def test_the_batch_does_not_matter_nor_does_the_memory_layout(
    golden, estimator, pose_weights
) -> None:
    rgb = decoding.decode((golden / "pose.jpg").read_bytes(), pose_weights)
    mirrored_view = rgb[:, ::-1][:, ::-1]
    blank = np.zeros((40, 40, 3), np.uint8)
    alone = estimator.estimate([rgb])[0].landmarks
    among = estimator.estimate([blank, np.asfortranarray(rgb), mirrored_view])
    assert among[0].landmarks is None
    assert np.array_equal(alone, among[1].landmarks)
    assert np.array_equal(alone, among[2].landmarks)


def test_a_picture_that_breaks_the_graph_does_not_fail_the_batch(
    golden, estimator, pose_weights, monkeypatch
) -> None:
    rgb = decoding.decode((golden / "pose.jpg").read_bytes(), pose_weights)
    detect = estimator._detect

    def sometimes(picture: np.ndarray) -> list[np.ndarray]:
        if len(picture) == 13:
            raise RuntimeError("calculator graph broke\nwith a long trace")
        return detect(picture)

    monkeypatch.setattr(estimator, "_detect", sometimes)
    broken, fine = estimator.estimate([np.zeros((13, 13, 3), np.uint8), rgb])
    assert (broken.landmarks, broken.person_count, broken.pose_score) == (None, 0, 0.0)
    assert broken.error == "calculator graph broke"
    assert fine.landmarks is not None
    assert fine.error is None


def person(low: float, high: float, visibility: float = 1.0, presence: float = 1.0) -> np.ndarray:
    landmarks = np.zeros((33, 5), np.float32)
    landmarks[:, 0] = landmarks[:, 1] = np.linspace(low, high, 33)
    landmarks[:, 3], landmarks[:, 4] = visibility, presence
    return landmarks


def test_the_principal_person_spans_the_largest_visible_box(estimator, monkeypatch) -> None:
    small, large = person(0.4, 0.5), person(0.1, 0.6)
    hidden = person(0.0, 1.0, visibility=0.2)
    outside = person(0.9, 3.0)
    people = [small, hidden, large, outside]
    monkeypatch.setattr(estimator, "_detect", lambda picture: people)
    (found,) = estimator.estimate([np.zeros((8, 8, 3), np.uint8)])
    assert found.landmarks is large
    assert found.person_count == 4


def test_equal_boxes_are_told_apart_by_the_score(estimator, monkeypatch) -> None:
    people = [person(0.2, 0.8, presence=p) for p in (0.7, 0.9, 0.8)]
    monkeypatch.setattr(estimator, "_detect", lambda picture: people)
    (found,) = estimator.estimate([np.zeros((8, 8, 3), np.uint8)])
    assert found.landmarks is people[1]
    assert found.pose_score == pytest.approx(0.9)


def test_visible_area_is_cut_at_the_edges() -> None:
    assert visible_area(person(-1.0, 2.0)) == pytest.approx(1.0)
    assert visible_area(person(0.25, 0.75)) == pytest.approx(0.25)
    assert visible_area(person(0.0, 1.0, visibility=0.1)) == 0.0


def test_a_half_shown_person_is_no_less_a_person() -> None:
    half = person(0.2, 0.8)
    half[17:, 3:] = 0.01
    assert pose_score(half) == pytest.approx(1.0)
    doubtful = half.copy()
    doubtful[8:17, 3:] = 0.1
    assert pose_score(doubtful) < 0.6


def test_nothing_is_said_on_standard_error(golden, pose_weights) -> None:
    """Neither on creation, nor on the first person, nor at exit without close()."""
    code = (
        "import sys; from unposed_jobs import config\n"
        "from unposed_jobs.pose import decoding, estimators\n"
        "settings = config.load().pose; made = estimators.create(settings)\n"
        "rgb = decoding.decode(open(sys.argv[1], 'rb').read(), settings)\n"
        "print(made.estimate([rgb])[0].person_count)\n"
    )
    command = [sys.executable, "-c", code, str(golden / "pose.jpg")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "1"
    assert done.stderr == ""
