"""Videos of every kind through the decoder, and which frames are kept."""

import cv2
import numpy as np
import pytest

from unposed_jobs.config import VideoSettings
from unposed_jobs.orientation import circle
from unposed_jobs.videos import choice, decoding, picture, sharpness, smoothing
from unposed_jobs.videos.decoding import Frame, UnreadableVideo


def video(path, frames=30, size=(120, 160), rate=10.0, code="mp4v"):
    """A file whose frames are grey, a little lighter each."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*code), rate, size)
    for number in range(frames):
        writer.write(np.full((size[1], size[0], 3), 40 + 6 * (number % 30), np.uint8))
    writer.release()
    return path.read_bytes()


def read(data, settings=None, **rest):
    with decoding.opened(data, settings or VideoSettings(), **rest) as (header, frames):
        return header, list(frames)


@pytest.mark.parametrize(
    ("name", "code"), [("a.mp4", "mp4v"), ("a.webm", "VP80"), ("a.mov", "mp4v")]
)
def test_a_video_of_each_container_gives_frames_at_the_wanted_rate(tmp_path, name, code):
    header, frames = read(video(tmp_path / name, code=code))
    assert (header.width, header.height, round(header.rate)) == (120, 160, 10)
    assert len(frames) == 15
    assert np.allclose(np.diff([frame.second for frame in frames]), 0.2, atol=0.01)
    assert frames[0].picture.shape == (160, 120, 3)
    # Each frame is what stood there: 12 levels lighter than the one before.
    levels = np.array([frame.picture.mean() for frame in frames])
    assert np.allclose(np.diff(levels), 12, atol=3)


def test_frames_come_small_and_whole_where_asked(tmp_path):
    data = video(tmp_path / "a.mp4", size=(320, 240))
    assert read(data, VideoSettings(frame_side=160))[1][0].picture.shape == (120, 160, 3)
    assert read(data, VideoSettings(frame_side=160), side=0)[1][0].picture.shape == (240, 320, 3)


def test_the_rest_of_a_broken_video_is_kept_or_refused_never_raised_otherwise(tmp_path):
    data = video(tmp_path / "a.webm", code="VP80")
    _, frames = read(data[: len(data) * 2 // 3])
    assert 0 < len(frames) < 15
    mp4 = video(tmp_path / "a.mp4")
    with pytest.raises(UnreadableVideo, match="unreadable"):
        read(mp4[: len(mp4) // 2])  # Its table of contents is at the end.


@pytest.mark.parametrize(
    ("settings", "status"),
    [(VideoSettings(max_seconds=2), "too_long"), (VideoSettings(max_pixels=1000), "too_large")],
)
def test_what_is_over_a_bound_is_not_decoded(tmp_path, settings, status):
    with pytest.raises(UnreadableVideo) as error:
        read(video(tmp_path / "a.mp4"), settings)
    assert error.value.status == status


def test_a_container_that_lies_about_its_length_is_read_to_the_bound(tmp_path):
    data = video(tmp_path / "a.webm", code="VP80", frames=60)
    at = data.find(b"\x44\x89\x88")  # Duration, a float of eight bytes.
    assert at > 0
    lying = data[: at + 3] + np.array(100.0, ">f8").tobytes() + data[at + 11 :]
    _, frames = read(lying, VideoSettings(max_seconds=2))
    assert frames[-1].second <= 2


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n",
        b"ffconcat version 1.0\nfile /etc/passwd\n",
        b"\xff\xd8\xff\xe0" + bytes(100),
        b"\0\0\0\x18ftypmp42" + bytes(5000),
        b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom\x7f\xff\xff\xffmoov" + bytes(range(256)) * 8,
        b"\x1aE\xdf\xa3" + bytes(range(256)) * 8,
    ],
)
def test_what_is_no_video_costs_itself_only(data):
    with pytest.raises(UnreadableVideo) as error:
        read(data)
    assert error.value.status == "unreadable"


def test_a_video_that_takes_too_long_is_given_up(tmp_path, monkeypatch):
    from pathlib import Path

    # A decoder that never answers stands in for one in an endless loop.
    (tmp_path / "child.py").write_text("import time\ntime.sleep(600)\n")
    monkeypatch.setattr(decoding, "__file__", str(Path(tmp_path) / "decoding.py"))
    with pytest.raises(UnreadableVideo, match="too long"):
        read(video(tmp_path / "a.mp4"), VideoSettings(decode_seconds=0.1))


def test_frames_in_which_nothing_moves_are_passed_over():
    rng = np.random.default_rng(0)
    one, other = (rng.integers(0, 255, (40, 30, 3)).astype(np.uint8) for _ in range(2))
    noisy = np.clip(one.astype(int) + rng.integers(-1, 2, one.shape), 0, 255).astype(np.uint8)
    frames = [Frame(second, shown) for second, shown in enumerate((one, noisy, other, other, one))]
    assert [frame.second for frame in decoding.different(iter(frames))] == [0, 2, 4]


def cells_at(angles, share=0.9):
    cells = np.full((len(angles), circle.CELLS), (1 - share) / circle.CELLS)
    at = np.round(np.asarray(angles) / circle.CELL).astype(int) % circle.CELLS
    cells[np.arange(len(angles)), at] += share
    return cells


def test_a_frame_that_is_misread_is_put_right_by_its_neighbours():
    angles = np.arange(0, 100, 10.0)
    told = angles.copy()
    told[5] += 180
    smooth = smoothing.smoothed(cells_at(told), np.arange(10) * 0.2)
    assert np.allclose(smooth.sum(1), 1)
    assert (circle.apart(circle.mean(smooth)[0], angles) < 12).all()


def test_a_frame_that_runs_ahead_of_a_steady_turn_is_brought_back():
    angles = np.arange(0, 200, 10.0)
    told = angles.copy()
    told[10] += 20
    smooth = smoothing.smoothed(cells_at(told), np.arange(20) * 0.2)
    assert circle.apart(circle.mean(smooth)[0], angles)[10] < 10


def test_backs_that_are_read_as_fronts_are_where_the_turn_leads():
    angles = np.arange(0, 360, 12.0)
    told = angles.copy()
    told[13:18] = 180 - angles[13:18]
    smooth = smoothing.smoothed(cells_at(told), np.arange(30) * 0.2)
    assert (circle.apart(circle.mean(smooth)[0], angles) < 15).all()


def test_a_turn_that_stops_and_goes_back_is_followed():
    angles = np.array([*range(0, 100, 10), *[100] * 5, *range(90, 0, -10)], float)
    smooth = smoothing.smoothed(cells_at(angles), np.arange(len(angles)) * 0.2)
    assert (circle.apart(circle.mean(smooth)[0], angles) < 6).all()


def test_a_cut_to_another_view_is_followed():
    angles = np.repeat([0.0, 180.0], 6)
    smooth = smoothing.smoothed(cells_at(angles), np.arange(12) * 0.2)
    assert (circle.apart(circle.mean(smooth)[0], angles) < 10).all()


def test_the_best_frame_of_a_bin_is_near_its_middle_and_sharp():
    angles = [60, 50, 45, 44, 130]
    quality = np.array([1, 1, 0.1, 1, 1.0])
    chosen = choice.of_angles(cells_at(angles, 0.95), quality, 0.8)
    assert [(one.bin, one.frame) for one in chosen] == [(1, 3), (3, 4)]
    assert choice.of_angles(cells_at([22.5], 0.5), np.ones(1), 0.8) == []
    assert choice.of_angles(np.empty((0, circle.CELLS)), np.empty(0), 0.8) == []


def test_chosen_frames_go_round_from_the_left_over_the_front_to_the_back():
    chosen = choice.of_angles(cells_at([180, -90, 0, 90], 0.95), np.ones(4), 0.8)
    assert [circle.NAMES[one.bin] for one in chosen] == ["back", "left", "front", "right"]


def test_coverage_counts_seconds_within_half_a_bin():
    cells = cells_at([0.0, 0.0, 90.0], 1.0)
    seen = choice.coverage(cells, choice.spans(np.array([0.0, 1.0, 3.0]), 0.5))
    assert seen[0] == pytest.approx(3.0)
    assert seen[4] == pytest.approx(3.0)
    assert seen[5] == pytest.approx(0.0)
    assert seen[18] == pytest.approx(0.5)


def test_what_a_person_may_be_read_off_by_widens_the_coverage_and_adds_nothing():
    exact, spans = cells_at([90.0], 1.0), np.array([2.0])
    sure, unsure = choice.coverage(exact, spans), choice.coverage(exact, spans, 10.0)
    assert unsure.sum() == pytest.approx(sure.sum(), rel=1e-5)
    assert unsure[18] == pytest.approx(2 * 0.976, abs=0.01)  # Within 2.25 spreads of it.
    assert sure[12] == pytest.approx(0, abs=1e-6)
    assert 0 < unsure[12] < sure[18] / 2


def test_each_frame_is_spread_by_what_it_may_be_off_by_itself():
    both, spans = cells_at([0.0, 180.0], 1.0), np.array([2.0, 2.0])
    off = choice.misread(np.array([80.0, 10.0]))
    seen = choice.coverage(both, spans, off)
    alone = [choice.coverage(both[[i]], spans[[i]], off[i]) for i in (0, 1)]
    assert np.allclose(seen, alone[0] + alone[1], atol=0.01)
    assert seen[0] > seen[36] > seen[30] > seen[6]
    assert choice.misread(np.zeros(1)) == choice.misread(np.ones(1)) == choice.MISREAD


def test_blur_along_one_side_alone_makes_a_frame_less_sharp():
    rng = np.random.default_rng(0)
    sharp = cv2.resize(
        rng.integers(0, 255, (20, 20, 3)).astype(np.uint8), (160, 160),
        interpolation=cv2.INTER_NEAREST,
    )  # fmt: skip
    whole = (0.0, 0.0, 1.0, 1.0)
    smeared = cv2.blur(sharp, (9, 1))
    soft = cv2.GaussianBlur(sharp, (0, 0), 3)
    values = [sharpness.sharpness(one, whole) for one in (sharp, smeared, soft)]
    assert values[0] > 1.2 * values[1] > 1.2
    assert values[0] > 1.2 * values[2]
    assert sharpness.sharpness(np.zeros((50, 50, 3), np.uint8), whole) == 1.0


def test_the_coverage_is_drawn_with_a_dot_for_each_filled_angle():
    drawn = picture.coverage_svg([1.0] * 36 + [0.0] * 36, ["front", "back"])
    assert drawn.count('class="filled"') == 2
    assert drawn.count('class="empty"') == 6
    assert "front, back" in drawn
    assert "NaN" not in picture.coverage_svg([0.0] * 72)
