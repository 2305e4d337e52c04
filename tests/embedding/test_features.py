import numpy as np
import pytest
from landmark_figures import FRAMES, YAWS, Pose, coco, figure, figures, mirrored

from unposed_jobs.embedding.features import names, pose_features, turned_away, visibility
from unposed_jobs.embedding.topology import BLAZEPOSE_33, COCO_17

ALL = [Pose(view, frame) for view in YAWS for frame in FRAMES]
SHAPES = [(BLAZEPOSE_33, figures, 77), (COCO_17, lambda poses: coco(figures(poses)), 61)]


def ratio(landmarks: np.ndarray, name: str) -> np.ndarray:
    topology = BLAZEPOSE_33 if landmarks.shape[1] == 33 else COCO_17
    return pose_features(landmarks)[:, names(topology).index(name)]


@pytest.mark.parametrize(("topology", "make", "width"), SHAPES)
def test_widths_names_and_bounds(topology, make, width) -> None:
    features = pose_features(make(ALL))
    assert features.shape == (len(ALL), width)
    assert features.dtype == np.float32
    assert len(set(names(topology))) == width
    assert np.isfinite(features).all()
    assert np.abs(features).max() <= 1


@pytest.mark.parametrize(("topology", "make", "width"), SHAPES)
def test_what_an_invisible_point_was_guessed_to_be_is_irrelevant(topology, make, width) -> None:
    landmarks = make([Pose(view, "upper") for view in YAWS])
    hidden = visibility(landmarks) == 0
    assert hidden.any()
    garbage = landmarks.copy()
    rng = np.random.default_rng(0)
    places = 3 if topology.has_depth else 2
    garbage[hidden, :places] = rng.uniform(-9, 9, (hidden.sum(), places))
    if topology is COCO_17:
        garbage[hidden, :2] = np.nan
    np.testing.assert_array_equal(pose_features(garbage), pose_features(landmarks))


def test_a_point_outside_the_picture_is_not_seen_however_sure_the_estimator_is() -> None:
    landmarks = figures([Pose(frame="upper")])
    landmarks[..., 3:] = 1.0
    assert ratio(landmarks, "ankles") == -1
    assert ratio(landmarks, "hips") == 1


@pytest.mark.parametrize("as_seen", [lambda x: x, coco])
def test_the_view_can_be_read_off(as_seen) -> None:
    views = as_seen(np.stack([figure(Pose(view)) for view in YAWS]))
    facing = dict(zip(YAWS, ratio(views, "facing"), strict=True))
    assert facing["front"] > 0.9
    assert facing["back"] < -0.9
    assert abs(facing["left"]) < 0.1
    profile = dict(zip(YAWS, ratio(views, "profile"), strict=True))
    assert profile["left"] < -0.5 < 0.5 < profile["right"]
    assert abs(profile["front"]) < 0.1


@pytest.mark.parametrize("as_seen", [lambda x: x, coco])
def test_a_mirror_swaps_left_and_right_and_keeps_front_and_back(as_seen) -> None:
    landmarks = figures(ALL)
    here, there = as_seen(landmarks), as_seen(mirrored(landmarks))
    for name in ("facing", "shoulder_width", "hip_width", "ankles", "head", "scale"):
        np.testing.assert_allclose(ratio(there, name), ratio(here, name), atol=1e-5)
    np.testing.assert_allclose(ratio(there, "profile"), -ratio(here, "profile"), atol=1e-5)


def as_told(landmarks: np.ndarray) -> np.ndarray:
    """As BlazePose tells it: it makes more of the depth than there is (42 degrees look like 65)."""
    told = landmarks.copy()
    told[..., 2] *= np.tan(np.deg2rad(65)) / np.tan(np.deg2rad(42))
    return told


@pytest.mark.parametrize("as_seen", [as_told, coco])
def test_the_angle_is_read_in_degrees(as_seen) -> None:
    for turn in (0, 30, 45, 60, 90, 180):
        read = 90 * (1 - ratio(as_seen(figure(Pose(turn=turn))[None]), "facing")[0])
        assert read == pytest.approx(turn, abs=8.5), turn
    turned = as_seen(figure(Pose(turn=45))[None])
    for name in ("shoulder_width", "hip_width"):
        assert ratio(turned, name)[0] == pytest.approx(np.cos(np.pi / 4), abs=0.1), name


@pytest.mark.parametrize("as_seen", [as_told, coco])
@pytest.mark.parametrize("part", ["shoulder", "hip"])
def test_a_narrow_build_and_a_cocked_hip_are_no_turn(as_seen, part) -> None:
    narrow = figure(Pose())[None].copy()
    pair = [BLAZEPOSE_33.index(f"{side}_{part}") for side in ("left", "right")]
    narrow[:, pair, 0] = 0.5 + (narrow[:, pair, 0] - 0.5) * 0.75  # 41 degrees, by themselves.
    assert ratio(as_seen(narrow), "facing")[0] > 0.9


def test_depth_alone_makes_half_of_a_turn() -> None:
    crossed = as_told(figure(Pose())[None])
    for side, way in (("left", 1), ("right", -1)):
        crossed[:, BLAZEPOSE_33.index(f"{side}_shoulder"), 2] += way * 0.13
    assert ratio(crossed, "facing")[0] > 2 / 3
    hidden = crossed.copy()
    hidden[:, BLAZEPOSE_33.index("nose"), 3:] = 0  # Without a nose it is the only witness.
    assert ratio(hidden, "facing")[0] < 2 / 3


def test_a_nose_guessed_from_behind_is_no_turn() -> None:
    behind = figure(Pose("back"))[None].copy()
    guessed = behind.copy()
    guessed[:, BLAZEPOSE_33.index("nose"), 0] += 0.05
    assert ratio(guessed, "facing") == ratio(behind, "facing")


def seen_by(mouth: float, view: str = "front", turn: float = 0.0) -> np.ndarray:
    """One figure whose points are surely seen, and its mouth by these log odds."""
    landmarks = figure(Pose(view, turn=turn))[None].astype(np.float64)
    landmarks[..., 3] = 1 / (1 + np.exp(-10.0))
    landmarks[:, 9:11, 3] = 1 / (1 + np.exp(-mouth))
    return landmarks.astype(np.float32)


def test_a_mouth_that_is_hardly_seen_says_that_a_front_may_be_a_back() -> None:
    assert turned_away(seen_by(10.0))[0] < 0.02
    assert 0.1 < turned_away(seen_by(6.0))[0] < 0.3
    assert turned_away(seen_by(3.0))[0] > 0.5
    # Where a side view hides it, or a back view, it says nothing.
    assert turned_away(seen_by(3.0, turn=90))[0] < 0.05
    assert turned_away(seen_by(3.0, "back"))[0] == 0


def test_no_mouth_in_the_frame_no_certainty_and_no_depth_say_nothing() -> None:
    low = seen_by(3.0)
    cut = low.copy()
    cut[..., 1] -= cut[:, 9:11, 1].max() + 0.1
    unsure = low.copy()
    unsure[..., 3] = np.minimum(unsure[..., 3], 0.99)
    for landmarks in (cut, unsure, coco(low)):
        assert turned_away(landmarks)[0] == 0
    assert turned_away(low[:0]).shape == (0,)


@pytest.mark.parametrize("as_seen", [lambda x: x, coco])
@pytest.mark.parametrize("part", ["knee", "ankle"])
def test_one_leg_that_hides_the_other_shows_what_is_in_the_frame(as_seen, part) -> None:
    landmarks = figure(Pose())[None].copy()
    landmarks[:, BLAZEPOSE_33.index(f"left_{part}"), 3:] = 0
    assert ratio(as_seen(landmarks), f"{part}s") == 1
    landmarks[:, BLAZEPOSE_33.index(f"right_{part}"), 3:] = 0
    assert ratio(as_seen(landmarks), f"{part}s") == -1


@pytest.mark.parametrize("as_seen", [lambda x: x, coco])
def test_framing_can_be_read_off(as_seen) -> None:
    for view in YAWS:
        shots = as_seen(np.stack([figure(Pose(view, frame)) for frame in FRAMES]))
        seen = {
            name: dict(zip(FRAMES, ratio(shots, name) > -0.5, strict=True))
            for name in ("head", "knees", "ankles")
        }
        assert seen["head"] == {"full": True, "upper": True, "chest": True, "legs": False}
        assert seen["knees"] == {"full": True, "upper": False, "chest": False, "legs": True}
        head = dict(zip(FRAMES, ratio(shots, "head"), strict=True))
        assert head["chest"] < 0.1 < 0.9 < head["upper"]


def test_legs_without_shoulders_still_know_front_from_back() -> None:
    shots = np.stack([figure(Pose(view, "legs")) for view in ("front", "back")])
    for landmarks in (shots, coco(shots)):
        front, back = ratio(landmarks, "shoulder_width")
        assert front > 0.5
        assert back < -0.5


def test_moving_the_person_changes_no_ratio_but_scale() -> None:
    landmarks = figures([Pose(view, "upper") for view in YAWS])
    moved = landmarks.copy()
    moved[..., 0] += 0.1
    for name in ("shoulder_width", "hip_width", "facing", "profile", "arms"):
        np.testing.assert_allclose(ratio(moved, name), ratio(landmarks, name), atol=1e-5)


def test_a_narrow_picture_is_not_a_turned_person() -> None:
    landmarks = figures([Pose()])
    landmarks[..., 0] = 0.5 + (landmarks[..., 0] - 0.5) / 2  # Half-way to the side.
    narrow = landmarks.copy()
    narrow[..., 0] = 0.5 + (narrow[..., 0] - 0.5) * 2
    narrow[..., 2] *= 2
    wide = pose_features(landmarks)[:, 66:]
    np.testing.assert_allclose(pose_features(narrow, np.array([0.5]))[:, 66:], wide, atol=1e-5)
    assert np.abs(pose_features(narrow)[:, 66:] - wide).max() > 0.05


def test_nobody_at_all_is_finite_and_neutral() -> None:
    for topology in (BLAZEPOSE_33, COCO_17):
        shape = (2, len(topology.points), topology.values)
        for empty in (np.zeros(shape), np.full(shape, np.nan)):
            features = pose_features(empty.astype(np.float32))
            assert np.isfinite(features).all()
            assert features[0, names(topology).index("facing")] == 0
            assert features[0, names(topology).index("ankles")] == -1
    assert pose_features(np.zeros((0, 33, 5), np.float32)).shape == (0, 77)


def test_another_shape_is_refused() -> None:
    with pytest.raises(ValueError, match="33, 5"):
        pose_features(np.zeros((2, 33, 3), np.float32))


@pytest.mark.parametrize("as_seen", [lambda x: x, coco])
def test_a_picture_without_a_point_has_a_place_of_its_own(as_seen) -> None:
    shown = pose_features(as_seen(figures(ALL)))
    empty = pose_features(np.zeros_like(as_seen(figures(ALL[:1]))))
    apart = np.linalg.norm(shown - empty, axis=1)
    alike = np.linalg.norm(shown[:, None] - shown[None], axis=-1)
    np.fill_diagonal(alike, np.inf)
    assert apart.min() > alike.min(axis=1).max()


@pytest.mark.parametrize("as_seen", [lambda x: x, coco])
def test_a_head_that_is_cut_off_is_told_from_one_that_looks_away(as_seen) -> None:
    shots = figures([Pose("back", "upper"), Pose("back", "chest")])
    with_head, without = ratio(as_seen(shots), "head")
    assert with_head == 1
    assert abs(without) < 0.1


def test_a_face_that_is_cut_below_its_eyes_is_half_a_head() -> None:
    shot = figures([Pose("front", "upper")])
    eyes = [index for index, name in enumerate(BLAZEPOSE_33.points) if "eye" in name]
    shot[:, eyes, 1] = -0.05
    assert ratio(shot, "head")[0] == pytest.approx(0.5)
    # From behind an estimator of 17 points tells no eyes: the ears are a head.
    hidden = coco(figures([Pose("back", "upper")]))
    hidden[:, [COCO_17.index(name) for name in ("nose", "left_eye", "right_eye")], 2] = 0
    assert ratio(hidden, "head")[0] == 1


def test_narrow_hips_seen_from_behind_are_a_back_view() -> None:
    for view, sign in (("front", 1), ("back", -1)):
        legs = figure(Pose(view, "legs"))[None].copy()
        hips = [BLAZEPOSE_33.index(f"{side}_hip") for side in ("left", "right")]
        legs[:, hips, 0] = 0.5 + (legs[:, hips, 0] - 0.5) / 2
        assert sign * ratio(legs, "facing")[0] > 0.9
