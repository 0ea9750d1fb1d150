"""Settings of the procedure: how many views, how long each state may last."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields


@dataclass(frozen=True)
class ProcedureConfig:
    """Views and frames of the capture; the longest wait of each state [s].

    `views` poses of the camera (the node knows them by index), `frames_per_view` frames fused at each,
    at least `views_min` of them reached. `retry_s`: between two requests for a token.
    `cooling_s` is also the longest wait a group may ask for.
    `frames_s` counts from the last frame fused. `late_s`: how long a move that was stopped, or did not begin,
    because joint or safety states were late is asked for again; the arm rests meanwhile.
    `interruptions_max`: of firing within one group, without a hold.
    """

    views: int = 5
    views_min: int = 3
    frames_per_view: int = 5
    capture_start_s: float = 120.0
    token_s: float = 30.0
    cooling_s: float = 330.0
    move_s: float = 120.0
    frames_s: float = 60.0
    finish_s: float = 300.0
    plan_s: float = 1200.0
    approval_s: float = 1800.0
    ready_s: float = 600.0
    firing_s: float = 900.0
    hold_s: float = 600.0
    cancel_s: float = 30.0
    late_s: float = 60.0
    verify_s: float = 60.0
    retry_s: float = 0.1
    interruptions_max: int = 5

    def __post_init__(self) -> None:
        for f in fields(self):
            value = getattr(self, f.name)
            if not (math.isfinite(value) and value > 0):
                raise ValueError(f"{f.name} must be positive and finite, got {value!r}")
        if self.views_min > self.views:
            raise ValueError(f"views_min ({self.views_min}) must not exceed views ({self.views})")
