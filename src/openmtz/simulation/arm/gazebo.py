"""The cell as an SDF world for Gazebo, made from its URDF and its furniture: one description, two formats.

Links without mass become frames of the link they are fixed to, so that every name of the URDF stays. What
has mass stays a link; nothing is lumped. Poses are given relative to where the URDF gives them.
"""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from openmtz.capture import CameraIntrinsics
from openmtz.robot import CAMERA_FRAME, CELL_BOXES, HOME, JOINT_NAMES, WORLD_FRAME, CellBox

Element = ElementTree.Element
SDF_VERSION = "1.9"
"""Read by Gazebo Fortress and later; Jazzy's is Harmonic."""
MODEL = "openmtz_cell"
STEP_S = 0.002
DEPTH_TOPIC = "camera/depth"
CAMERA_LINK = "camera_body"
CAMERA_HZ = 15
RANGE_M = (0.12, 1.5)
"""As the simulated camera of the ROS graph (`openmtz.simulation.camera.camera`)."""
FURNITURE = "0.55 0.60 0.66 1"
SYSTEMS = (
    ("gz-sim-physics-system", "gz::sim::systems::Physics"),
    ("gz-sim-user-commands-system", "gz::sim::systems::UserCommands"),
    ("gz-sim-scene-broadcaster-system", "gz::sim::systems::SceneBroadcaster"),
    ("gz-sim-sensors-system", "gz::sim::systems::Sensors"),
)
CONTROL = ("gz_ros2_control-system", "gz_ros2_control::GazeboSimROS2ControlPlugin")
HARDWARE = "gz_ros2_control/GazeboSimSystem"


class SdfError(ValueError):
    """A URDF that this cannot turn into SDF; the text names the element."""


@dataclass(frozen=True)
class _Joint:
    name: str
    kind: str
    parent: str
    child: str
    pose: str
    element: Element


def world_sdf(
    urdf: str, boxes: Sequence[CellBox] = CELL_BOXES, patient_uri: str = "", control: str = ""
) -> str:
    """Return the SDF world of a URDF and the furniture.

    Args:
        patient_uri: of a mesh in `world` [m], standing still; empty: nobody lies there.
        control: path of ros2_control's parameters (YAML); empty: no controllers, the arm hangs free.

    Raises:
        SdfError: a URDF that is not well-formed, or with what is not translated.
    """
    try:
        robot = ElementTree.fromstring(urdf)
    except ElementTree.ParseError as error:
        raise SdfError(f"the URDF is not well-formed XML: {error}") from error
    sdf = Element("sdf", version=SDF_VERSION)
    world = _add(sdf, "world", name=MODEL)
    physics = _add(world, "physics", name="steps", type="ignored")
    _text(physics, "max_step_size", f"{STEP_S:g}")
    _text(physics, "real_time_factor", "1")
    for file, name in SYSTEMS:
        plugin = _add(world, "plugin", filename=file, name=name)
        if "sensors" in file:
            _text(plugin, "render_engine", "ogre2")
    _text(world, "gravity", "0 0 -9.81")
    light = _add(world, "light", name="sun", type="directional")
    _text(light, "pose", "0 0 3 0 0 0")
    _text(light, "cast_shadows", "true")
    _text(light, "diffuse", "0.8 0.8 0.8 1")
    _text(light, "direction", "-0.4 0.4 -0.9")
    for box in boxes:
        _box_model(world, box)
    if patient_uri:
        _mesh_model(world, "patient", patient_uri)
    _arm_model(world, robot, control)
    ElementTree.indent(sdf)
    return '<?xml version="1.0"?>\n' + ElementTree.tostring(sdf, encoding="unicode") + "\n"


def urdf_with_control(urdf: str) -> str:
    """Return the URDF with the tag that tells ros2_control which joints Gazebo moves, and where from."""
    robot = ElementTree.fromstring(urdf)
    system = _add(robot, "ros2_control", name="gazebo", type="system")
    _text(_add(system, "hardware"), "plugin", HARDWARE)
    for name, begin in zip(JOINT_NAMES, HOME, strict=True):
        joint = _add(system, "joint", name=name)
        _add(joint, "command_interface", name="position")
        position = _add(joint, "state_interface", name="position")
        _text(position, "param", f"{begin:.12g}", name="initial_value")
        _add(joint, "state_interface", name="velocity")
    ElementTree.indent(robot)
    return ElementTree.tostring(robot, encoding="unicode")


# ---- parts ---------------------------------------------------------------------------------------


def _arm_model(world: Element, robot: Element, control: str) -> None:
    model = _add(world, "model", name=MODEL)
    colors = {str(m.get("name")): m for m in robot.findall("material")}
    links = {str(link.get("name")): link for link in robot.findall("link")}
    joints = [_joint(element) for element in robot.findall("joint")]
    carrier = {WORLD_FRAME: "world"}
    for joint in joints:  # the URDF lists parents before children
        if joint.parent not in carrier:
            raise SdfError(f"joint {joint.name!r}: its parent {joint.parent!r} comes later, or never")
        above = carrier[joint.parent]
        link = links.get(joint.child)
        if link is None:
            raise SdfError(f"joint {joint.name!r}: there is no link {joint.child!r}")
        beside = "__model__" if joint.parent == WORLD_FRAME else joint.parent
        if link.find("inertial") is None:
            if joint.kind != "fixed":
                raise SdfError(f"joint {joint.name!r} moves {joint.child!r}, which has no mass")
            owner = "__model__" if above == "world" else above
            frame = _add(model, "frame", name=joint.child, attached_to=owner)
            _text(frame, "pose", joint.pose, relative_to=beside)
            carrier[joint.child] = above
            continue
        carrier[joint.child] = joint.child
        made = _add(model, "joint", name=joint.name, type=joint.kind)
        _text(made, "pose", joint.pose, relative_to=beside)
        _text(made, "parent", above)
        _text(made, "child", joint.child)
        if joint.kind != "fixed":
            _axis(made, joint)
        _link(model, joint, link, colors)
    if control:
        plugin = _add(model, "plugin", filename=CONTROL[0], name=CONTROL[1])
        _text(plugin, "parameters", control)


def _joint(element: Element) -> _Joint:
    name, kind = str(element.get("name")), str(element.get("type"))
    if kind not in ("fixed", "revolute"):
        raise SdfError(f"joint {name!r} is {kind}; fixed and revolute are translated")
    parent, child = element.find("parent"), element.find("child")
    if parent is None or child is None:
        raise SdfError(f"joint {name!r} needs a parent and a child")
    return _Joint(name, kind, str(parent.get("link")), str(child.get("link")), _origin(element), element)


def _axis(made: Element, joint: _Joint) -> None:
    given, limit = joint.element.find("axis"), joint.element.find("limit")
    if given is None or limit is None:
        raise SdfError(f"joint {joint.name!r} needs an axis and limits")
    axis = _add(made, "axis")
    # The URDF's axis stands in the joint's frame, which is the child's: SDF's default too.
    _text(axis, "xyz", str(given.get("xyz")))
    target = _add(axis, "limit")
    for name in ("lower", "upper", "effort", "velocity"):
        _text(target, name, str(limit.get(name)))


def _link(model: Element, joint: _Joint, link: Element, colors: dict[str, Element]) -> None:
    made = _add(model, "link", name=joint.child)
    _text(made, "pose", "0 0 0 0 0 0", relative_to=joint.name)
    inertial, given = _add(made, "inertial"), link.find("inertial")
    assert given is not None
    _text(inertial, "pose", _origin(given))
    mass, inertia = given.find("mass"), given.find("inertia")
    if mass is None or inertia is None:
        raise SdfError(f"link {joint.child!r}: its inertial needs mass and inertia")
    _text(inertial, "mass", str(mass.get("value")))
    tensor = _add(inertial, "inertia")
    for name in ("ixx", "ixy", "ixz", "iyy", "iyz", "izz"):
        _text(tensor, name, str(inertia.get(name)))
    for kind in ("visual", "collision"):
        for index, shape in enumerate(link.findall(kind)):
            part = _add(made, kind, name=f"{joint.child}_{kind}_{index}")
            _text(part, "pose", _origin(shape))
            _geometry(part, shape, joint.child)
            material = shape.find("material")
            if material is not None:
                _color(part, _rgba(material, colors))
    if joint.child == CAMERA_LINK:
        _camera(made)


def _geometry(part: Element, shape: Element, link: str) -> None:
    given = shape.find("geometry")
    if given is None or len(given) != 1 or given[0].tag not in ("box", "cylinder", "sphere"):
        raise SdfError(f"link {link!r}: box, cylinder and sphere are translated, one in a geometry")
    made = _add(_add(part, "geometry"), given[0].tag)
    for name in ("size", "radius", "length"):
        if given[0].get(name) is not None:
            _text(made, name, str(given[0].get(name)))


def _camera(link: Element) -> None:
    """SDF's camera looks along +x with z up, the optical frame along +z with y down (REP-103)."""
    k = CameraIntrinsics()
    turn = Rotation.from_matrix(np.array([[0.0, -1.0, 0.0], [0.0, 0.0, -1.0], [1.0, 0.0, 0.0]]))
    sensor = _add(link, "sensor", name="depth", type="depth_camera")
    # Roll, pitch and yaw are not unique here: a pitch of 90 degrees.
    quaternion = " ".join(f"{v:.12g}" for v in turn.as_quat())
    pose = {"relative_to": CAMERA_FRAME, "rotation_format": "quat_xyzw"}
    _text(sensor, "pose", f"0 0 0 {quaternion}", **pose)
    _text(sensor, "update_rate", str(CAMERA_HZ))
    _text(sensor, "topic", DEPTH_TOPIC)
    camera = _add(sensor, "camera", name="depth")
    _text(camera, "horizontal_fov", f"{2.0 * np.arctan(k.width / (2.0 * k.fx)):.12g}")
    image = _add(camera, "image")
    for name, value in (("width", k.width), ("height", k.height), ("format", "R_FLOAT32")):
        _text(image, name, str(value))
    clip = _add(camera, "clip")
    _text(clip, "near", f"{RANGE_M[0]:g}")
    _text(clip, "far", f"{RANGE_M[1]:g}")
    intrinsics = _add(_add(camera, "lens"), "intrinsics")
    for name in ("fx", "fy", "cx", "cy"):
        _text(intrinsics, name, f"{getattr(k, name):g}")
    _text(intrinsics, "s", "0")
    _text(camera, "optical_frame_id", CAMERA_FRAME)


def _box_model(world: Element, box: CellBox) -> None:
    link = _still_link(world, box.name, " ".join(f"{v:.12g}" for v in box.center_m) + " 0 0 0")
    for kind in ("visual", "collision"):
        part = _add(link, kind, name=kind)
        _text(_add(_add(part, "geometry"), "box"), "size", " ".join(f"{v:.12g}" for v in box.size_m))
        if kind == "visual":
            _color(part, FURNITURE)


def _mesh_model(world: Element, name: str, uri: str) -> None:
    link = _still_link(world, name, "0 0 0 0 0 0")
    for kind in ("visual", "collision"):
        part = _add(link, kind, name=kind)
        _text(_add(_add(part, "geometry"), "mesh"), "uri", uri)
        if kind == "visual":
            _color(part, "0.87 0.68 0.58 1")


def _still_link(world: Element, name: str, pose: str) -> Element:
    model = _add(world, "model", name=name)
    _text(model, "static", "true")
    _text(model, "pose", pose)
    return _add(model, "link", name=name)


# ---- small things --------------------------------------------------------------------------------


def _add(parent: Element, tag: str, **attributes: str) -> Element:
    return ElementTree.SubElement(parent, tag, attributes)


def _text(parent: Element, tag: str, text: str, **attributes: str) -> None:
    ElementTree.SubElement(parent, tag, attributes).text = text


def _origin(element: Element) -> str:
    origin = element.find("origin")
    if origin is None:
        return "0 0 0 0 0 0"
    return f"{origin.get('xyz', '0 0 0')} {origin.get('rpy', '0 0 0')}"


def _rgba(material: Element, colors: dict[str, Element]) -> str:
    found = material.find("color")
    if found is None and material.get("name") in colors:
        found = colors[str(material.get("name"))].find("color")
    if found is None:
        raise SdfError(f"material {material.get('name')!r} has no colour")
    return str(found.get("rgba"))


def _color(part: Element, rgba: str) -> None:
    material = _add(part, "material")
    _text(material, "ambient", rgba)
    _text(material, "diffuse", rgba)
