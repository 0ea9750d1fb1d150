"""Closed-form inverse kinematics of arms built like a UR: three parallel axes, wrist with one offset.

The geometry (`d4`, `d5`, `d6`, `a2`, `a3` of Denavit and Hartenberg) is read from the model's own joint
placements. Derivation as in K. P. Hawkins, "Analytic Inverse Kinematics for the Universal Robots UR-5/UR-10
Arms" (Georgia Tech, 2013) [M]; the signs follow from the placements, and tests hold the result against
Pinocchio's forward kinematics.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pinocchio as pin
from numpy.typing import NDArray

Array = NDArray[np.float64]

MOST_DEVIATION = 0.02
"""A calibrated arm differs from its nominal build by up to some mm and mrad; Newton's steps take care of
that. Beyond this [m and rad] it is another kind of arm. Engineering default."""
EDGE = 1e-9
"""A cosine beyond one by less than this is rounding: the arm is exactly stretched."""
CALIBRATED_EDGE = 0.05
"""The same where the model is not quite nominal: what the nominal arm just misses it may still reach."""
WRIST_SINGULAR = 1e-9

_X_UP = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
"""Quarter turn about x."""


class NotThisKindOfArm(ValueError):
    """The model is not built like a UR; the text names the joint that differs."""


@dataclass(frozen=True)
class UrGeometry:
    """Lengths [m] with their Denavit-Hartenberg signs; `base` `(4, 4)`: world_T_shoulder at joint 1 = 0.

    `edge`: cosines beyond one by less than this count as one.
    """

    base: Array
    a2: float
    a3: float
    d4: float
    d5: float
    d6: float
    edge: float = EDGE

    @classmethod
    def of(cls, model: pin.Model) -> UrGeometry:
        """Read the geometry from a model of six revolute joints about z.

        Raises:
            NotThisKindOfArm: a joint stands otherwise than in a UR.
        """
        at = [np.array(model.jointPlacements[i].homogeneous) for i in range(1, 7)]
        a2, a3, d4 = at[2][0, 3], at[3][0, 3], at[3][2, 3]
        d5, d6 = -at[4][1, 3], at[5][1, 3]
        nominal = [
            _placement(_X_UP),
            _placement(np.eye(3), (a2, 0, 0)),
            _placement(np.eye(3), (a3, 0, d4)),
            _placement(_X_UP, (0, -d5, 0)),
            _placement(_X_UP.T, (0, d6, 0)),
        ]
        deviation = max(float(np.abs(f - m).max()) for f, m in zip(at[1:], nominal, strict=True))
        for i, (found, meant) in enumerate(zip(at[1:], nominal, strict=True), start=2):
            away = float(np.abs(found - meant).max())
            if not away <= MOST_DEVIATION:
                raise NotThisKindOfArm(
                    f"{model.names[i]} stands otherwise than in a UR arm (by {away:.3f}): the closed-form "
                    "inverse kinematics needs joints 2, 3, 4 parallel and 5, 6 at right angles; "
                    "check this joint's <origin>"
                )
        edge = EDGE if deviation < EDGE else CALIBRATED_EDGE
        return cls(at[0], float(a2), float(a3), float(d4), float(d5), float(d6), edge)

    @property
    def reach_m(self) -> float:
        """Longest distance from the shoulder's axis to joint 4's, arm stretched [m]."""
        return abs(self.a2) + abs(self.a3)

    def solve(self, wrist: Array, spin: float = 0.0) -> Array:
        """Return joints `(N, 8, 6)` [rad] in (-pi, pi] that bring joint 6's frame to world poses `(N, 4, 4)`.

        Rows: two shoulders x two wrists x two elbows; NaN where a branch does not exist. Where joints 4
        and 6 are in line only their sum matters: joint 6 is then `spin` [rad].
        """
        t = np.linalg.inv(self.base) @ wrist
        x6, y6, z6, p6 = (t[:, :3, k] for k in range(4))
        p5 = p6 - self.d6 * z6
        with np.errstate(invalid="ignore", divide="ignore"):
            away = np.hypot(p5[:, 0], p5[:, 1])
            side = np.arcsin(_edge(self.d4 / away, self.edge))
            heading = np.arctan2(p5[:, 1], p5[:, 0])
            q1 = np.stack([heading + side, heading + np.pi - side], axis=1)  # (N, 2)
            axis = np.stack([np.sin(q1), -np.cos(q1), np.zeros_like(q1)], axis=2)
            along_x, along_y, along_z = (np.einsum("nsk,nk->ns", axis, v) for v in (x6, y6, z6))
            sine = np.hypot(along_x, along_y)
            bend = np.arctan2(sine, along_z)
            q5 = np.stack([bend, -bend], axis=2)  # (N, 2, 2)
            sign = np.array([1.0, -1.0])
            q6 = np.arctan2(-along_y[..., None] * sign, along_x[..., None] * sign)
            q6 = np.where(sine[..., None] < WRIST_SINGULAR, spin, q6)
            q1, axis = np.broadcast_to(q1[..., None], q5.shape), axis[:, :, None, :]
            # Joint 4's frame by its origin and x axis, going back from the wrist.
            c5, s5, c6, s6 = np.cos(q5), np.sin(q5), np.cos(q6), np.sin(q6)
            x5 = (c6[..., None] * x6[:, None, None]) - (s6[..., None] * y6[:, None, None])
            # Frame 5 before joint 6: x5 along x; its z is minus the y of joint 6's turned frame.
            z5 = -(s6[..., None] * x6[:, None, None] + c6[..., None] * y6[:, None, None])
            y5 = np.broadcast_to(z6[:, None, None], x5.shape)
            p4 = p5[:, None, None] - self.d5 * z5
            x4 = c5[..., None] * x5 - s5[..., None] * y5
            out = np.stack([np.cos(q1), np.sin(q1), np.zeros_like(q1)], axis=3)
            u = np.einsum("nswk,nswk->nsw", p4, out)
            v = p4[..., 2]
            total = np.arctan2(x4[..., 2], np.einsum("nswk,nswk->nsw", x4, out))
            fold = (u * u + v * v - self.a2**2 - self.a3**2) / (2 * self.a2 * self.a3)
            fold = np.arccos(_edge(fold, self.edge))
            q3 = np.stack([fold, -fold], axis=3)  # (N, 2, 2, 2)
            q2 = np.arctan2(v, u)[..., None] - np.arctan2(
                self.a3 * np.sin(q3), self.a2 + self.a3 * np.cos(q3)
            )
            q4 = total[..., None] - q2 - q3
        flat = [np.broadcast_to(q[..., None], q3.shape) for q in (q1, q5, q6)]
        joints = np.stack([flat[0], q2, q3, q4, flat[1], flat[2]], axis=-1).reshape(-1, 8, 6)
        joints = np.where(np.isnan(joints).any(axis=2, keepdims=True), np.nan, joints)
        wrapped: Array = np.pi - np.mod(np.pi - joints, 2 * np.pi)
        return wrapped

    def shortfall(self, wrist: Array) -> tuple[str, float]:
        """Return why a world pose `(4, 4)` of joint 6 has no solution at all: what kind, by how much [m].

        `("", 0)` where it has one. "far": even the stretched elbow is too short; "near": the elbow cannot
        fold so tightly; "axis": the wrist would have to stand inside the shoulder's offset.
        """
        t = np.linalg.inv(self.base) @ wrist
        p5 = t[:3, 3] - self.d6 * t[:3, 2]
        away = float(np.hypot(p5[0], p5[1]))
        if away < abs(self.d4) - 1e-12:
            return "axis", abs(self.d4) - away
        joints = self.solve(wrist[None])[0]
        if np.isfinite(joints).all(axis=1).any():
            return "", 0.0
        lengths = []
        side, heading = np.arcsin(_edge(self.d4 / away, self.edge)), np.arctan2(p5[1], p5[0])
        for q1 in (heading + side, heading + np.pi - side):
            axis = np.array([np.sin(q1), -np.cos(q1), 0.0])
            # Joint 5's axis is square to joints 4 and 6: two ways where they are not in line.
            z5 = np.cross(t[:3, 2], axis)
            size = float(np.linalg.norm(z5))
            z5 = z5 / size if size > 1e-9 else t[:3, 0]
            for p4 in (p5 - self.d5 * z5, p5 + self.d5 * z5):
                lengths.append(float(np.hypot(p4 @ [np.cos(q1), np.sin(q1), 0.0], p4[2])))
        if min(lengths) > self.reach_m:
            return "far", min(lengths) - self.reach_m
        return "near", abs(abs(self.a2) - abs(self.a3)) - max(lengths)


def _placement(rotation: Array, translation: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> Array:
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = rotation, translation
    return pose


def _edge(cosine: Array | float, edge: float) -> Array:
    """Return values beyond 1 by rounding as 1, others beyond as NaN."""
    clipped = np.clip(cosine, -1.0, 1.0)
    return np.where(np.abs(cosine) <= 1.0 + edge, clipped, np.nan)
