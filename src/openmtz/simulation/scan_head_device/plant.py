"""The physics of the simulated head: mirrors, shutter, laser source. It can fail, on purpose."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from openmtz.simulation.scan_head_device.settings import DeviceSettings

COUNTS_MAX = 32767


@dataclass
class PlantFaults:
    """Switches of the fault injection.

    `shutter_stuck`: None, "closed" or "open". `galvo_stuck`; `galvo_hidden`: the position feedback
    lies, so that the head cannot notice (ground truth can). `gain`: factor on the output;
    `gain_per_s`: drift of that factor. `offset_rad`: the x mirror stands off by this and its feedback
    does not see it. `meter_gain`: what the energy meter shows, as a factor of what was emitted.
    """

    shutter_stuck: str | None = None
    galvo_stuck: bool = False
    galvo_hidden: bool = False
    gain: float = 1.0
    gain_per_s: float = 0.0
    offset_rad: float = 0.0
    meter_gain: float = 1.0


class Plant:
    """Mirrors that need jump + settle time and are repeatable to 15 urad, a shutter that needs 2 ms, a source
    with 2 % noise. Each shot draws four numbers of `rng`: its noise depends on the seed and on how many
    shots there were before, not on when it was fired."""

    def __init__(self, settings: DeviceSettings, rng: np.random.Generator) -> None:
        self.settings = settings
        self.faults = PlantFaults()
        self._rng = rng
        self._target = (0, 0)
        self._actual = (0, 0)
        self._reached = (0.0, 0.0)
        self._counts_per_rad = COUNTS_MAX / settings.full_scale_rad
        self._ready_us = 0
        self._shutter_command = False
        self._shutter_at_us = -settings.shutter_limit_us
        self._mismatch_since_us: int | None = None
        self._drift_since_us: int | None = None

    def aim(self, target: tuple[int, int], start_us: int) -> None:
        """Start the jump to counts `target` at `start_us`."""
        step = math.hypot(target[0] - self._target[0], target[1] - self._target[1])
        angle = step / self._counts_per_rad
        jump = self.settings.settle_us + self.settings.slew_us_per_rad * angle
        self._ready_us = math.ceil(start_us + jump)
        self._target = target
        if not self.faults.galvo_stuck:
            self._actual = target

    @property
    def galvo_ready_us(self) -> int:
        """Tick at which the mirrors have settled."""
        return self._ready_us

    def settle(self) -> None:
        """Come to rest for one shot, not exactly where told. Mirrors that are stuck do not even tremble."""
        error = self._rng.standard_normal(2)
        x, y = float(self._actual[0]), float(self._actual[1])
        if not self.faults.galvo_stuck:
            sigma = self.settings.galvo_repeatability_rad * self._counts_per_rad
            x, y = x + sigma * float(error[0]), y + sigma * float(error[1])
        self._reached = (x, y)

    @property
    def position(self) -> tuple[float, float]:
        """Counts the mirrors really stood at when they settled last."""
        x, y = self._reached
        return x + self.faults.offset_rad * self._counts_per_rad, y

    def galvo_follows(self) -> bool:
        """Whether the position feedback agrees with the command, within the tolerance."""
        off = math.hypot(self._reached[0] - self._target[0], self._reached[1] - self._target[1])
        return off <= self.settings.galvo_tolerance_rad * self._counts_per_rad or self.faults.galvo_hidden

    def command_shutter(self, open_: bool, now_us: int) -> None:
        """Tell the shutter to open or close; it arrives after `shutter_us`."""
        if open_ != self._shutter_command:
            self._shutter_command = open_
            self._shutter_at_us = now_us

    def shutter_feedback(self, now_us: int) -> bool:
        """Whether the shutter's own switch says open."""
        if self.faults.shutter_stuck is not None:
            return self.faults.shutter_stuck == "open"
        moving = now_us < self._shutter_at_us + self.settings.shutter_us
        return self._shutter_command != moving

    @property
    def shutter_ready_us(self) -> int:
        """Tick at which the last shutter command has been carried out."""
        return self._shutter_at_us + self.settings.shutter_us

    def shutter_fails(self, now_us: int) -> bool:
        """Whether feedback and command have disagreed for longer than the limit."""
        if self.shutter_feedback(now_us) == self._shutter_command:
            self._mismatch_since_us = None
            return False
        if self._mismatch_since_us is None:
            self._mismatch_since_us = now_us
        return now_us - self._mismatch_since_us > self.settings.shutter_limit_us

    def gain(self, now_us: int) -> float:
        """Factor of the output, 1 without fault."""
        if not self.faults.gain_per_s:
            self._drift_since_us = None
            return self.faults.gain
        if self._drift_since_us is None:
            self._drift_since_us = now_us
        drift = self.faults.gain_per_s * (now_us - self._drift_since_us) * 1e-6
        return max(0.0, self.faults.gain + drift)

    def emit(self, set_uj: int, now_us: int) -> tuple[int, int]:
        """Return energy really emitted and energy measured [uJ] for a pulse of `set_uj`."""
        noise = self._rng.standard_normal(2)
        true = set_uj * self.gain(now_us) * (1.0 + self.settings.energy_noise * noise[0])
        measured = true * self.faults.meter_gain * (1.0 + self.settings.meter_noise * noise[1])
        return max(0, round(true)), max(0, round(measured))
