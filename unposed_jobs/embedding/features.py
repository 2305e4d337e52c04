"""Landmarks to the paper's feature vectors (section 4.3): 77 values, or 61.

    77 = 33 points x (x, y)        + 10 ratios + 1 depth feature
    61 = 17 points x (x, y, score) + 10 ratios

The coordinates are those of the picture, as in the paper, moved so that its middle is 0. Points
that are not visible are masked, not trusted: an estimator returns all of its points, also those
that it only guesses. A masked point stands where its part of the body leaves a picture - the
head above it, everything else below - so that "absent" is one place, far from every visible one,
and whatever the estimator guessed has no influence.

The ten ratios say which way the body is turned and how much of it is in the frame. They follow
the paper's ``x_left_shoulder / x_right_shoulder``, but as signed differences over the length of
the torso: a quotient of positions has no bound, and depends on where in the picture the person
stands. The widths of shoulders and hips are in parts of those of an adult from the front, which
makes them cosines; the facing is the angle itself, on which front, three-quarter, side and back lie
evenly apart. On cosines alone a three-quarter view is all but a front view; on angles alone the
noise of a front view, where a cosine hardly changes, reads as turning. So the angle is read from
a sine and the cosine: how far the nose is from the shoulders' middle, and depth where
there is one. Narrow shoulders, a cocked hip, crossed legs or a head that is turned move one of them
alone, and are then no turn of the body. All ratios are in [-1, 1]; 0 is neutral and is what an
unknown ratio gets.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from unposed_jobs.embedding.topology import Floats, Topology, of_array

RATIOS = (
    "shoulder_width",  # left minus right shoulder, over an adult's: +1 front, 0 side, -1 back
    "hip_width",  # the same of the hips
    "facing",  # yaw of the body, by widths, nose and depth: +1 front, 0 side, -1 back
    "profile",  # side views: +1 towards the picture's right edge, -1 towards its left
    "head",  # head and shoulders in the frame: -1 neither, 0 shoulders only, 1 both
    "hips",  # hips in the frame, as -1 (none) to 1 (both)
    "knees",  # either knee in the frame, as -1 (no) to 1; from the side one hides the other
    "ankles",  # the same of the ankles
    "scale",  # log of the torso's length over the picture's height
    "arms",  # hands above (+) or below (-) the shoulders, over torso
)
DEPTH = "depth"

# Visibility below the first value counts as absent, above the second as seen.
_SEEN = {True: (0.3, 0.7), False: (0.1, 0.4)}
_MARGIN = 0.02  # of the picture: a point this far outside the frame is gone
_ABSENT_ABOVE, _ABSENT_BELOW = -0.75, 0.75  # picture's middle is 0, its edges are +-0.5

# Proportions of an adult, in torso lengths: how wide the joints of shoulders and hips are apart
# from the front, and the torso's length where the torso itself is not in the picture.
_WIDTHS = {"shoulder": 0.64, "hip": 0.38}
_NECK, _THIGH = 0.38, 0.85
_DEPTH_GAIN = 0.45  # the estimator's depth makes of 42 degrees 65: with it they are 42 again
_NOSE_AHEAD = 0.23  # of the shoulders: as far from their middle it stands in a side view
_MOUTH = ("mouth_left", "mouth_right")
# Log odds that a body is turned away, for each unit of log odds by which the mouth's visibility
# falls short of the level at which front and back are as likely; and the share of people who seem
# to face the camera and do not. All three of rendered turntables (seed 11), read from 33 points.
_HIDDEN, _MOUTH_LEVEL, _TURNED_AWAY = 0.76, 8.5, 0.04
_SURE = 6.0  # log odds: who is not so sure of any point speaks on another scale
_ENOUGH_SEEN = 0.25  # visibility from which on a pair gives the angle
_NOSE_FRONT = 0.2  # |cosine| from which on the nose is surely seen, or from behind a guess
_HEAD = ("nose", "left_eye", "right_eye", "left_ear", "right_ear")
_TYPICAL_TORSO = 0.4  # of the picture's height: an upper-body picture


@dataclass(frozen=True)
class _Body:
    """Weighted geometry of N pictures; lengths in units of the picture's height."""

    topology: Topology
    xy: Floats
    depth: Floats
    seen: Floats

    def point(self, name: str) -> Floats:
        return self.xy[:, self.topology.index(name)]

    def z(self, name: str) -> Floats:
        return self.depth[:, self.topology.index(name)]

    def weight(self, *names: str) -> Floats:
        """How surely all of the points are seen, in [0, 1]."""
        return np.minimum.reduce([self.seen[:, self.topology.index(name)] for name in names])

    def share(self, *names: str) -> Floats:
        """The share of the points that is seen, as -1 (none) to 1 (all)."""
        return 2 * np.mean([self.seen[:, self.topology.index(n)] for n in names], axis=0) - 1

    def either(self, part: str) -> Floats:
        """How surely the left or the right one is seen, as -1 (neither) to 1."""
        pair = [self.seen[:, self.topology.index(f"{side}_{part}")] for side in ("left", "right")]
        return 2 * np.max(pair, axis=0) - 1

    def across(self, part: str) -> Floats:
        """How far the left one is to the right of the right one, in the picture."""
        return (self.point(f"left_{part}") - self.point(f"right_{part}"))[:, 0]

    def along(self, part: str) -> Floats:
        """How much farther from the camera the left one is than the right one, as estimated."""
        return self.z(f"left_{part}") - self.z(f"right_{part}")

    def middle(self, part: str) -> Floats:
        return (self.point(f"left_{part}") + self.point(f"right_{part}")) / 2


def names(topology: Topology) -> tuple[str, ...]:
    """The name of each feature, in order: 77 for 33 points, 61 for 17."""
    parts = ("x", "y") if topology.has_depth else ("x", "y", "score")
    coordinates = tuple(f"{point}_{part}" for point in topology.points for part in parts)
    return coordinates + RATIOS + ((DEPTH,) if topology.has_depth else ())


def ratios_of(features: Floats) -> Floats:
    """(N, 10) of features (N, 77) or (N, 61), in the order of `RATIOS`."""
    first = {77: 66, 61: 51}[features.shape[1]]
    return features[:, first : first + len(RATIOS)]


def visibility(landmarks: Floats) -> Floats:
    """How surely each point is to be seen: (N, points) in [0, 1], exactly 0 where it is not.

    From the estimator's visibility and presence (33 points) or score (17), and from the frame:
    a point that was guessed outside of the picture is not seen. NaN is not seen.
    """
    topology = of_array(landmarks)
    low, high = _SEEN[topology.has_depth]
    stated = landmarks[..., 2]
    if topology.has_depth:
        stated = np.minimum(landmarks[..., 3], landmarks[..., 4])
    seen = np.clip((np.nan_to_num(stated) - low) / (high - low), 0, 1)
    inside = np.clip(1 + (0.5 - np.abs(landmarks[..., :2] - 0.5)) / _MARGIN, 0, 1).min(axis=-1)
    return (seen * np.nan_to_num(inside)).astype(np.float32)


def turned_away(landmarks: Floats, aspect: npt.NDArray[np.floating] | None = None) -> Floats:
    """Probability that somebody who is read from the front shows the back: (N,) in [0, 1].

    BlazePose takes some backs for fronts, exchanges left and right, and puts a face where none can
    be seen. It is nearly as sure of that face as of a real one, so `visibility` has no use for the
    difference; the mouth's own log odds do show it. 0 where no mouth is in the frame, for side and
    back views, and for 17 points, none of whose scores separates a face from a back.

    Shapes as in `pose_features`.
    """
    landmarks = np.asarray(landmarks, dtype=np.float32)
    topology = of_array(landmarks)
    if not topology.has_depth or not len(landmarks):
        return np.zeros(len(landmarks))
    mouth = [topology.index(point) for point in _MOUTH]
    stated = np.clip(np.nan_to_num(landmarks[..., 3].astype(np.float64)), 1e-6, 1 - 1e-6)
    shown = np.log(stated / (1 - stated))
    known = shown.max(axis=1) >= _SURE
    shown = shown[:, mouth].mean(axis=1)
    odds = _HIDDEN * (_MOUTH_LEVEL - shown) + np.log(_TURNED_AWAY / (1 - _TURNED_AWAY))
    framed = (visibility(landmarks)[:, mouth].min(axis=1) > 0) & known
    facing = ratios_of(pose_features(landmarks, aspect))[:, RATIOS.index("facing")]
    # Fades out towards a side view, where a mouth is half hidden anyway.
    front = np.clip(3 * facing, 0, 1) * framed
    return front / (1 + np.exp(-odds))


def pose_features(landmarks: Floats, aspect: npt.NDArray[np.floating] | None = None) -> Floats:
    """The feature vectors of N pictures.

    landmarks: (N, 33, 5) - x, y, z, visibility, presence - or (N, 17, 3) - x, y, score -
    float, x and y in [0, 1] of the upright picture; NaN stands for a point not found.
    aspect: (N,) width over height; without it, pictures are taken as square.

    Returns (N, 77) or (N, 61) float32, finite, ratios and depth in [-1, 1]; see `names`.
    Raises ValueError for any other shape.
    """
    landmarks = np.asarray(landmarks, dtype=np.float32)
    topology = of_array(landmarks)
    seen = visibility(landmarks)
    blocks = [_coordinates(landmarks, seen, topology)]
    body = _body(landmarks, seen, topology, aspect)
    torso, known = _torso(body)
    blocks.append(_ratios(body, torso, known))
    if topology.has_depth:
        blocks.append(_depth(body, torso, known))
    return np.ascontiguousarray(np.concatenate(blocks, axis=1), dtype=np.float32)


def _coordinates(landmarks: Floats, seen: Floats, topology: Topology) -> Floats:
    """Landmarks normalised: 0 is the picture's middle, values are at most 0.6 from it, each point
    counts as far as it is `seen` (N, P), and an absent one lies above or below the picture.
    """
    head = [
        any(part in point for part in ("nose", "eye", "ear", "mouth")) for point in topology.points
    ]
    absent = np.where(head, _ABSENT_ABOVE, _ABSENT_BELOW)
    x = np.where(seen > 0, np.clip(np.nan_to_num(landmarks[..., 0]), -0.1, 1.1) - 0.5, 0)
    y = np.where(seen > 0, np.clip(np.nan_to_num(landmarks[..., 1]), -0.1, 1.1) - 0.5, 0)
    parts = [seen * x, seen * y + (1 - seen) * absent]
    if not topology.has_depth:
        parts.append(seen)
    width = len(topology.points) * len(parts)
    return np.stack(parts, axis=-1).reshape(len(landmarks), width)


def _body(
    landmarks: Floats, seen: Floats, topology: Topology, aspect: npt.NDArray[np.floating] | None
) -> _Body:
    wide = np.ones(len(landmarks)) if aspect is None else np.asarray(aspect, dtype=np.float64)
    wide = np.where(np.isfinite(wide) & (wide > 0), wide, 1.0).astype(np.float32)
    # A masked point must not matter, whatever it holds; its weight is 0, so 0 will do.
    clean = np.where(seen[..., None] > 0, np.nan_to_num(landmarks[..., :3]), 0)
    xy = clean[..., :2] * np.stack([wide, np.ones_like(wide)], axis=-1)[:, None]
    depth = clean[..., 2] * wide[:, None] if topology.has_depth else np.zeros_like(seen)
    return _Body(topology, xy, depth, seen)


def _torso(body: _Body) -> tuple[Floats, Floats]:
    """Length of the torso, (N,), and how far it is known, (N,) in [0, 1].

    Measured where shoulders and hips are seen; else the longest of what the shoulders' width,
    the neck and the thighs say, since turning and bending only ever shorten them.
    """
    width = np.hypot(body.across("shoulder"), body.along("shoulder"))
    neck = np.linalg.norm(body.point("nose") - body.middle("shoulder"), axis=1)
    guesses = [
        (width / _WIDTHS["shoulder"], body.weight("left_shoulder", "right_shoulder")),
        (neck / _NECK, body.weight("nose", "left_shoulder", "right_shoulder")),
    ]
    for side in ("left", "right"):
        thigh = np.linalg.norm(body.point(f"{side}_hip") - body.point(f"{side}_knee"), axis=1)
        guesses.append((thigh / _THIGH, body.weight(f"{side}_hip", f"{side}_knee")))
    guess = np.max([length * weight for length, weight in guesses], axis=0)
    measured = np.linalg.norm(body.middle("shoulder") - body.middle("hip"), axis=1)
    direct = body.weight("left_shoulder", "right_shoulder", "left_hip", "right_hip")
    length = direct * measured + (1 - direct) * guess
    known = np.max([direct, *(weight for _, weight in guesses)], axis=0)
    known = np.where(length > 1e-3, known, 0)
    return np.where(known > 0, length, 1.0).astype(np.float32), known.astype(np.float32)


def _ratios(body: _Body, torso: Floats, known: Floats) -> Floats:
    # Shoulders and hips turn together: where one pair is unknown the other one stands in, so
    # that an unknown view (0) is not taken for a side view where it is known.
    trust = np.stack([body.weight(f"left_{part}", f"right_{part}") for part in _WIDTHS])
    across = np.stack([body.across(part) / torso / wide for part, wide in _WIDTHS.items()])
    widths = trust * np.clip(across, -1, 1)
    widths = known * (widths + (1 - trust) * widths[::-1])
    # Half-seen shoulders are no half-turned ones: the angle holds, down to where it is unknown.
    evidence = np.clip(trust.max(axis=0) / _ENOUGH_SEEN, 0, 1) * (
        1 if body.topology.has_depth else known
    )
    facing = evidence * _turn(_yaw(body, torso, across, trust))
    columns = {
        "shoulder_width": widths[0],
        "hip_width": widths[1],
        "facing": facing,
        "profile": known * trust[0] * _toward(body, torso) * np.cos(np.pi / 2 * facing),
        "head": _head(body) + trust[0] - 1,
        "hips": body.share("left_hip", "right_hip"),
        "knees": body.either("knee"),
        "ankles": body.either("ankle"),
        "scale": known * np.tanh(np.log(torso / _TYPICAL_TORSO)),
        "arms": known * _arms(body, torso),
    }
    return np.stack([columns[name] for name in RATIOS], axis=1)


def _turn(yaw: Floats) -> Floats:
    """An angle from the front, in [0, pi], as +1 (front) to 0 (side) to -1 (back)."""
    return 1 - 2 / np.pi * yaw


def _yaw(body: _Body, torso: Floats, across: Floats, trust: Floats) -> Floats:
    """How far the body is turned from the front, (N,) in [0, pi].

    `across` and `trust` (2, N): of shoulders and hips, how wide they are, signed, over an adult's,
    and how surely they are seen. Both together are the angle's cosine. Its sine is the mean of what
    depth and nose say. Without depth it is the nose's; where no nose is seen either, the widths
    must do. All are lengths over the torso, so its own error hardly enters. From behind, a nose
    is a guess and does not count.
    """
    share = np.stack([trust[0], trust[1]]) / np.maximum(trust.sum(axis=0), 1e-6)
    cosine = (share * across).sum(axis=0)
    ahead = np.abs((body.point("nose") - body.middle("shoulder"))[:, 0]) / torso / _NOSE_AHEAD
    front = np.clip(0.5 + cosine / (2 * _NOSE_FRONT), 0, 1)
    nose = body.weight("nose") * trust[0] * front
    if not body.topology.has_depth:
        least = np.sqrt(1 - np.clip(cosine, -1, 1) ** 2)
        return np.arctan2(nose * ahead + (1 - nose) * least, cosine)
    deep = np.stack([np.abs(body.along(part)) / wide for part, wide in _WIDTHS.items()])
    rest = (1 - trust[0]) * trust[1]
    deep = (trust[0] * deep[0] + rest * deep[1]) / np.maximum(trust[0] + rest, 1e-6)
    return np.arctan2((_DEPTH_GAIN * deep / torso + nose * ahead) / (1 + nose), cosine)


def _head(body: _Body) -> Floats:
    """How surely the head is in the frame, in [0, 1]; a face cut below its eyes is half of one.

    Without depth an estimator gives eyes also from behind, and any point of the head will do.
    """
    evidence = np.max([body.weight(point) for point in _HEAD], axis=0)
    if not body.topology.has_depth:
        return evidence
    eyes = np.maximum(body.weight("left_eye"), body.weight("right_eye"))
    return (evidence + eyes) / 2


def _toward(body: _Body, torso: Floats) -> Floats:
    """Where the body faces across the picture, in [-1, 1]: the nose before the shoulders.

    With depth also by the shoulders: the left one is nearer to the camera where the person
    faces the picture's left, and the left side is shown.
    """
    ahead = (body.point("nose") - body.middle("shoulder"))[:, 0] / torso
    nose = body.weight("nose") * np.tanh(ahead / 0.15)
    if not body.topology.has_depth:
        return nose
    return np.clip(np.tanh(body.along("shoulder") / torso / 0.3) + nose, -1, 1)


def _arms(body: _Body, torso: Floats) -> Floats:
    level = body.middle("shoulder")[:, 1]
    total = np.zeros_like(torso)
    weights = np.zeros_like(torso)
    for side in ("left", "right"):
        weight = body.weight(f"{side}_wrist", "left_shoulder", "right_shoulder")
        total += weight * np.tanh((level - body.point(f"{side}_wrist")[:, 1]) / torso)
        weights += weight
    return total / np.maximum(weights, 1)


def _depth(body: _Body, torso: Floats, known: Floats) -> Floats:
    """Close-up (+) or distant (-): how deep the body reaches in units of the picture.

    z has the unit of x, so the farther apart the seen points are in depth, and the longer the
    torso, the nearer the camera.
    """
    seen = body.seen > 0
    any_seen = seen.sum(axis=1) > 1
    near = np.where(seen, body.depth, np.inf).min(axis=1)
    far = np.where(seen, body.depth, -np.inf).max(axis=1)
    reach = np.where(any_seen, far - near, 0)
    size = np.hypot(torso, np.nan_to_num(reach, posinf=0, neginf=0))
    return (known * np.tanh(np.log(np.maximum(size, 1e-3) / (2 * _TYPICAL_TORSO))))[:, None]
