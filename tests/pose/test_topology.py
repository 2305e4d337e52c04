import numpy as np
import pytest

from unposed_jobs.pose import topology


def test_names_are_those_of_mediapipe() -> None:
    from mediapipe.tasks.python.vision.pose_landmarker import PoseLandmark

    assert tuple(item.name.lower() for item in sorted(PoseLandmark)) == topology.BLAZEPOSE33


@pytest.mark.parametrize(
    ("names", "pairs", "mirror", "unpaired"),
    [
        (topology.BLAZEPOSE33, topology.BLAZEPOSE33_PAIRS, topology.BLAZEPOSE33_MIRROR, {"nose"}),
        (topology.COCO17, topology.COCO17_PAIRS, topology.COCO17_MIRROR, {"nose"}),
    ],
)
def test_pairs_join_left_with_right(
    names: tuple[str, ...],
    pairs: tuple[tuple[int, int], ...],
    mirror: tuple[int, ...],
    unpaired: set[str],
) -> None:
    for left, right in pairs:
        assert names[left].replace("left", "right") == names[right]
        assert mirror[left] == right
        assert mirror[right] == left
    assert set(names) - {names[row] for pair in pairs for row in pair} == unpaired
    assert sorted(mirror) == list(range(len(names)))


def test_coco_points_keep_their_place_and_take_visibility_as_score() -> None:
    landmarks = np.zeros((2, 33, 5), np.float32)
    landmarks[..., 0] = np.arange(33)
    landmarks[..., 3] = 0.25
    landmarks[..., 4] = 0.75
    points = topology.coco17_from_blazepose33(landmarks)
    assert points.shape == (2, 17, 3)
    assert points.dtype == np.float32
    assert [topology.BLAZEPOSE33[int(x)] for x in points[0, :, 0]] == list(topology.COCO17)
    assert np.all(points[..., 2] == 0.25)
