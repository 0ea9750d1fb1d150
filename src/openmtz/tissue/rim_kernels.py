"""Numba kernel: heat spreading from the wall of a crater, and the damage it does, in one radius."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numba import njit

Array = Any


class Walls(NamedTuple):
    """Craters' walls, `(K,)` each: `radius` [m]; `heat` [J per m2 of wall] left in it during `pulse` [s]."""

    radius: Array
    heat: Array
    pulse: Array


class Tissue(NamedTuple):
    """What heats and what it takes to be damaged, in SI units.

    `absorption` [1/m] of the beam, `conductivity` [W/m K], `capacity` [J/m3 K]. Tissue at `boiling_c` [deg C]
    takes up `latent` [J/m3] before it gets any hotter; `skin_c` before the pulse. Damage by Arrhenius's law:
    logarithm of the frequency [1/s], `activation` [K].
    """

    absorption: float
    conductivity: float
    capacity: float
    latent: float
    skin_c: float
    boiling_c: float
    log_frequency: float
    activation: float


class Mesh1D(NamedTuple):
    """Finite volumes: `cells`, the `first` at the wall [m] wide, each wider than the one before by `growth`.
    The end: nothing hotter than `quiet_c` [deg C], or `longest` [s]."""

    first: float
    cells: int
    growth: float
    quiet_c: float
    longest: float


@njit(cache=True)
def rims_m(curved: int, walls: Walls, tissue: Tissue, mesh: Mesh1D) -> Any:
    """Return `(K,)` how far beyond the wall Omega reaches 1 [m].

    The wall is that of a cylinder where `curved` is 1, of a sphere where it is 2, and insulated: the crater
    takes no heat back. Solved in one radius by explicit finite volumes.
    """
    radius, heat, pulse = walls.radius, walls.heat, walls.pulse
    absorption, conductivity, capacity = tissue.absorption, tissue.conductivity, tissue.capacity
    latent, skin_c, boiling_c = tissue.latent, tissue.skin_c, tissue.boiling_c
    log_frequency, activation = tissue.log_frequency, tissue.activation
    first, cells, growth = mesh.first, mesh.cells, mesh.growth
    quiet_c, longest = mesh.quiet_c, mesh.longest
    out = np.empty(len(radius))
    edge, middle, width = np.empty(cells + 1), np.empty(cells), np.empty(cells)
    area, volume, share = np.empty(cells + 1), np.empty(cells), np.empty(cells)
    stored, warm, omega = np.empty(cells), np.empty(cells), np.empty(cells)
    boiling = capacity * (boiling_c - skin_c)
    # 0.4 of the longest step at which an explicit scheme on the narrowest cell does not oscillate
    step = 0.4 * first * first * capacity / (2.0 * conductivity)
    for case in range(len(radius)):
        edge[0] = 0.0
        for i in range(cells):
            width[i] = first * growth**i
            edge[i + 1] = edge[i] + width[i]
            middle[i] = 0.5 * (edge[i] + edge[i + 1])
        for i in range(cells + 1):
            area[i] = (1.0 + edge[i] / radius[case]) ** curved  # in units of the wall's
        for i in range(cells):
            volume[i] = 0.5 * (area[i] + area[i + 1]) * width[i]
            # Beer's law: what of the beam's rest is absorbed between the cell's two edges
            share[i] = (math.exp(-absorption * edge[i]) - math.exp(-absorption * edge[i + 1])) / volume[i]
            stored[i], omega[i] = 0.0, 0.0
        time, active = 0.0, 12
        while time < longest:
            hottest = skin_c
            for i in range(active):
                extra = stored[i] - boiling
                if extra <= 0.0:
                    warm[i] = skin_c + stored[i] / capacity
                elif extra <= latent:
                    warm[i] = boiling_c
                else:
                    warm[i] = boiling_c + (extra - latent) / capacity
                hottest = max(hottest, warm[i])
            if time > pulse[case] and hottest < quiet_c:
                break
            # cells that no heat has come to yet need not be computed
            if active < cells and warm[active - 1] > skin_c + 0.05:
                warm[active] = skin_c
                active += 1
            source = heat[case] * min(max((pulse[case] - time) / step, 0.0), 1.0) * step / pulse[case]
            flow = 0.0
            for i in range(active):
                after = 0.0
                if i + 1 < active:
                    gap = 0.5 * (width[i] + width[i + 1])
                    after = conductivity * area[i + 1] * (warm[i] - warm[i + 1]) / gap * step
                stored[i] += (flow - after) / volume[i] + source * share[i]
                flow = after
                if warm[i] > quiet_c:
                    omega[i] += step * math.exp(log_frequency - activation / (warm[i] + 273.15))
            time += step
        out[case] = _edge(omega, middle)
    return out


@njit(cache=True)
def _edge(omega: Array, middle: Array) -> float:
    """Return where ln Omega falls through 0, linear between the middles of the cells."""
    if omega[0] < 1.0:
        return 0.0
    for i in range(1, len(omega)):
        if omega[i] < 1.0:
            above = math.log(omega[i - 1])
            below = math.log(max(omega[i], 1e-300))
            return float(middle[i - 1] + above / (above - below) * (middle[i] - middle[i - 1]))
    return float(middle[-1])
