"""People without a head: BlazePose's reading, refined by MoveNet's."""

import hashlib
from dataclasses import replace

import numpy as np
import pytest
import torch
from test_second_look_flow import PICTURE, Looker, flat, moving, whole_frame
from test_whole_frame_pictures import photograph
from upright import standing

from unposed_jobs.errors import UnposedError
from unposed_jobs.lab.fitting.second_look import examples
from unposed_jobs.lab.sample.cohorts import Shot
from unposed_jobs.networks import weights
from unposed_jobs.pose import estimators
from unposed_jobs.pose.estimator import PoseEstimate
from unposed_jobs.pose.movenet.network import INNER, Sided
from unposed_jobs.pose.second_look import headless, identity
from unposed_jobs.pose.second_look.first import First
from unposed_jobs.pose.topology import BLAZEPOSE33_INDEX, COCO17_INDEX, COCO17_MIRROR
from unposed_jobs.pose.topology import coco17_from_blazepose33 as coco17

SIZE = np.array([400.0, 400.0])
SURE = 40.0
"""Log odds that left and right are not exchanged."""
LIMBS = slice(COCO17_INDEX["left_shoulder"], None)
FACE = slice(0, COCO17_INDEX["left_shoulder"])
HANDS = [BLAZEPOSE33_INDEX[f"left_{name}"] for name in ("wrist", "pinky", "index", "thumb")]


def blazepose(confidence: float = 0.8) -> PoseEstimate:
    """A torso whose head lies above the picture."""
    table = standing().table(0, 400, 400)
    table[:11, 1] = -0.05
    table[:, 2] = np.linspace(-0.2, 0.3, 33)
    return PoseEstimate(table, 0.9, 1, person_confidence=confidence, found_by="whole_frame")


def movenet(score: float, move=(0.0, 0.0)) -> np.ndarray:
    """MoveNet says the same, moved by so many pixels."""
    points = coco17(blazepose().landmarks[None])[0] * (*SIZE, 1)
    points[:, :2] += move
    points[:, 2] = score
    points[FACE, 2] = 0.1
    return points.astype(np.float32)


def moved(one: PoseEstimate) -> np.ndarray:
    """By how many pixels each landmark was moved."""
    return (one.landmarks[:, :2] - blazepose().landmarks[:, :2]) * SIZE


def test_points_are_drawn_as_far_as_movenet_is_sure() -> None:
    for score, share in ((0.0, 0.0), (0.025, 0.25), (0.05, 0.5), (0.1, 1.0), (0.95, 1.0)):
        one = headless.refined(blazepose(), movenet(score, (12, -8)), SURE, SIZE)
        assert moved(one) == pytest.approx(np.tile([12 * share, -8 * share], (33, 1)), abs=1e-3)
        assert one.landmarks.dtype == np.float32
        assert one.landmarks[:, 3:] == pytest.approx(blazepose().landmarks[:, 3:])


def test_a_hand_goes_with_its_wrist_and_nothing_else_does() -> None:
    seen = movenet(0.0)
    seen[COCO17_INDEX["left_wrist"]] += (30, 20, 0.8)
    away = moved(headless.refined(blazepose(), seen, SURE, SIZE))
    assert away[HANDS] == pytest.approx(np.tile([30.0, 20.0], (4, 1)), abs=1e-3)
    assert np.abs(np.delete(away, HANDS, axis=0)).max() < 1e-3


@pytest.mark.parametrize("score", [0.25, 0.9])
def test_left_and_right_are_movenet_s(score: float) -> None:
    turned = movenet(score)[list(COCO17_MIRROR)]
    found = headless.refined(blazepose(), turned, SURE, SIZE)
    before = blazepose().landmarks
    left, right = (BLAZEPOSE33_INDEX[f"{side}_shoulder"] for side in ("left", "right"))
    assert found.landmarks[[left, right], 0] == pytest.approx(before[[right, left], 0], abs=1e-4)
    # Who is turned about is nearer where they were farther.
    assert found.landmarks[[left, right], 2] == pytest.approx(-before[[right, left], 2], abs=1e-4)


def test_confidence_falls_where_left_and_right_are_doubtful() -> None:
    def sure(seen: np.ndarray, before: float = 0.8, odds: float = SURE) -> float:
        return headless.refined(blazepose(before), seen, odds, SIZE).person_confidence

    agreeing = sure(movenet(0.9))
    assert agreeing > 0.9
    exchanged = movenet(0.9)[list(COCO17_MIRROR)]
    assert sure(exchanged) < agreeing
    assert sure(exchanged, odds=1.0) < sure(movenet(0.9), odds=1.0) - 0.02
    assert sure(movenet(0.9), 0.2) < agreeing
    assert sure(movenet(0.9), odds=1.0) < sure(movenet(0.9), odds=6.0) < agreeing
    assert 0 < sure(movenet(0.9), 0.0) < sure(movenet(0.9), 1.0) < 1


def test_what_lies_beyond_the_picture_stays_blazepose_s() -> None:
    """MoveNet puts hips that are not in the picture at its edge."""
    below = blazepose()
    hips = [BLAZEPOSE33_INDEX[f"{side}_hip"] for side in ("left", "right")]
    below.landmarks[hips, 1] = 1.2
    seen = movenet(0.9)
    at = [COCO17_INDEX[f"{side}_hip"] for side in ("left", "right")]
    seen[at, 1] = 399
    found = headless.refined(below, seen, SURE, SIZE)
    assert found.landmarks[hips, 1] == pytest.approx([1.2, 1.2])
    seen[at, 1] = 300
    found = headless.refined(below, seen, SURE, SIZE)
    assert found.landmarks[hips, 1] == pytest.approx([0.75, 0.75])


@pytest.mark.parametrize(
    ("nose", "expected"),
    [
        ((200, -10), True),
        ((200, 20), True),
        ((200, 30), False),
        ((-5, 200), True),
        ((200, 405), True),
    ],
)
def test_a_head_that_has_no_room_is_none(nose, expected) -> None:
    """The torso is 80 pixels long."""
    table = blazepose().landmarks.copy()
    table[0, :2] = np.array(nose) / SIZE
    assert headless.may_be_headless(table, SIZE) == expected


class Network:
    """In place of MoveNet: somebody in the middle of every square."""

    kind, side, device = "thunder", 256, torch.device("cpu")

    def __init__(self, face: float = 0.1) -> None:
        self.calls: list[int] = []
        self.face = face

    def sided(self, squares: torch.Tensor) -> Sided:
        self.calls.append(len(squares))
        points = torch.full((len(squares), 17, 3), 0.5)
        points[:, FACE, 2] = self.face
        return Sided(
            points, torch.ones(len(squares), 6), torch.zeros(len(squares), INNER[self.kind])
        )


def test_all_without_a_head_are_read_together() -> None:
    network = Network()
    headed = blazepose()
    headed.landmarks[:11, 1] = 0.2
    nobody = PoseEstimate(None, 0.0, 0)
    pictures = [np.zeros((400, 400, 3), np.uint8)] * 5
    given = [blazepose(), headed, nobody, blazepose(), blazepose()]
    found = headless.HeadlessReader(network)(pictures, given)
    assert network.calls == [3, 3, 3]
    assert found[1] is headed
    assert found[2] is nobody
    middle = [BLAZEPOSE33_INDEX[f"{side}_shoulder"] for side in ("left", "right")]
    for row in (0, 3, 4):
        assert found[row].landmarks[middle, 0] == pytest.approx(0.5)


def test_whose_face_is_seen_has_a_head() -> None:
    given = blazepose()
    picture = np.zeros((400, 400, 3), np.uint8)
    network = Network(face=0.6)
    (found,) = headless.HeadlessReader(network)([picture], [given])
    assert found is given
    assert network.calls == [1]


def test_a_head_that_is_doubted_and_shows_no_face_is_invented() -> None:
    headed = blazepose()
    headed.landmarks[:11, 1] = 0.2
    picture = np.zeros((400, 400, 3), np.uint8)
    for face, doubted, invented in ((0.1, True, True), (0.3, True, False), (0.1, False, False)):
        reader = headless.HeadlessReader(Network(face))
        (found,) = reader([picture], [headed], doubted=doubted)
        assert (found is not headed) == invented


def test_the_second_look_asks_it_and_without_it_does_not(monkeypatch) -> None:
    first = First(moving((0, -0.4) * 4), flat(0.0), flat(0.0), flat(0.0), stop=-1.0)
    Looker(monkeypatch)
    plain = whole_frame(first).estimate([PICTURE] * 3)
    network = Network()
    made = whole_frame(first)
    made._headless = headless.HeadlessReader(network)
    monkeypatch.setattr(headless, "may_be_headless", lambda landmarks, size: True)
    refined = made.estimate([PICTURE] * 3)
    assert network.calls == [3, 3, 3]
    for before, after in zip(plain, refined, strict=True):
        assert np.abs(before.landmarks[:, :2] - after.landmarks[:, :2]).max() > 0.05
        assert after.person_confidence != before.person_confidence
        assert after.person_probability == before.person_probability
        assert after.found_by == before.found_by == "whole_frame"


def test_the_id_tells_of_it_only_where_it_is_used(movenet_weights, monkeypatch) -> None:
    told = {
        name: identity.identify("inner", replace(movenet_weights, headless=name))
        for name in ("movenet-thunder", "movenet-lightning", "off")
    }
    assert len(set(told.values())) == 3
    digest = hashlib.sha256(f"{identity.VERSION}".encode() + identity.read())
    digest.update(weights.verify(movenet_weights).sha256.encode())
    assert told["off"] == f"inner-look{digest.hexdigest()[:12]}-0.65"
    monkeypatch.setattr(identity, "HEADLESS_VERSION", identity.HEADLESS_VERSION + 1)
    for name, before in told.items():
        after = identity.identify("inner", replace(movenet_weights, headless=name))
        assert (after == before) == (name == "off")


def test_a_wrong_setting_and_missing_weights_are_one_line(pose_weights, tmp_path) -> None:
    named = replace(pose_weights, estimator="blazepose-full", second_look=True)
    with pytest.raises(UnposedError, match="must be one of movenet-thunder, movenet-lightning"):
        replace(named, headless="pose")
    bundle, data = weights.load(pose_weights)
    weights.store.write(tmp_path, bundle.name, "task", data, bundle.source)
    alone = replace(named, weights=str(tmp_path), headless="movenet-lightning")
    with pytest.raises(UnposedError, match=r"run: unposed models fetch movenet-lightning$"):
        estimators.create(alone)
    estimators.identify(replace(alone, headless="off"))


def test_a_back_without_a_head_is_a_back(movenet_weights) -> None:
    """Of this one BlazePose takes the left for the right."""
    picture, taken = photograph(Shot("person", "back", "chest"), 2)
    size = np.array(picture.shape[1::-1], float)
    right = []
    for name in ("off", "movenet-thunder"):
        settings = replace(
            movenet_weights, estimator="blazepose-full", second_look=True, headless=name
        )
        made = estimators.create(settings)
        (found,) = made.estimate([picture])
        made.close()
        points = found.landmarks[None, :, :2] * size
        right.append(bool(examples.right(points, taken.joints[0], size)[0]))
    assert right == [False, True]
