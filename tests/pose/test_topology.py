import numpy as np
import pytest

from unposed_jobs.pose import topology


def test_names_are_those_of_mediapipe() -> None:
    from mediapipe.tasks.python.vision.pose_landmarker import PoseLandmark

    assert tuple(item.name.lower() for item in sorted(PoseLandmark)) == topology.BLAZEPOSE33


@pytest.mark.parametrize(
    ("names", "mirror"),
    [
        (topology.BLAZEPOSE33, topology.BLAZEPOSE33_MIRROR),
        (topology.COCO17, topology.COCO17_MIRROR),
    ],
)
def test_a_mirror_exchanges_left_with_right(
    names: tuple[str, ...], mirror: tuple[int, ...]
) -> None:
    for name, other in zip(names, mirror, strict=True):
        assert mirror[other] == names.index(name)
        assert names[other].replace("right", "left") == name.replace("right", "left")
    assert {name for name, other in zip(names, mirror, strict=True) if names[other] == name} == {
        "nose"
    }
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
