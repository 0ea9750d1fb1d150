"""What the work loops may touch, as small protocols; the graph and the simulation each bring their own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from openmtz.devices import Event, Select, Status

Array = NDArray[np.float64]


@runtime_checkable
class HeadLine(Protocol):
    """The host's end of the line to a scan head. No call blocks; what happens comes through `events`."""

    @property
    def status(self) -> Status | None:
        """The status received last, None before the first."""
        ...

    @property
    def connected(self) -> bool:
        """Whether the device has been heard lately."""
        ...

    @property
    def work_count(self) -> int:
        """Progress counter of the loop that moves the bytes."""
        ...

    def events(self) -> Sequence[Event]:
        """Return and forget what has happened since the last call, in order."""
        ...

    def begin_selection(self, select: Select) -> None:
        """Ask for a selection; the reply or the refusal comes as an event."""
        ...

    def load(self, first: int, records: bytes) -> None:
        """Hand over the records of spots `first`, ... in order."""
        ...

    def relay_permit(self, frame: bytes) -> None:
        """Pass a permit's frame on unopened."""
        ...

    def show_plan(self, plan_sha256: bytes) -> None:
        """Ask the device to name a plan in its statuses, with what it has executed of it. Never blocks."""
        ...

    def close_gate(self) -> None:
        """Close the gate and forget the selection."""
        ...


class Camera(Protocol):
    """A depth camera that may be switched."""

    def stream(self, on: bool) -> None:
        """Ask for pictures, or for none. A camera that cannot be switched ignores it."""
        ...


class Fuser(Protocol):
    """What fuses depth frames to a surface: a worker process, or the same code in line."""

    def progress(self) -> Any:
        """Return the counts of the running capture (`openmtz.capture.CaptureProgress`)."""
        ...

    def start(self, settings: Any) -> None:
        """Begin a capture (`openmtz.capture.CaptureSettings`)."""
        ...

    def submit(self, depth_m: NDArray[np.floating], world_T_camera: Array) -> None:
        """Hand over a depth image `(H, W)` [m] and its pose `(4, 4)`."""
        ...

    def finish(self) -> Future[Any]:
        """Extract the surface of what was submitted (`openmtz.capture.CaptureResult`)."""
        ...

    def cancel(self) -> None:
        """Discard the running capture."""
        ...

    def close(self) -> None:
        """Give up the worker."""
        ...


class FireOrder(NamedTuple):
    """Fire a group (station and pass) of a plan from its spot `first` on."""

    plan_sha256: str
    station: int
    pass_index: int
    first: int


class CaptureOrder(NamedTuple):
    """Fuse what lies within `radius_m` [m] of `center_m` `(3,)`, world; zeros: the capture's own defaults."""

    center_m: tuple[float, float, float]
    radius_m: float = 0.0
    voxel_m: float = 0.0
    frames_per_rest: int = 0
    min_frames: int = 0


class PlanOrder(NamedTuple):
    """Plan on a surface (empty id: the newest); `request_json` as docs/nodes/mtz_planner.md."""

    surface_id: str
    indication: str
    request_json: str = ""
    seed: int = 0


class MoveOrder(NamedTuple):
    """Bring frame `tool` of the arm to a world `pose` `(4, 4)` at a share of the arm's limits."""

    pose: Array
    tool: str
    speed_fraction: float


MoveDone = Callable[[str, bool], None]
"""`done(why, late)`: why a move failed, or nothing; whether only for states that came too late."""


class TokenOrder(NamedTuple):
    """Ask for the token of `motion` or `emission`; station and pass belong to emission."""

    token: str
    station: int = 0
    pass_index: int = 0


class TreatmentClients(Protocol):
    """What the treatment asks of other processes. Nothing blocks; answers come by callbacks, now or later.

    `done(value, why)`: `why` is empty where it went well, else says why not; the value is then of no meaning.
    """

    @property
    def busy(self) -> bool:
        """Whether anything asked for has not ended."""
        ...

    def work(self, now: float) -> None:
        """Let waiting calls go on; `now` [s]."""
        ...

    def start_capture(
        self, order: CaptureOrder, fused: Callable[[int], None], done: Callable[[str, str], None]
    ) -> None:
        """Begin a capture: `fused(count)` as soon as it runs and with each frame, `done(surface_id, why)`."""
        ...

    def finish_capture(self, done: Callable[[str], None]) -> None:
        """Let the capture end with what it has; `done(why)` tells whether it could be asked."""
        ...

    def cancel_capture(self) -> None:
        """Discard the capture."""
        ...

    def request_plan(self, order: PlanOrder, done: Callable[[str, str], None]) -> None:
        """Ask for a plan: `done(plan_sha256, why)`; the plan itself comes by `Treating.hear_plan`."""
        ...

    def cancel_plan(self) -> None:
        """Nobody waits for the plan any more."""
        ...

    def move(self, order: MoveOrder, done: MoveDone) -> None:
        """Move the arm: `done(why, late)`."""
        ...

    def stop_arm(self) -> None:
        """Cancel the move."""
        ...

    def fire(self, order: FireOrder, fired: Callable[[int], None], done: Callable[[int, str], None]) -> None:
        """Fire a group: `fired(next_spot)` as it goes on, `done(next_spot, why)` at its end."""
        ...

    def cancel_fire(self) -> None:
        """End the firing."""
        ...

    def request_token(self, order: TokenOrder, done: Callable[[str], None]) -> None:
        """Ask the safety monitor for the token: `done(why)`."""
        ...

    def return_token(self) -> None:
        """Give the token back."""
        ...

    def withdraw_ready(self) -> None:
        """Tell the safety monitor that nobody wants to fire any more."""
        ...
