import numpy as np
import pytest
from landmark_figures import Pose, figure

from unposed_jobs.pose.second_look import keeping, readings
from unposed_jobs.pose.topology import BLAZEPOSE33_MIRROR


def turned_about(landmarks: np.ndarray) -> np.ndarray:
    turned = landmarks[:, BLAZEPOSE33_MIRROR].copy()
    turned[..., 2] *= -1
    return turned


def cut_below_the_mouth(landmarks: np.ndarray) -> np.ndarray:
    cut = landmarks.copy()
    cut[..., 1] -= cut[:, :11, 1].max() + 0.01
    return cut


BACK = figure(Pose("back", "upper"))[None]


def test_where_a_head_is_in_the_frame_the_detector_knows_the_side() -> None:
    kept = keeping.kept(BACK, turned_about(BACK), [0.93])
    assert kept.detector.tolist() == [True]
    np.testing.assert_array_equal(kept.landmarks, BACK)
    # One of them is wrong, and nobody knows which.
    assert kept.confidence.tolist() == [keeping.CONTRADICTED]
    assert keeping.kept(BACK, turned_about(BACK), [0.2]).confidence.tolist() == [0.2]


def test_where_both_say_the_same_it_is_worth_what_the_second_look_says() -> None:
    near = BACK + np.float32(0.01)
    kept = keeping.kept(BACK, near, [0.93])
    np.testing.assert_array_equal(kept.landmarks, BACK)
    assert kept.confidence.tolist() == [0.93]


def test_without_a_head_the_second_look_is_kept() -> None:
    second = cut_below_the_mouth(turned_about(BACK))
    # Either nobody's head is in the frame, or the detector alone puts one there.
    for detector in (cut_below_the_mouth(BACK), BACK, np.full_like(BACK, np.nan)):
        kept = keeping.kept(detector, second, [0.7])
        assert kept.detector.tolist() == [False]
        np.testing.assert_array_equal(kept.landmarks, second)
        assert kept.confidence.tolist() == [0.7]


def test_in_a_side_view_there_is_no_order_to_know() -> None:
    side = figure(Pose("left", "upper"))[None]
    second = side + np.float32(0.01)
    kept = keeping.kept(side, second, [0.9])
    assert not kept.detector.any()
    np.testing.assert_array_equal(kept.landmarks, second)


def test_whom_the_second_look_refuses_is_nobody() -> None:
    kept = keeping.kept(BACK, np.full_like(BACK, np.nan), [np.nan])
    assert np.isnan(kept.landmarks).all()
    assert not kept.detector.any()


@pytest.mark.parametrize(("above", "there"), [(0.01, False), (-0.01, True)])
def test_a_part_of_a_face_is_a_head(above: float, there: bool) -> None:
    lifted = BACK.copy()
    lifted[..., 1] -= lifted[:, :11, 1].max() + above
    assert keeping.head_in_frame(lifted).tolist() == [there]


def test_places_are_compared_in_the_picture_s_own_shape() -> None:
    # A quarter of the torso beside each other in a wide picture is half of it in a narrow one.
    torso = BACK[0, 23:25, 1].mean() - BACK[0, 11:13, 1].mean()
    beside = BACK.copy()
    beside[..., 0] += 1.5 * readings.SAME * torso
    for aspect, doubted in ((0.5, False), (1.0, True)):
        kept = keeping.kept(BACK, beside, [0.9], aspect)
        assert (kept.confidence[0] == keeping.CONTRADICTED) == doubted
