"""Spots on triangles: laid out by mass, relaxed, set apart. What `placement` and `passes` are made of."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from openmtz.planning.spots import (
    border_kernels,
    mesh_tables,
    pair_kernels,
    repulsion_kernels,
    separation_kernels,
    start_kernels,
)
from openmtz.planning.spots.rows import Tables, lay_rows
from openmtz.planning.spots.walk_kernels import Ways

Near = tuple[NDArray[np.int32], NDArray[np.int32]]
Schedule = tuple[tuple[int, float, float], ...]
SCHEDULE: Schedule = ((3, 0.3, 0.0), (3, 0.35, 0.5), (5, 0.3, 0.65))
"""(steps, step, momentum); neighbours and pitches are looked up anew for each. Engineering default: of six
schedules tried on seeds 100 to 104, the shortest that keeps the spacing of longer ones
(docs/benchmarks.md)."""
SWEEPS = ((6, 1.0), (20, 1.0), (12, 0.9), (24, 0.66))
"""(rounds, share) of setting apart, pairs looked up anew for each. The last one only concerns places with no
room for the full distance, such as sheets that overlap: there all pairs are to have a little, instead of
some none."""
LEAST = 0.86
"""Pairs nearer than this are set apart [mean pitches]. Engineering default."""
ACROSS = 0.55
"""The same for spots on two sides of a fold or on two sheets [mean pitches]: those are no neighbours on the
skin, but would merge in space. Two sheets with a hexagonal pattern each can keep 0.577 [D]."""
LEAST_SHARE = 0.5
"""No two spots stay nearer than this in space [mean pitches]. Engineering default."""
COARSEST = 2.0
"""For LEAST_SHARE a pitch counts as at most this many times the finest one: where the density falls to
nothing there is no pitch to halve. Engineering default."""
SLACK = 0.2
"""How much further than their target pairs are listed while they are set apart [pitches]."""
DRIFT = 0.4
"""How much further than the repulsion candidates are looked up in space [pitches]."""
FIELD_SAMPLES_PER_SPOT = 12
JITTER = 1e-3
"""How far spots start from where they are laid out [pitches]."""
WELD_M = 1e-7
"""Vertices nearer than this are one [m]: below any scanner's resolution. Engineering default."""
LEAST_DENSITY = 1e-2
"""Densities below this share of the largest count as this much: the pitch stays finite. Engineering
default."""


class Spots(NamedTuple):
    """`state` `(N, 4)`: x, y, z from the middle of the mesh, one over the local pitch [1/m]; `owner` `(N,)`
    face; `inside` `(N, 2)` barycentrics of its corners b and c."""

    state: NDArray[np.float32]
    owner: NDArray[np.int32]
    inside: NDArray[np.float32]


class Listed(NamedTuple):
    """Half lists of all pairs within `reach` pitches, and how far [m] spots have `moved` since."""

    near: Near
    reach: float
    moved: float


class Skin(NamedTuple):
    """The triangles spots may move on, as tables, and the prescribed density near their border."""

    vertices: NDArray[np.float64]
    welded: NDArray[np.int32]
    middle: NDArray[np.float64]
    frame: NDArray[np.float32]
    normals: NDArray[np.float32]
    across: NDArray[np.int32]
    corner_density: NDArray[np.float64]
    mass: NDArray[np.float64]

    @classmethod
    def of(
        cls,
        vertices: NDArray[np.float64],
        corners: NDArray[np.int32],
        density: NDArray[np.float64],
        mass: NDArray[np.float64],
    ) -> Skin:
        """Return the tables of the triangles `corners` `(F, 3)`; `density` `(V,)` per cm2, `mass` `(F,)`
        spots."""
        middle = 0.5 * (vertices.min(axis=0) + vertices.max(axis=0))
        frame, normals = mesh_tables.frames(vertices, corners, middle)
        welded = mesh_tables.weld(vertices, corners, WELD_M)
        across = mesh_tables.neighbours(welded, len(vertices))
        mesh_tables.orient(welded, across, normals)
        corner_density = density[corners]
        least = corner_density.max() * LEAST_DENSITY
        if corner_density.min() < least:
            corner_density = np.maximum(corner_density, least)
        return cls(vertices, welded, middle, frame, normals, across, corner_density, mass)

    def lay_out(self, count: int, rng: np.random.Generator) -> Spots:
        """Return `count` spots in interlocking rows; on pieces too small for rows each with its share of the
        mass."""
        tables = Tables(self.vertices, self.welded, self.frame, self.across, self.corner_density, self.mass)
        owner, inside, in_rows = lay_rows(tables, count, float(rng.random()))
        offset = float(rng.random())
        if len(owner) < count:
            mass = np.where(in_rows, 0.0, self.mass)
            _, more, within = start_kernels.lay_out(
                mass, count - len(owner), offset, self.frame, self.corner_density
            )
            owner, inside = np.concatenate([owner, more]), np.concatenate([inside, within])
        state = start_kernels.states(owner, inside, self.frame)
        start_kernels.set_pitch(state, owner, inside, self.corner_density)
        # no two start on one place
        jitter = rng.standard_normal((count, 3), np.float32)
        state[:, :3] += JITTER * jitter / state[:, 3:]
        return Spots(state, owner, inside)

    def relax(self, spots: Spots, layer: NDArray[np.int32], schedule: Schedule = SCHEDULE) -> Listed:
        """Move `spots` on the faces, in place, until they keep the local pitch from each other, and those of
        one `layer` `(N,)` the pitch of their own density. Returns the neighbours it looked at."""
        state, owner, inside = spots
        layers = int(layer.max()) + 1
        scale = float(np.sqrt(layers))
        last = state.copy()
        none = np.zeros(len(state) + 1, np.int32), np.zeros(0, np.int32)
        began, wide = state.copy(), scale * (repulsion_kernels.RANGE + DRIFT)
        near = self._near(state, wide)
        borders = self._borders(spots, [1.0] if layers == 1 else [1.0, scale])
        ways = Ways(self.frame, self.across)
        for block in schedule:
            start_kernels.set_pitch(state, owner, inside, self.corner_density)
            normals = self.normals[owner]
            reach = repulsion_kernels.RANGE + repulsion_kernels.SKIN
            pairs = pair_kernels.keep_pairs(near, state, normals, layer, layers, reach)
            own = none
            if layers > 1:
                own = pair_kernels.keep_pairs(near, state, normals, layer, 0, scale * reach)
            rows, pull = borders.pull(state, normals)
            repulsion_kernels.relax(
                spots, last, ways, repulsion_kernels.Pushed(pairs, own, scale),
                repulsion_kernels.Pull(rows, pull), block,
            )  # fmt: skip
        return Listed(near, wide, separation_kernels.longest_way(began, state))

    def separate(
        self,
        spots: Spots,
        layer: NDArray[np.int32],
        floor_m: float,
        listed: Listed,
        least: float = LEAST,
        sweeps: tuple[tuple[int, float], ...] = SWEEPS,
    ) -> Near:
        """Set pairs still too near apart, also those of two sheets that touch, in place; `listed`: the
        neighbours by `relax`.

        Returns half lists that hold every pair nearer than LEAST_SHARE mean pitches and than `floor_m`.
        """
        state, owner, inside = spots
        own = least * float(np.sqrt(int(layer.max()) + 1))
        finest = 1.0 / float(state[:, 3].max())
        reach = max(own, 1.05 * floor_m / finest) + 3.0 * SLACK
        near, listed_reach, moved = listed
        if listed_reach >= reach:
            reach = listed_reach
        else:
            near, moved = self._near(state, reach), 0.0
        for rounds, share in sweeps:
            wanted = max(share * own, ACROSS, 1.05 * floor_m / finest)
            if 2.0 * moved > (reach - wanted) * finest:  # a pair nearer than wanted may be missing
                near, moved = self._near(state, reach), 0.0
            start_kernels.set_pitch(state, owner, inside, self.corner_density)
            pairs = separation_kernels.list_targets(
                near, state, self.normals[owner], layer,
                separation_kernels.Targets(share * least, share * own, ACROSS, floor_m, SLACK),
            )  # fmt: skip
            moved += separation_kernels.separate(state, owner, inside, self.frame, self.across, pairs, rounds)
        least = max(LEAST_SHARE, floor_m / finest)
        if 2.0 * moved > (reach - least) * finest:
            near = self._near(state, reach)
        return near

    def place(
        self,
        vertices: NDArray[np.float64],
        corners: NDArray[np.int32],
        spots: Spots,
        near: Near,
        floor_m: float,
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
        """Return positions `(N, 3)` [m], normals `(N, 3)` and barycentrics `(N, 3)` in double precision, and
        which spots `(N,)` stay so that no two are nearer in space than LEAST_SHARE pitches and `floor_m`."""
        bary = np.empty((len(spots.inside), 3))
        bary[:, 1:] = np.maximum(spots.inside, 0.0)
        bary[:, 1:] /= np.maximum(bary[:, 1] + bary[:, 2], 1.0)[:, None]
        bary[:, 0] = np.maximum(1.0 - bary[:, 1] - bary[:, 2], 0.0)
        positions = start_kernels.at(vertices, corners, spots.owner, bary)
        normals = mesh_tables.vertex_normals(vertices, corners, spots.owner, bary, self.normals)
        inverse = np.array(spots.state[:, 3], np.float64)
        inverse = np.maximum(inverse, inverse.max() / COARSEST)
        keep = separation_kernels.clear(positions, inverse, near, LEAST_SHARE, floor_m)
        return positions, normals, bary, keep

    def _near(self, state: NDArray[np.float32], reach: float) -> Near:
        """Return half lists of spots within `reach` pitches (and a little more) of each."""
        pitch = 1.0 / state[:, 3]
        width = max(float(np.quantile(pitch[::7], 0.9)), float(pitch.max()) / 4.0)
        radius = np.float32(pair_kernels.WIDER * reach) * pitch
        listed: Near = pair_kernels.list_near(state, radius, state, pair_kernels.WIDER * reach * width, True)
        return listed

    def _borders(self, spots: Spots, scales: list[float]) -> Border:
        """Return what the prescribed density does to spots near the border."""
        state = spots.state
        reach = (repulsion_kernels.RANGE + DRIFT) * max(scales) * 1.0 / float(state[:, 3].min())
        edge = border_kernels.border_points(self.across, self.frame, 0.25 * reach)
        rows = np.zeros(0, np.int32)
        faces = np.zeros(0, np.int64)
        if len(edge):
            rows = np.flatnonzero(
                border_kernels.marked(state, reach, border_kernels.mark_cells(edge, reach))
            ).astype(np.int32)
            longest = min(float(self.frame[:, 15].max()), 4.0 * reach)
            cell = 2.0 * reach + longest
            table = border_kernels.mark_cells(edge, cell)
            faces = np.flatnonzero(border_kernels.marked_faces(self.frame, cell, longest, table))
        if len(rows) == 0 or len(faces) == 0:
            return Border(rows[:0], [], np.zeros((0, 4), np.float32), np.zeros((0, 3), np.float32), 0.0)
        part = float(self.mass[faces].sum())
        samples = int(np.ceil(part * FIELD_SAMPLES_PER_SPOT)) + 16
        field, owner, _ = start_kernels.lay_out(
            self.mass[faces], samples, 0.5, self.frame[faces], self.corner_density[faces]
        )
        lists = []
        for scale in scales:
            radius = np.float32((repulsion_kernels.RANGE + DRIFT) * scale) / state[rows, 3]
            near = pair_kernels.list_near(state[rows], radius, field, float(radius.max()), False)
            lists.append((scale, near))
        return Border(
            rows, lists, field, self.normals[faces][owner], repulsion_kernels.PRESSURE * part / samples
        )


class Border(NamedTuple):
    """Spots near a border `rows` `(R,)`, samples of the prescribed density `field` `(M, 4)` around them."""

    rows: NDArray[np.int32]
    lists: list[tuple[float, Near]]
    field: NDArray[np.float32]
    normals: NDArray[np.float32]
    weight: float

    def pull(
        self, state: NDArray[np.float32], normals: NDArray[np.float32]
    ) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """Return the rows and `(R, 9)`, the pull at the spots and its derivative."""
        total = np.zeros((len(self.rows), 9), np.float32)
        for scale, near in self.lists:
            total += repulsion_kernels.border_force(
                state, normals, self.rows, near, self.field, self.normals, self.weight / scale**2, scale
            )
        return self.rows, total
