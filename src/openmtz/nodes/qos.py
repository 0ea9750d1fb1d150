"""QoS profiles by intent. Every publisher and subscription of the project takes one of these."""

from __future__ import annotations

from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy


def _profile(depth: int, *, reliable: bool = True, latched: bool = False) -> QoSProfile:
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=depth,
        reliability=ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT,
        durability=DurabilityPolicy.TRANSIENT_LOCAL if latched else DurabilityPolicy.VOLATILE,
    )


LATCHED = _profile(1, latched=True)
"""A value that holds until replaced, also for those who come later: surface, plan, safety state."""

STREAM = _profile(5)
"""Fresh values at a high rate where an old one is worthless: joint states, head status."""

PERMIT = _profile(1)
"""The newest permit only: an old one must never queue up behind another."""

EVENTS = _profile(2000)
"""Everything counts and order matters: shots, spots loaded, progress. Deep, because a reader that is
busy for seconds must not lose one (at depth 200 a loaded machine lost reports of shots)."""

FRAMES = _profile(30)
"""Depth frames: none may be lost between camera and fusion, so reliable and deep."""

COMMAND = _profile(1)
"""One command at a time: trajectories."""
