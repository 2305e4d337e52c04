"""Collages, strips and small people: what is seen in parts of a picture is said."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from unposed_jobs.config import PoseSettings
from unposed_jobs.pose import estimators, views
from unposed_jobs.pose.estimator import PoseEstimate
from unposed_jobs.pose.extraction import extract

BODY = {11: (0.4, 0.3), 12: (0.6, 0.3), 23: (0.42, 0.6), 24: (0.58, 0.6)}


class Marks:
    """Takes the first red block for a person, unless it is too small a part of the height."""

    estimator_id = "marks"

    def __init__(self, least: float = 0.05) -> None:
        self.least = least
        self.looked = 0

    def estimate(self, pictures):
        self.looked += len(pictures)
        return [self._one(picture) for picture in pictures]

    def _one(self, picture):
        height, width = picture.shape[:2]
        blocks, _ = ndimage.label((picture[..., 0] == 255) & (picture[..., 1] == 0))
        rows, columns = np.nonzero(blocks == 1)
        if not len(rows) or (rows.max() - rows.min() + 1) / height < self.least:
            return PoseEstimate(None, 0.0, 0)
        left, top = columns.min() / width, rows.min() / height
        right, bottom = (columns.max() + 1) / width, (rows.max() + 1) / height
        landmarks = np.zeros((33, 5), np.float32)
        for point, (x, y) in BODY.items():
            landmarks[point, :2] = left + x * (right - left), top + y * (bottom - top)
        landmarks[:, 2] = 0.1
        return PoseEstimate(landmarks, (bottom - top), 1)

    def close(self):
        pass


def view(width=300, height=400, ground=0):
    """A picture of one person, from its top to its bottom, on a ground that is its own."""
    grain = np.random.default_rng(ground).integers(0, 30, (height, width, 1))
    picture = np.repeat(grain + 60 + 40 * ground, 3, axis=2).astype(np.uint8)
    picture[40:-40, width // 3 : -width // 3] = (255, 0, 0)
    return picture


def looked(picture, least=0.05, detector=None):
    inner = Marks(least)
    (found,) = views.ViewsEstimator(inner, detector or inner).estimate([picture])
    return found, inner.looked


def beside(*pictures, gap=0, axis=1):
    if gap:
        gutter = [gap, gap, 3]
        gutter[1 - axis] = pictures[0].shape[1 - axis]
        white = np.full(gutter, 255, np.uint8)
        pictures = [part for one in pictures for part in (one, white)][:-1]
    return np.concatenate(pictures, axis=axis)


GRID = beside(beside(view(), view(ground=2)), beside(view(ground=1), view(ground=3)), axis=0)


@pytest.mark.parametrize(
    ("picture", "count"),
    [
        (beside(view(), view(ground=1)), 2),
        (beside(view(), view(), gap=12), 2),
        (beside(view(), view(ground=2), axis=0), 2),
        (beside(view(), view(), view(), gap=12, axis=0), 3),
        (GRID, 4),
        (beside(*(view(ground=n % 2) for n in range(5))), 5),
    ],
)
def test_people_in_several_cells_are_a_collage(picture, count):
    found, _ = looked(picture)
    assert found.note == f"collage: people in {count} parts of it"
    assert found.person_count == count
    assert found.landmarks is not None


def test_a_collage_in_which_the_whole_showed_nobody_has_a_person_of_a_part():
    picture = beside(*(view(ground=n % 2) for n in range(4)), axis=0)
    found, _ = looked(picture, least=0.5)
    assert found.person_count == 4
    middle = found.landmarks[[11, 12, 23, 24], :2].mean(axis=0)
    assert middle[0] == pytest.approx(0.5, abs=0.02)
    assert min(abs(middle[1] - (n + 0.46) / 4) for n in range(4)) < 0.02
    assert found.landmarks[0, 2] == pytest.approx(0.1)


def test_an_ordinary_picture_is_looked_at_once():
    found, times = looked(view())
    assert (found.note, found.person_count, times) == (None, 1, 1)


def test_a_gap_within_one_person_is_no_seam():
    picture = np.full((400, 300, 3), 255, np.uint8)
    picture[:, 60:240] = (255, 0, 0)
    picture[10:, 120:180] = 255  # two legs
    picture[:10, 120:180] = 250
    found, times = looked(picture)
    assert (found.note, times) == (None, 1)


def test_a_strip_is_looked_at_in_squares():
    long = np.full((2400, 300, 3), 90, np.uint8)
    long[:, ::7] = 140  # No line of it is of one colour.
    found, times = looked(long, least=0.3)
    assert (found.landmarks, found.note) == (None, f"strip: nobody in any of {times - 1} parts")
    long[1500:1700, 100:200] = (255, 0, 0)
    found, _ = looked(long, least=0.3)
    assert (found.note, found.person_count) == ("strip: seen in a part of it", 1)
    assert found.landmarks[11, 1] == pytest.approx((1500 + 0.3 * 200) / 2400, abs=0.01)
    long[300:500, 100:200] = (255, 0, 0)
    assert looked(long, least=0.3)[0].person_count == 2


def test_very_long_strips_have_a_bound():
    assert len(views.squares(np.zeros((40_000, 200, 3), np.uint8))) == views.MOST_PARTS
    assert views.squares(np.zeros((400, 201, 3), np.uint8)) == []


def test_small_people_are_sought_in_scenes_only(monkeypatch):
    scene = np.random.default_rng(1).integers(0, 200, (800, 1000, 3)).astype(np.uint8)
    scene[500:620, 600:660] = (255, 0, 0)
    evidence = np.zeros(28, np.float32)
    inner, detector = Marks(0.25), Marks(0.25)
    made = views.ViewsEstimator(inner, detector)
    estimate = inner.estimate

    def bare(pictures):
        return [replace(one, kind_evidence=evidence) for one in estimate(pictures)]

    monkeypatch.setattr(inner, "estimate", bare)
    monkeypatch.setattr(views, "_is_scene", lambda picture, result: True)
    (found,) = made.estimate([scene])
    assert (found.landmarks, found.person_count) == (None, 1)
    assert found.note == "small: somebody in a part of it"
    monkeypatch.setattr(views, "_is_scene", lambda picture, result: False)
    (found,) = made.estimate([scene])
    assert (found.person_count, found.note, detector.looked) == (0, None, 9)


def test_the_note_is_in_the_row(monkeypatch):
    monkeypatch.setattr(views, "_is_scene", lambda picture, result: False)
    made = views.ViewsEstimator(Marks(), Marks())
    data = BytesIO()
    Image.fromarray(GRID).save(data, "PNG")
    row = extract(data.getvalue(), made, PoseSettings())
    assert (row.status, row.error) == ("ok", "collage: people in 4 parts of it")
    assert row.estimator_id == f"marks-views{views.VERSION}"


def test_the_switch_takes_it_out(pose_weights):
    looking = replace(pose_weights, views=True)
    assert estimators.identify(looking).endswith(f"-views{views.VERSION}")
    assert "-views" not in estimators.identify(replace(looking, views=False))
