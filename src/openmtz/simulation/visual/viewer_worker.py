"""The viewer's process: a viser server and the scene in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from openmtz.simulation.visual.cell import CellShapes, Shape

SKIN = (222, 174, 148)
SPOT = (196, 24, 32)
BEAM = (255, 60, 60)
SPOT_M = 0.0006
"""A spot is drawn larger than its 0.12 mm, or nobody would see it."""
ROOM = 1024
"""Spots are sent to the browser in blocks of this many; only the last block is sent anew."""
EYE, AT = (0.95, -0.78, 0.50), (0.30, -0.02, 0.10)
Reply = Callable[[Any], None]


class ViserScene:
    """The scene of one server."""

    def __init__(self, host: str, port: int, patient: tuple[np.ndarray, np.ndarray] | None) -> None:
        import viser

        self._cell = CellShapes()
        self._server = viser.ViserServer(host=host, port=port, verbose=False)
        scene = self._server.scene
        scene.set_up_direction("+z")
        scene.world_axes.visible = False
        for shape in self._cell.fixed:
            self._add(f"/cell/{shape.name}", shape)
        self._links = [self._add(f"/arm/{i}_{s.name}", s) for i, s in enumerate(self._cell.moving)]
        if patient is not None:
            vertices, faces = patient
            scene.add_mesh_simple(
                "/patient", np.float32(vertices), np.uint32(faces), color=SKIN, side="double"
            )
        scene.add_light_ambient("/light", intensity=0.4)
        self._beam = scene.add_line_segments(
            "/beam", np.zeros((1, 2, 3), np.float32), np.array(BEAM, np.uint8), line_width=3.0, visible=False
        )
        self._blocks: list[Any] = []
        self._open: list[np.ndarray] = []
        self._count = 0
        with self._server.gui.add_folder("Simulation"):
            self._time = self._server.gui.add_text("time [s]", "0.0", disabled=True)
            self._spots = self._server.gui.add_text("spots fired", "0", disabled=True)
            self._text = self._server.gui.add_text("state", "", disabled=True)
        self._server.initial_camera.position = EYE
        self._server.initial_camera.look_at = AT

    def _add(self, name: str, shape: Shape) -> Any:
        color = tuple(round(255 * c) for c in shape.color)
        return self._server.scene.add_mesh_simple(
            name,
            np.float32(shape.mesh.vertices),
            np.uint32(shape.mesh.faces),
            color=color,
            flat_shading=False,
        )

    def show(self, time_s: float, joints: np.ndarray, spots: np.ndarray, text: str) -> None:
        """Move the arm, add the spots, and show the beam to the last of them."""
        with self._server.atomic():
            for handle, pose in zip(self._links, self._cell.poses(joints), strict=True):
                handle.position = pose[:3, 3]
                handle.wxyz = Rotation.from_matrix(pose[:3, :3]).as_quat(scalar_first=True)
            if len(spots):
                self._add_spots(spots)
                self._beam.points = np.array([[self._cell.window(joints), spots[-1]]], np.float32)
            self._beam.visible = bool(len(spots))
            self._time.value = f"{time_s:.1f}"
            self._spots.value = str(self._count)
            self._text.value = text

    def _add_spots(self, spots: np.ndarray) -> None:
        self._count += len(spots)
        self._open.append(spots)
        points = np.concatenate(self._open)
        name = f"/spots/{len(self._blocks)}"
        block = self._server.scene.add_point_cloud(
            name, np.float32(points), np.array(SPOT, np.uint8), point_size=SPOT_M, point_shape="circle"
        )
        if len(points) >= ROOM:
            self._blocks.append(block)
            self._open = []

    def clear(self) -> None:
        """Take all spots away."""
        self._server.scene.remove_by_name("/spots")
        self._blocks, self._open, self._count = [], [], 0


def make_handler() -> Callable[[tuple[str, Any], Reply], None]:
    """Return the handler of `(kind, content)` messages."""
    scenes: list[ViserScene] = []

    def handle(message: tuple[str, Any], reply: Reply) -> None:
        kind, content = message
        try:
            if kind == "open":
                scenes.append(ViserScene(*content))
            elif kind == "clear":
                scenes[0].clear()
            else:
                scenes[0].show(*content)
                reply(("drawn", ""))
        except Exception as error:
            reply(("error", f"the view failed: {type(error).__name__}: {error}"))

    return handle
