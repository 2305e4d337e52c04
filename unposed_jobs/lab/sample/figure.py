"""The body of a drawn figure in a pose: where its joints are, its trunk and its bare limbs."""

from __future__ import annotations

import numpy as np

from unposed_jobs.lab.sample.geometry import (
    Array,
    Surface,
    angles,
    ellipsoid,
    rounded_path,
    smoothstep,
    spline,
    surface,
    tube,
    turn,
    two_bones,
    unit,
)
from unposed_jobs.lab.sample.people import Build, Pose

# Half widths and depths of the trunk (female, male) at heights of the reference figure; one row
# each: height, half width, depth to the front, depth to the back.
_FEMALE = np.array(
    (
        (0.80, 0.110, 0.050, 0.060), (0.84, 0.160, 0.080, 0.108), (0.92, 0.176, 0.094, 0.116),
        (1.00, 0.160, 0.096, 0.094), (1.09, 0.128, 0.088, 0.078), (1.18, 0.132, 0.096, 0.086),
        (1.28, 0.146, 0.126, 0.098), (1.36, 0.152, 0.106, 0.102), (1.390, 0.158, 0.084, 0.092),
        (1.42, 0.144, 0.068, 0.080), (1.448, 0.096, 0.055, 0.069), (1.475, 0.056, 0.046, 0.058),
        (1.56, 0.042, 0.042, 0.052),
    )
)  # fmt: skip
_MALE = np.array(
    (
        (0.80, 0.110, 0.050, 0.060), (0.84, 0.154, 0.080, 0.102), (0.92, 0.168, 0.094, 0.108),
        (1.00, 0.162, 0.100, 0.096), (1.09, 0.150, 0.100, 0.088), (1.18, 0.158, 0.106, 0.096),
        (1.28, 0.174, 0.120, 0.110), (1.36, 0.182, 0.112, 0.116), (1.390, 0.188, 0.094, 0.106),
        (1.42, 0.170, 0.078, 0.092), (1.448, 0.116, 0.065, 0.078), (1.475, 0.068, 0.056, 0.067),
        (1.56, 0.053, 0.052, 0.060),
    )
)  # fmt: skip


class Figure:
    """A build in a pose: its joints, and the surface of its trunk for garments to follow."""

    def __init__(self, build: Build, pose: Pose):
        self.build, self.pose, self.scale = build, pose, build.scale
        m, heavy = build.masculine, build.heavy
        levels, width, front, back = ((1 - m) * _FEMALE + m * _MALE).T
        broad = 0.95 + 0.13 * heavy
        belly = heavy * np.exp(-(((levels - 1.06) / 0.13) ** 2))
        self._levels = levels * self.scale
        self._width = (width * broad + 0.03 * belly) * self.scale
        self._front = (front * broad + 0.038 * belly) * self.scale
        self._back = back * broad * self.scale
        # The neck does not grow with the weight as the trunk does.
        self._width[-2:] /= broad**0.6
        self._place()

    def _place(self) -> None:
        s, m, pose = self.scale, self.build.masculine, self.pose
        j = pose.jitter
        hip_half = (0.088 + 0.004 * (1 - m)) * s
        self.hips = {
            side: np.array([sign * hip_half, 0.90 * s, 0.0])
            for side, sign in (("left", 1), ("right", -1))
        }
        gap = {"stand": 0.085, "relaxed": 0.11, "stride": 0.07, "apart": 0.16, "cross": 0.035}
        step = {"stand": 0.0, "relaxed": 0.05, "stride": 0.22, "apart": 0.0, "cross": 0.09}
        half, ahead = gap[pose.legs] * s, step[pose.legs] * s * (0.8 + 0.25 * j[0])
        lead = 1 if j[1] > 0 else -1
        self.drop = 0.0
        self.ankles = {}
        for side, sign in (("left", 1), ("right", -1)):
            forward = ahead * (1 if sign == lead else -1)
            lift = 0.05 * s if pose.legs == "stride" and sign != lead else 0.0
            self.ankles[side] = np.array([sign * half + pose.sway, 0.085 * s + lift, forward])
            span = np.hypot(forward, self.ankles[side][0] - self.hips[side][0])
            need = 0.90 * s - (0.085 * s + np.sqrt(max((0.812 * s) ** 2 - span**2, 0.0)))
            self.drop = max(self.drop, float(need) - lift)
        for side in self.hips:
            self.hips[side] = self.hips[side] - [0, self.drop, 0]
        self.legs = {
            side: two_bones(
                self.hips[side], self.ankles[side], 0.41 * s, 0.405 * s,
                np.array([0.12 * (1 if side == "left" else -1), 0.0, 1.0]),
            )
            for side in ("left", "right")
        }  # fmt: skip
        shoulder = (0.151 + 0.032 * m + 0.012 * self.build.heavy) * s
        self.shoulders = {
            side: self.bend(np.array([[sign * shoulder, 1.384 * s, -0.006 * s]]))[0]
            for side, sign in (("left", 1), ("right", -1))
        }
        self.arms = {side: self._arm(side) for side in ("left", "right")}
        self.head = self.bend(np.array([[0.0, 1.636 * s, 0.022 * s]]))[0]
        self.head_turn = turn(pose.twist + pose.head_yaw, pose.head_pitch, pose.head_roll)

    def bend(self, points: Array) -> Array:
        """Carry upright trunk points along with the twist, lean and drop of the pose."""
        s = self.scale
        t = smoothstep(0.98 * s, 1.42 * s, points[..., 1])
        angle = self.pose.twist * t
        cos, sin = np.cos(angle), np.sin(angle)
        x = cos * points[..., 0] + sin * points[..., 2]
        z = -sin * points[..., 0] + cos * points[..., 2]
        rise = np.maximum(points[..., 1] - 0.95 * s, 0.0)
        x = x - self.pose.lean * rise
        tilt = self.pose.lean * points[..., 0] * t
        return np.stack([x, points[..., 1] + tilt - self.drop, z], -1)

    def _arm(self, side: str) -> Array:
        s, sign = self.scale, 1.0 if side == "left" else -1.0
        kind = self.pose.left if side == "left" else self.pose.right
        j = self.pose.jitter[2:5] if side == "left" else self.pose.jitter[5:8]
        start = self.shoulders[side]
        # The trunk's half width at the hip, so that hands rest on it and not inside it.
        hip = float(np.interp(0.98 * s, self._levels, self._width)) + 0.035 * s
        targets = {
            "down": ([hip + (0.075 + 0.03 * j[0]) * s, 0.862, 0.02 + 0.04 * j[1]], [0.35, 0, -1]),
            "away": ([hip + (0.17 + 0.05 * j[0]) * s, 0.885, 0.03 + 0.06 * j[1]], [0.5, 0, -1]),
            "hip": ([hip + 0.015 * s, 1.03 + 0.02 * j[0], 0.055], [1.0, 0.1, -0.45]),
            "pocket": ([hip + 0.025 * s, 0.945, 0.075], [0.75, 0, -0.8]),
            "front": ([0.035 * s, 0.98 + 0.05 * j[0], 0.205], [0.8, -0.1, -0.5]),
            "hair": ([0.15 * s, 1.60 + 0.04 * j[0], -0.02], [1.0, 0.2, 0.15]),
            "bent": ([hip + 0.04 * s, 1.13 + 0.06 * j[0], 0.26], [0.5, -0.5, -0.9]),
        }
        target, pole = targets[kind]
        x, y, z = sign * target[0], target[1] * s, target[2] * s
        goal = self.bend(np.array([[x, y, z]]))[0]
        if kind == "front" and sign < 0:  # one hand over the other
            goal[2] += 0.035 * s
            goal[1] += 0.012 * s
        return two_bones(
            start, goal, 0.288 * s, 0.252 * s, np.array([sign * pole[0], pole[1], pole[2]])
        )

    def trunk(self, theta: Array, y: Array, offset: Array | float = 0.0) -> Array:
        """Points of the trunk's skin at angle θ and upright height y, `offset` outside it.

        `theta` and `y` have one shape (R, S); returns (R, S, 3), posed.
        """
        y = np.broadcast_to(y, np.broadcast_shapes(np.shape(theta), np.shape(y)))
        flat = y.ravel()
        width = spline(self._levels, self._width, flat).reshape(y.shape)
        front = spline(self._levels, self._front, flat).reshape(y.shape)
        back = spline(self._levels, self._back, flat).reshape(y.shape)
        cos, sin = np.cos(theta), np.sin(theta)
        side = np.abs(sin) ** 0.88 * np.sign(sin)
        ahead = np.abs(cos) ** 0.92 * np.sign(cos)
        s = self.scale
        female = 1 - self.build.masculine
        depth = np.where(cos > 0, front, back)
        # The bust stands at both sides of the breastbone.
        bust = np.exp(-(((y / s - 1.275) / 0.05) ** 2) - ((np.abs(theta) - 0.52) / 0.36) ** 2)
        depth = depth + female * 0.022 * s * bust
        x = (width + offset) * side
        z = (depth + offset) * ahead + self._spine(y)
        return self.bend(np.stack([x, y, z], -1))

    def _spine(self, y: Array) -> Array:
        """How far the trunk's axis is before the hips' at height y."""
        t = y / self.scale
        return self.scale * (
            0.012 * np.sin((t - 0.95) * 5.5) - 0.014 * smoothstep(1.28, 1.44, t)
            + 0.014 * smoothstep(1.44, 1.56, t)
        )  # fmt: skip

    def arm_path(self, side: str, samples: int = 30) -> tuple[Array, Array]:
        """The arm's axis from inside the chest: (N, 3), and positions 0 chest, 1 shoulder,
        2 elbow, 3 wrist.
        """
        inner = self.shoulders[side].copy()
        away = unit(self.shoulders[side] - self.shoulders["right" if side == "left" else "left"])
        inner = inner - away * 0.075 * self.scale
        corners = np.concatenate([inner[None], self.arms[side]])
        corners[0, 1] += 0.012 * self.scale
        path, position = rounded_path(corners, samples, 0.3)
        return path, position

    def arm_radius(self, position: Array) -> Array:
        """Of the bare arm at positions of `arm_path`."""
        m, heavy, s = self.build.masculine, self.build.heavy, self.scale
        knots = np.array([0.0, 0.6, 1.0, 1.3, 1.7, 2.0, 2.25, 2.6, 3.0])
        female = np.array([0.034, 0.043, 0.046, 0.042, 0.039, 0.036, 0.037, 0.031, 0.024])
        male = np.array([0.040, 0.053, 0.058, 0.053, 0.050, 0.045, 0.047, 0.039, 0.030])
        radii = ((1 - m) * female + m * male) * (0.94 + 0.22 * heavy) * s
        return spline(knots, radii, position)

    def arm_front(self, side: str) -> Array:
        """Where an arm's front looks: away from its elbow's point."""
        shoulder, elbow, wrist = self.arms[side]
        bend = (shoulder + wrist) / 2 - elbow
        return unit(bend + np.array([0.0, 0.0, 0.06]) * self.scale)

    def leg_path(self, side: str, samples: int = 34) -> tuple[Array, Array]:
        """The leg's axis: (N, 3), and positions 0 hip, 1 knee, 2 ankle."""
        return rounded_path(self.legs[side], samples, 0.2)

    def leg_radius(self, position: Array) -> Array:
        """Of the bare leg at positions of `leg_path`."""
        m, heavy, s = self.build.masculine, self.build.heavy, self.scale
        knots = np.array([0.0, 0.15, 0.5, 0.85, 1.0, 1.1, 1.35, 1.7, 2.0])
        radii = np.array([0.068, 0.084, 0.079, 0.059, 0.054, 0.052, 0.056, 0.040, 0.034])
        return spline(knots, radii * (0.93 + 0.07 * m + 0.22 * heavy) * s, position)

    def leg_flatten(self, position: Array) -> Array:
        """How much narrower than deep a leg is at positions of `leg_path`."""
        return np.interp(position, [0.0, 0.5, 1.0], [0.84, 0.92, 1.0])

    def skin(self, bare_from: float = 0.0) -> list[Surface]:
        """Hands, neck, upper chest, and the arms from position `bare_from` on."""
        s = self.scale
        parts = []
        theta = angles(32)[None]
        y = np.linspace(1.16, 1.57, 26)[:, None][::-1] * s
        grid = np.broadcast_to(theta, (26, 33))
        uv = np.stack(np.broadcast_arrays(grid / 6, y), -1)
        parts.append(surface(self.trunk(grid, y, -0.004 * s), uv, "skin", closed=True))
        neck = np.stack([self.bend(np.array([[0, 1.46 * s, -0.012 * s]]))[0], self.head])
        neck[1] -= self.head_turn @ np.array([0, 0.02, 0.012]) * s
        path = neck[0] + np.linspace(0, 1, 8)[:, None] * (neck[1] - neck[0])
        radius = (0.044 + 0.009 * self.build.masculine + 0.004 * self.build.heavy) * s
        parts.append(
            tube(path[::-1], np.linspace(1.0, 1.06, 8) * radius, np.array([0, 0, 1.0]), "skin")
        )
        for side in ("left", "right"):
            path, position = self.arm_path(side)
            path, position = path[position >= bare_from], position[position >= bare_from]
            flatten = np.interp(position, [2.3, 3.0], [1.0, 0.78])
            parts.append(
                tube(
                    path,
                    self.arm_radius(position),
                    self.arm_front(side),
                    "skin",
                    18,
                    flatten=flatten,
                )
            )
            parts += self._hand(side)
        return parts

    def bare_legs(self) -> list[Surface]:
        """Both legs, for dresses and skirts."""
        parts = []
        for side in ("left", "right"):
            path, position = self.leg_path(side)
            radius = self.leg_radius(position)
            calf = np.exp(-(((position - 1.35) / 0.22) ** 2)) * 0.010 * self.scale
            path = path - np.array([0, 0, 1.0]) * calf[:, None]
            parts.append(
                tube(
                    path,
                    radius,
                    np.array([0, 0, 1.0]),
                    "skin",
                    20,
                    flatten=self.leg_flatten(position),
                )
            )
        return parts

    def _hand(self, side: str) -> list[Surface]:
        """A palm, four slightly curled fingers and a thumb."""
        s = self.scale * (0.94 + 0.1 * self.build.masculine)
        _, elbow, wrist = self.arms[side]
        sign = 1.0 if side == "left" else -1.0
        kind = self.pose.left if side == "left" else self.pose.right
        along = unit(wrist - elbow)
        if kind in ("hip", "front"):  # bent at the wrist, towards the body's middle and front
            along = unit(along + np.array([-0.5 * sign, -0.25, 0.35]))
        inward = np.array([-sign, 0.0, 0.15]) if kind != "bent" else np.array([-sign, -0.6, 0.0])
        palm = unit(inward - along * float(inward @ along))  # where the palm looks
        across = unit(np.cross(along, palm)) * sign  # towards the thumb when the arm hangs
        if across[2] < 0 and abs(across[2]) > 0.3:
            across = -across
        centre = wrist + along * 0.040 * s
        rotation = np.stack([across, -along, palm], 1)
        if np.linalg.det(rotation) < 0:  # a mirrored ellipsoid would be seen from inside
            rotation[:, 0] *= -1
        parts = [
            ellipsoid(
                centre, np.array([0.039, 0.064, 0.021]) * s, "skin", rotation, rows=12, segments=16
            )
        ]
        for finger in range(4):
            offset = (finger - 1.5) * 0.0175 * s
            length = (0.066, 0.076, 0.072, 0.056)[3 - finger] * s
            root = wrist + along * 0.082 * s + across * offset
            middle = root + along * length * 0.5 + palm * 0.008 * s
            tip = middle + unit(along + palm * 0.55) * length * 0.5
            path, _ = rounded_path(np.stack([root, middle, tip]), 8, 0.4)
            radii = np.array([0.0095, 0.0097, 0.0095, 0.009, 0.0086, 0.008, 0.0066, 0.0035]) * s
            parts.append(tube(path, radii, palm, "skin", 8, closed=True))
        root = wrist + along * 0.030 * s + across * 0.026 * s
        middle = root + unit(along + across * 0.8 + palm * 0.3) * 0.036 * s
        tip = middle + unit(along + across * 0.15 + palm * 0.25) * 0.034 * s
        path, _ = rounded_path(np.stack([root, middle, tip]), 8, 0.4)
        radii = np.array([0.014, 0.0135, 0.012, 0.0108, 0.0102, 0.0095, 0.0075, 0.004]) * s
        parts.append(tube(path, radii, palm, "skin", 8, closed=True))
        return parts
