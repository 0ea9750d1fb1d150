"""The cell behind node `simulation`, without ROS: a world that runs by the machine's clock, and is reset."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from openmtz.optics import FieldCalibration
from openmtz.robot import HOME
from openmtz.safety import FOOTSWITCH, LINE_NAMES
from openmtz.simulation.arm import World
from openmtz.simulation.cell.lines import STOPS_ARM, stop_is_open, wired_lines
from openmtz.simulation.cell.rest import RestWatch
from openmtz.simulation.cell.shot_truth import ShotTruth
from openmtz.simulation.cell.topic_clock import TopicClock
from openmtz.simulation.clock import Pacer, Scope
from openmtz.simulation.faults import CLOSED_AT_START, Asked, LineAnswer, SpoiledJoints
from openmtz.simulation.patient import Patient
from openmtz.simulation.scan_head_device import Shots, WireServer
from openmtz.simulation.truth import ShotHits, TrueSkin

KEY = "key_on"


@dataclass(frozen=True, eq=False)
class JudgedShots:
    """Shots the head says it emitted, what they hit, and when, `(N,)` [s] in the world's time."""

    shots: Shots
    hits: ShotHits
    times_s: NDArray[np.float64]


class PlayedCell:
    """World, patient, lines and truth of the graph's simulated cell. Time moves only through `advance`.

    Attributes:
        joints: joint states on their way out, with what may be wrong with them.
        clock: what stamps are made by.
    """

    def __init__(
        self,
        patient: Patient,
        seed: int,
        factor: float = 1.0,
        wires_path: str = "",
        galvo_map: FieldCalibration | None = None,
    ) -> None:
        """Put the patient before the arm, which is at home.

        Args:
            factor: simulated seconds per real one; other than 1 the head's key stays off, for the head has a
                clock of its own.
            wires_path: of the socket the scan head connects to; empty: there is no head.
            galvo_map: where the head's counts truly point; None: as the mounted tip's profile says.

        Raises:
            StartBlocked: they touch.
        """
        self.patient, self._seed = patient, seed
        self.world = World(patient, seed=seed)
        self.world.require_free_start()
        self.pacer = Pacer(self.world.timestep_s, factor=factor)
        self.clock, self.rest, self.joints = TopicClock(), RestWatch(), SpoiledJoints()
        self.skin = TrueSkin(patient.mesh, patient.motion)
        self.truth = ShotTruth(self.skin, galvo_map=galvo_map)
        refused = _refused(factor)
        begin = tuple(name for name in CLOSED_AT_START if name not in refused)
        self.wires = WireServer(wires_path, begin) if wires_path else None
        # Without a head there is nobody to protect and nothing to wire: every line begins closed.
        self._closed = LINE_NAMES if self.wires is None else CLOSED_AT_START
        self.lines = wired_lines(self._tell_head, self._on_stop, self._closed, refused)

    def _tell_head(self, name: str, value: bool) -> None:
        if self.wires is not None:
            self.wires.set_line(name, value)

    def _on_stop(self, is_open: bool) -> None:
        self.world.set_emergency_stop(is_open)

    @property
    def time_s(self) -> float:
        """Simulation time [s], which goes on where the state alone is reset."""
        return self.world.time_s + self.clock.offset_s

    def set_line(self, name: str, value: bool, playing: bool) -> Asked:
        """Move a line; nobody presses the footswitch in a world that stands still.

        Raises:
            LineError: no such line.
        """
        if name == FOOTSWITCH.name and value and not playing:
            return Asked(LineAnswer.REFUSED, f"{name} stays open: the simulation is paused; play first")
        return self.lines.ask(name, value)

    def release_footswitch(self) -> None:
        """Take the foot off."""
        self.lines.ask(FOOTSWITCH.name, False)

    def advance(self, steps: int) -> list[tuple[str, str]]:
        """Make steps of the world; returns the pairs that touch each other for the first time.

        Raises:
            PhysicsFailure: the physics makes no sense any more.
        """
        self.world.step_count(steps, self.pacer.monotonic_s)
        return self.rest.look(self.world, self.world.time_s)

    def judge_shots(self) -> list[JudgedShots]:
        """Return what the shots hit that the head has told of since the last call."""
        return [self.judge(shots) for shots in (self.wires.take_shots() if self.wires is not None else ())]

    def judge(self, shots: Shots) -> JudgedShots:
        """Return what shots hit; they are stamped with the machine's clock."""
        times = shots.time_s + (self.world.time_s - self.pacer.monotonic_s)
        hits = self.truth.judge(self.world, shots.time_s, shots.counts, shots.energy_mj, times)
        return JudgedShots(shots, hits, times)

    def why_no_reset(self, scope: Scope) -> str:
        """Return why a scope cannot be reset now, or nothing."""
        if Scope.TIME in scope and Scope.STATE not in scope and not self.world.resting:
            return "the arm moves: stop it first, or reset its state as well (scope 3 or 255)"
        return ""

    def keep_stops(self) -> None:
        """Let a line that stops the arm and is open now, by a fault or a hand, stay open until it is closed.

        To be called before faults are ended or the state is brought back: a reset is no release.
        """
        for name in STOPS_ARM:
            if not self.lines.carried(name):
                self.lines.ask(name, False)

    def reset(self, scope: Scope) -> bool:
        """Bring time or state back; returns whether the world is a new one. An open stop stays open."""
        anew = bool(scope & (Scope.TIME | Scope.STATE))
        if anew:
            now, joints = self.time_s, self.world.joint_state().position
            start = HOME if Scope.STATE in scope else joints
            self.world = World(self.patient, seed=self._seed, q_start=start)
            self.clock.offset_s = 0.0 if Scope.TIME in scope else now
            self.rest.begin_anew()
        if Scope.STATE in scope:
            self.lines.to_start(self._closed, kept_open=STOPS_ARM)
        else:  # the new world's stop line is as it was
            self._on_stop(stop_is_open(self.lines))
        return anew

    def close(self) -> None:
        """Break the wires."""
        if self.wires is not None:
            self.wires.close()


def _refused(factor: float) -> dict[str, str]:
    """Return the lines that may not be closed, and why."""
    if factor == 1.0:
        return {}
    return {
        KEY: f"real_time_factor is {factor:g}, and the scan head has a clock of its own; start with 1 to fire"
    }
