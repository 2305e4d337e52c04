"""Where the second look looks, when it stops, and what it makes of what it sees."""

from dataclasses import replace

import numpy as np
import pytest
from upright import standing

from unposed_jobs.pose.estimator import PoseEstimate
from unposed_jobs.pose.logistic import Logistic
from unposed_jobs.pose.second_look import correction, estimator, gate, readings, squares
from unposed_jobs.pose.second_look.correction import Correction
from unposed_jobs.pose.second_look.estimator import WholeFrameEstimator, climb, follow, screen
from unposed_jobs.pose.second_look.evidence import Inside
from unposed_jobs.pose.second_look.first import POOLED, First
from unposed_jobs.pose.topology import BLAZEPOSE33_MIRROR

PICTURE = np.zeros((500, 400, 3), np.uint8)
LADDER = squares.ladder(400, 500)


def moving(shift=(0.0,) * 8) -> Correction:
    """A correction that moves every torso alike, in sides of the square."""
    count = len(correction.EVIDENCE)
    return Correction(np.zeros(count), np.ones(count), np.zeros((count, 8)), np.array(shift, float))


def flat(intercept: float) -> Logistic:
    count = len(POOLED)
    return Logistic(np.zeros(count), np.ones(count), np.zeros(count), intercept)


class Looker:
    """In place of the network: a skeleton that lies farther right in larger squares."""

    def __init__(self, monkeypatch) -> None:
        self.calls: list[np.ndarray] = []
        monkeypatch.setattr(estimator, "look", self)

    def __call__(self, engine, pictures, indices, regions):
        self.calls.append(regions)
        seen = standing(len(regions))
        seen.points[..., 0] += regions[:, 2, None] / 100
        # The surest of the ladder is the fourth.
        scores = np.exp(-np.abs(regions[:, 2] - LADDER[3, 2]) / 500).astype(np.float32)
        return replace(seen, regions=regions, scores=scores)


def test_the_whole_ladder_is_seen_in_order_and_then_the_detector_s_person(monkeypatch) -> None:
    looker = Looker(monkeypatch)
    found = PoseEstimate(standing().table(0, 400, 500), 0.9, 1)
    screened = screen(None, [PICTURE])
    assert looker.calls[0].tolist() == LADDER[list(squares.SCREENING)].tolist()
    (seen,) = climb(None, [(PICTURE, found, screened[0])])
    assert seen.regions[:8].tolist() == LADDER.tolist()
    assert seen.regions[8].tolist() == squares.around(found.landmarks, 400, 500)[0].tolist()
    assert len(seen) == 9
    (seen,) = follow(None, moving(), [PICTURE], [seen])
    assert len(seen) == 11
    assert sum(len(call) for call in looker.calls) == 11


def test_it_looks_again_where_the_squares_agree_and_at_the_surest(monkeypatch) -> None:
    looker = Looker(monkeypatch)
    screened = screen(None, [PICTURE])
    moves = moving((0, 0.02) * 4)
    climbed = climb(None, [(PICTURE, PoseEstimate(None, 0.0, 0), screened[0])])
    (seen,) = follow(None, moves, [PICTURE], climbed)
    ladder = seen.take(slice(0, 8))
    corrected = moves.corrected(ladder, (400, 500))
    agreed = squares.following(corrected.points[[readings.agreed(corrected)]])
    surest = squares.following(ladder.points[[3]])
    assert looker.calls[-1] == pytest.approx(np.concatenate([agreed, surest]))
    assert seen.regions[8:] == pytest.approx(looker.calls[-1])
    assert np.abs(agreed - surest).max() > 1


NOBODY = PoseEstimate(None, 0.0, 0)


def whole_frame(
    first: First, placed=0.0, there=9.0, threshold=0.5, sees=NOBODY
) -> WholeFrameEstimator:
    """An estimator that sees this, with a gate whose models say the same of all."""
    shipped = gate.load()
    constant = replace(shipped.placed, slope=1e-6, shift=placed)
    count = len(gate.THERE)
    always = Logistic(np.zeros(count), np.ones(count), np.zeros(count), there)
    doubtful = replace(shipped.clear, slope=1e-6, shift=-9.0)
    models = replace(shipped, first=first, placed=constant, there=always, clear=doubtful)

    class Seeing:
        estimator_id = "seeing"

        def estimate(self, pictures):
            return [sees for _ in pictures]

        def close(self) -> None:
            pass

    return WholeFrameEstimator(Seeing(), lambda: None, models, threshold, "id")


def test_a_hopeless_screening_ends_it(monkeypatch) -> None:
    looker = Looker(monkeypatch)
    first = First(moving(), flat(-2.0), flat(0.0), flat(0.0), stop=-1.0)
    found = whole_frame(first).estimate([PICTURE, PICTURE])
    assert [one.landmarks for one in found] == [None, None]
    assert [one.person_probability for one in found] == pytest.approx([1 / (1 + np.exp(2))] * 2)
    assert [len(call) for call in looker.calls] == [2 * len(squares.SCREENING)]
    (found,) = whole_frame(replace(first, stop=-3.0)).estimate([PICTURE])
    assert found.landmarks is not None
    assert sum(len(call) for call in looker.calls[1:]) == 10


def test_the_doubtful_pictures_of_a_batch_are_shown_to_the_network_together(monkeypatch) -> None:
    looker = Looker(monkeypatch)
    first = First(moving(), flat(0.0), flat(0.0), flat(0.0), stop=-1.0)
    found = whole_frame(first).estimate([PICTURE] * 20)
    assert all(one.found_by == "whole_frame" for one in found)
    # Screening, the rest of the ladder, and two squares more: a GPU's batches would else be padded.
    assert [len(call) for call in looker.calls] == [80, 80, 40]


@pytest.mark.parametrize("log_odds", [-2.0, 0.0, 3.0])
def test_the_confidence_is_that_of_the_reading_believed(monkeypatch, log_odds: float) -> None:
    Looker(monkeypatch)
    first = First(moving(), flat(0.0), flat(0.0), flat(0.0), stop=-1.0)
    (found,) = whole_frame(first, placed=log_odds).estimate([PICTURE])
    assert found.found_by == "whole_frame"
    assert found.person_confidence == pytest.approx(1 / (1 + np.exp(-log_odds)), abs=1e-4)


def test_the_detector_s_own_reading_stays_where_it_has_seen_a_head(monkeypatch) -> None:
    Looker(monkeypatch)
    seen = standing().table(0, 400, 500)
    back = seen[list(BLAZEPOSE33_MIRROR)]
    first = First(moving(), flat(0.0), flat(0.0), flat(0.0), stop=-1.0)
    looking = whole_frame(first, placed=3.0, sees=PoseEstimate(back, 0.8, 2))
    (found,) = looking.estimate([PICTURE])
    assert found.landmarks is back
    assert (found.found_by, found.pose_score, found.person_count) == ("detector", 0.8, 2)
    assert found.person_confidence == 0.5
    headless = back.copy()
    headless[:11, 1] -= 1
    looking = whole_frame(first, placed=3.0, sees=PoseEstimate(headless, 0.8, 1))
    (found,) = looking.estimate([PICTURE])
    assert found.landmarks is not headless
    assert found.person_confidence > 0.9


def test_who_is_not_there_is_refused_at_the_threshold(monkeypatch) -> None:
    first = First(moving(), flat(0.0), flat(0.0), flat(0.0), stop=-1.0)
    for threshold, refused in ((0.73, False), (0.74, True)):
        looker = Looker(monkeypatch)
        (found,) = whole_frame(first, there=1.0, threshold=threshold).estimate([PICTURE])
        assert (found.landmarks is None) == refused
        assert found.person_probability == pytest.approx(1 / (1 + np.exp(-1.0)))
        # Nobody is followed who is not there.
        assert sum(len(call) for call in looker.calls) == (8 if refused else 10)


def test_of_several_pictures_each_gets_its_own_answer(monkeypatch) -> None:
    Looker(monkeypatch)
    wide = np.zeros((500, 600, 3), np.uint8)
    first = First(moving(), flat(0.0), flat(0.0), flat(0.0), stop=-1.0)
    estimates = whole_frame(first)
    # Somebody is in the wide picture only.
    chances = {400: -3.0, 600: 3.0}
    monkeypatch.setattr(
        First,
        "inside",
        lambda self, seen: Inside(chances[round(2 * float(seen.regions[0, 0]))], 0.0, 0.0),
    )
    judged = replace(estimates._gate.there, weights=np.array([1.0, 0.0]), intercept=0.0)
    estimates._gate = replace(estimates._gate, there=judged)
    found = estimates.estimate([PICTURE, wide, PICTURE])
    assert [one.landmarks is not None for one in found] == [False, True, False]
    near = [1 / (1 + np.exp(-value)) for value in (-3.0, 3.0, -3.0)]
    assert [one.person_probability for one in found] == pytest.approx(near)
    (alone,) = estimates.estimate([wide])
    np.testing.assert_array_equal(alone.landmarks, found[1].landmarks)


def test_a_correction_carries_the_whole_body_along() -> None:
    seen = standing(2)
    seen.regions[1] = (150, 250, 800, 0)
    # Shoulders stay, hips go down by a tenth of the square.
    done = moving((0, 0, 0, 0, 0, 0.1, 0, 0.1)).corrected(seen, (400, 400))
    assert done.points[0, [11, 12]] == pytest.approx(seen.points[0, [11, 12]], abs=1e-3)
    assert done.points[0, [23, 24], 1] == pytest.approx([240, 240], abs=1e-3)
    assert done.points[1, [23, 24], 1] == pytest.approx([280, 280], abs=1e-3)
    # The torso is longer: so are the legs, and what is near the camera is nearer.
    for row in (0, 1):
        legs = done.points[row, 27, 1] - done.points[row, 25, 1]
        assert legs > 1.2 * (seen.points[row, 27, 1] - seen.points[row, 25, 1])
    assert done.visibility is seen.visibility


def test_a_correction_turns_with_its_square() -> None:
    seen = standing(1)
    seen.regions[0, 3] = np.pi / 2
    done = moving((0.1, 0) * 4).corrected(seen, (400, 400))
    assert done.points == pytest.approx(seen.points + np.float32([0, 40]), abs=1e-3)


def test_no_move_is_larger_than_half_the_square_nor_by_one_evidence_alone() -> None:
    count = len(correction.EVIDENCE)
    weights = np.zeros((count, 8))
    weights[0, 0] = 0.01
    model = Correction(np.zeros(count), np.ones(count), weights, np.zeros(8))
    told = np.zeros((1, count))
    told[0, 0] = 1e6
    assert model.moves(told)[0, 0, 0] == pytest.approx(0.05)
    assert replace(model, shift=np.full(8, 3.0)).moves(told).max() == 0.5


def test_what_is_told_of_a_square_does_not_depend_on_its_size() -> None:
    small, large = standing(1), standing(1)
    large.points[:] *= 3
    large.depth[:] *= 3
    large.regions[:] *= 3
    one, other = (
        correction.evidence_of(small, (400, 500)),
        correction.evidence_of(large, (1200, 1500)),
    )
    assert one == pytest.approx(other, abs=1e-5)
    assert one.shape == (1, len(correction.EVIDENCE))
    assert one[0, correction.EVIDENCE.index("border_bottom")] == pytest.approx(0.75)
