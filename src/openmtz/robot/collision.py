"""Does the arm come too near to itself, furniture or patient? By Pinocchio with coal, with margins."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from os import PathLike

import coal
import numpy as np
import pinocchio as pin
from numpy.typing import ArrayLike, NDArray

from openmtz.geometry import TriangleMesh
from openmtz.robot.cell import BED_TOP_M, CELL_BOXES, CellBox
from openmtz.robot.clearance import Clearance, Collision, levers
from openmtz.robot.description import find_urdf
from openmtz.robot.patient_shape import patient_bvh
from openmtz.robot.urdf_check import validate_urdf

Array = NDArray[np.float64]

MARGIN_M = 0.02
"""Kept from furniture, obstacles and patient on the way [m]: a breathing chest moves about as much.
Engineering default."""
STATION_SHARE = 0.5
"""At a station, and on the straight line to it, this share of the margin is kept: never less. Engineering
default."""
SELF_MARGIN_M = 0.002
SWEEP_M = 0.005
"""No point of the arm moves further than this between two checks [m]: with the margin kept at both, nothing
can pass between."""
SWEEP_RAD = float(np.deg2rad(1.0))
"""No joint turns further than this between two checks."""
SPARE_M = (0.16, 0.08, 0.04, 0.02, 0.01)
"""Where everything is so much [m] further away than the margin, the arm may move so far without a look."""
FAR_M = 0.5
"""Distances to the patient beyond this are given as this [m]."""
RESOLUTION_M = 1e-4
"""Distances to the patient are known so exactly [m]."""
PATIENT = "patient"
_RIGID_TOOL = {"wrist_3_link", "head_body", "camera_body", "cable_guard"}
_STEADY = {"base_link_inertia", "upper_arm_link"}
"""These two turn past each other with 12.5 mm between them, whatever the joints: to ask for more is idle."""
_ON_PEDESTAL = {"base_link_inertia", "shoulder_link"}


class CellCollision:
    """The arm's shapes from the URDF, furniture, obstacles, and the patient's surface if known."""

    def __init__(
        self,
        urdf_path: str | PathLike[str] | None = None,
        patient: TriangleMesh | None = None,
        margin_m: float = MARGIN_M,
        boxes: Sequence[CellBox] = (),
    ) -> None:
        path = str(urdf_path or find_urdf())
        validate_urdf(path)
        self.model = pin.buildModelFromUrdf(path)
        self._data = self.model.createData()
        self.margin_m = float(margin_m)
        self._arm = pin.buildGeomFromUrdf(self.model, path, pin.GeometryType.COLLISION)
        self._boxes = [*CELL_BOXES, *boxes]
        self._patient: coal.BVHModelOBBRSS | None = None
        self._lever_m = levers(self.model, self._arm)
        self.set_patient(patient)

    @property
    def station_margin_m(self) -> float:
        """Kept at a station and on the straight line to it [m]."""
        return self.margin_m * STATION_SHARE

    def set_patient(self, patient: TriangleMesh | None) -> None:
        """Replace the patient's surface, `(V, 3)` vertices in `world` [m]; None: nobody there.

        From the surface's rims walls go down to the bed: what lies under the skin is patient too.
        """
        self._patient = None if patient is None else patient_bvh(patient, BED_TOP_M)
        self._build()

    def add_box(self, name: str, center_m: Sequence[float], size_m: Sequence[float]) -> None:
        """Put an upright box into the cell; `center_m` and full `size_m`, x y z in `world` [m].

        Raises:
            ValueError: as `CellBox.checked`.
        """
        self._boxes.append(CellBox.checked(name, center_m, size_m, [b.name for b in self._boxes] + [PATIENT]))
        self._build()

    def shift_patient(self, offset_m: ArrayLike) -> None:
        """Move the patient by `(3,)` [m] from where the surface was given; for asking what would help."""
        if self._patient is None:
            return
        place = pin.SE3(np.eye(3), np.array(offset_m, np.float64))
        self._geometry.geometryObjects[self._geometry.getGeometryId(PATIENT)].placement = place
        self._fresh_data()

    def _build(self) -> None:
        geometry = self._arm.copy()
        count = geometry.ngeoms
        links = [self._link(geometry.geometryObjects[i]) for i in range(count)]
        for box in self._boxes:
            place = pin.SE3(np.eye(3), np.array(box.center_m))
            geometry.addGeometryObject(pin.GeometryObject(box.name, 0, 0, place, coal.Box(*box.size_m)))
        if self._patient is not None:
            geometry.addGeometryObject(pin.GeometryObject(PATIENT, 0, 0, pin.SE3.Identity(), self._patient))
        self._names = links + [o.name for o in list(geometry.geometryObjects)[count:]]
        furniture = {box.name for box in CELL_BOXES}
        self._by_itself: list[bool] = []
        self._steady: list[bool] = []
        for a in range(count):
            for b in range(a + 1, geometry.ngeoms):
                if b < count and self._never_apart(links[a], links[b]):
                    continue
                if links[a] in _ON_PEDESTAL and self._names[b] in furniture:
                    continue  # stands on the pedestal and turns in place
                geometry.addCollisionPair(pin.CollisionPair(a, b))
                self._by_itself.append(b < count)
                self._steady.append({self._names[a], self._names[b]} == _STEADY)
        self._geometry = geometry
        self._fresh_data()

    def _fresh_data(self) -> None:
        self._data_of: dict[tuple[float, float], pin.GeometryData] = {}

    def _with_margin(self, margin_m: float, spare_m: float = 0.0) -> pin.GeometryData:
        """Return coal's requests for a margin, and `spare_m` on top of it."""
        if (margin_m, spare_m) not in self._data_of:
            data = pin.GeometryData(self._geometry)
            kinds = zip(data.collisionRequests, self._by_itself, self._steady, strict=True)
            for request, by_itself, steady in kinds:
                own = min(SELF_MARGIN_M, margin_m) if by_itself else margin_m
                request.security_margin = own if steady else own + spare_m
            self._data_of[margin_m, spare_m] = data
        return self._data_of[margin_m, spare_m]

    def _link(self, shape: pin.GeometryObject) -> str:
        return str(self.model.frames[shape.parentFrame].name)

    def _never_apart(self, a: str, b: str) -> bool:
        """Neighbours along the arm always touch at their joint; the tool is one rigid piece."""
        order = (
            "base_link_inertia",
            "shoulder_link",
            "upper_arm_link",
            "forearm_link",
            "wrist_1_link",
            "wrist_2_link",
            "wrist_3_link",
        )
        if a == b or (a in _RIGID_TOOL and b in _RIGID_TOOL):
            return True
        if a in order and b in order:
            return abs(order.index(a) - order.index(b)) == 1
        return False

    def free(self, q: Array, margin_m: float, spare_m: float = 0.0) -> bool:
        """Return whether joints `(6,)` [rad] keep a margin [m]; the quick question, without names.

        `spare_m`: kept beyond the margin, by the arm's links against each other too.
        """
        data = self._with_margin(margin_m, spare_m)
        return not pin.computeCollisions(self.model, self._data, self._geometry, data, q, True)

    def check(self, q: ArrayLike, margin_m: float | None = None) -> Collision | None:
        """Return the first pair nearer than a margin (`margin_m` of the cell by default) at joints `(6,)`."""
        return self._check(np.asarray(q, np.float64), 0, 0.0, self.margin_m if margin_m is None else margin_m)

    def _check(self, q: Array, index: int, fraction: float, margin_m: float) -> Collision | None:
        if self.free(q, margin_m):
            return None
        data = self._with_margin(margin_m)
        for k, result in enumerate(data.collisionResults):
            if result.isCollision():
                pair = self._geometry.collisionPairs[k]
                names = self._names[pair.first], self._names[pair.second]
                margin = data.collisionRequests[k].security_margin
                apart = self._apart(pair.first, pair.second, margin, data) if margin > 0 else 0.0
                return Collision(*names, margin, index, fraction, q.copy(), apart)
        raise AssertionError("a collision without a pair")

    def steps_between(self, a: Array, b: Array) -> int:
        """Return into how many pieces the joint-space line from `a` to `b` `(6,)` must be cut for checks."""
        turn = np.abs(b - a)
        return max(1, int(np.ceil(max(turn @ self._lever_m / SWEEP_M, turn.max() / SWEEP_RAD) - 1e-9)))

    def free_line(self, a: Array, b: Array, margin_m: float) -> bool:
        """Return whether the joint-space line from `a` to `b` `(6,)` keeps a margin [m] all along.

        Not by samples alone: a piece is free where its middle has as much to spare as any point moves
        from there to the ends of the piece, else it is halved, down to `SWEEP_M`.
        """
        if not self.free(b, margin_m):
            return False
        sweep = float(np.abs(b - a) @ self._lever_m)
        pieces = deque([(0.0, 1.0)])
        while pieces:
            low, high = pieces.popleft()
            middle, half = a + (b - a) * ((low + high) / 2), sweep * (high - low) / 2
            spare = min((s for s in SPARE_M if s >= half), default=0.0)
            if half <= SWEEP_M / 2:
                if not self.free(middle, margin_m):
                    return False
            elif not (spare and self.free(middle, margin_m, spare)):
                if not self.free(middle, margin_m):
                    return False
                pieces += [(low, (low + high) / 2), ((low + high) / 2, high)]
        return True

    def check_path(self, positions: ArrayLike, margin_m: float | None = None) -> Collision | None:
        """Return the first collision along joints `(T, 6)` [rad], or None.

        Samples nearer to each other than `SWEEP_M` and `SWEEP_RAD` allow are skipped, wider gaps are
        filled; the first and the last are always checked. A path that starts within a margin may leave
        it: in its first 20 % only what really touches counts.
        """
        margin = self.margin_m if margin_m is None else margin_m
        path = np.atleast_2d(np.asarray(positions, np.float64))
        last = len(path) - 1
        checked = path[0]
        first = self._check(checked, 0, 0.0, margin)
        for i in range(1, last + 1):
            # Skipping must not make the next gap too wide: look one sample ahead.
            if i < last and self.steps_between(checked, path[i + 1]) == 1:
                continue
            pieces = self.steps_between(checked, path[i])
            for k in range(1, pieces + 1):
                fraction = (i - 1 + k / pieces) / last
                leaving = first is not None and fraction < 0.2
                q = checked + (path[i] - checked) * (k / pieces)
                hit = self._check(q, i, fraction, 0.0 if leaving else margin)
                if hit:
                    return hit
            checked = path[i]
        return first if last == 0 else None

    def distance(self, q: ArrayLike, *, itself: bool = False) -> Clearance:
        """Return the nearest pair at joints `(6,)` [rad] and how far apart it is; 0 or less: touching.

        The arm and what is around it; `itself`: pairs of the arm's own links too. Exact for furniture and
        obstacles; to 0.1 mm for the patient.
        """
        pin.updateGeometryPlacements(
            self.model, self._data, self._geometry, self._with_margin(0.0), np.asarray(q, np.float64)
        )
        best = Clearance(np.inf, "", "")
        for pair, by_itself in zip(self._geometry.collisionPairs, self._by_itself, strict=True):
            if by_itself and not itself:
                continue
            names = self._names[pair.first], self._names[pair.second]
            metres = self._apart(pair.first, pair.second, min(best.metres, FAR_M), self._with_margin(0.0))
            if metres < best.metres:
                best = Clearance(metres, *names)
        return best

    def _apart(self, first: int, second: int, most_m: float, placed: pin.GeometryData) -> float:
        """Return the distance [m] of two shapes; where one is the patient, `most_m` at most."""
        objects = self._geometry.geometryObjects
        shapes = objects[first].geometry, objects[second].geometry
        places = [
            coal.Transform3s(m.rotation, m.translation) for m in (placed.oMg[first], placed.oMg[second])
        ]
        if self._names[second] != PATIENT:
            result = coal.DistanceResult()
            return float(
                coal.distance(shapes[0], places[0], shapes[1], places[1], coal.DistanceRequest(), result)
            )

        def within(metres: float) -> bool:
            request = coal.CollisionRequest()
            request.security_margin = metres
            return bool(
                coal.collide(shapes[0], places[0], shapes[1], places[1], request, coal.CollisionResult())
            )

        if most_m <= 0 or not within(most_m):
            return most_m
        low, high = 0.0, most_m
        if within(0.0):
            return 0.0
        while high - low > RESOLUTION_M:
            middle = (low + high) / 2
            low, high = (low, middle) if within(middle) else (middle, high)
        return low
