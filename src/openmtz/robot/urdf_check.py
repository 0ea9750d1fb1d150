"""Is this a description of our arm? A small validator: names the link or joint that is wrong and the fix."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from os import PathLike
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from openmtz import files
from openmtz.robot.description import CAMERA_FRAME, FLANGE_FRAME, JOINT_NAMES, SCAN_HEAD_FRAME, WORLD_FRAME

MOST_MB = 20.0
"""A larger file is no URDF of one arm [MB]."""
LARGEST_MASS_KG = 30.0
"""No link of a table-top arm weighs more (a whole UR5e weighs 20.6 kg). Engineering default."""
TRIANGLE_SLACK = 1e-9


class UrdfInvalid(ValueError):
    """A URDF that cannot be used; the text names every finding, each with its link or joint."""


def validate_urdf(path: str | PathLike[str]) -> None:
    """Check a URDF: well-formed, one tree, our six joints in order, limits, masses and inertias possible.

    Raises:
        UrdfInvalid: with all findings. FileNotFoundError: no such file.
    """
    try:
        text = files.read_bytes(Path(path), MOST_MB)
    except files.UnsafeFileError as error:
        raise UrdfInvalid(str(error)) from error
    findings = urdf_findings(text)
    if findings:
        raise UrdfInvalid(f"{path}: " + "; ".join(findings))


def urdf_findings(text: str | bytes) -> list[str]:
    """Return what is wrong with a URDF, one sentence each; empty where it can be used."""
    if "<!DOCTYPE" in (text if isinstance(text, str) else text.decode("utf-8", "replace")):
        return ["a document type (<!DOCTYPE ...>) has no place in a URDF: entities in it can fill the memory"]
    try:
        root = ElementTree.fromstring(text)
    except (ElementTree.ParseError, ValueError) as error:
        return [f"not well-formed XML: {error}"]
    if root.tag != "robot":
        return [f"the root element must be <robot>, got <{root.tag}>"]
    return _tree(root) + _joints(root) + [f for link in root.iter("link") for f in _inertial(link)]


def _tree(root: ElementTree.Element) -> list[str]:
    links = [str(link.get("name")) for link in root.findall("link")]
    joints = [str(joint.get("name")) for joint in root.findall("joint")]
    findings = [f"{n!r} is defined twice; rename one" for n in _repeated(links) + _repeated(joints)]
    parent: dict[str, str] = {}
    for joint in root.findall("joint"):
        ends = {}
        for end in ("parent", "child"):
            element = joint.find(end)
            name = None if element is None else element.get("link")
            if name not in links:
                findings.append(f"joint {joint.get('name')}: its {end} link {name!r} does not exist")
            ends[end] = str(name)
        if ends["child"] in parent:
            findings.append(f"link {ends['child']!r} hangs on two joints; a URDF must be a tree")
        parent[ends["child"]] = ends["parent"]
    findings += [
        f"link {name!r} is missing; the cell needs it as a frame"
        for name in (WORLD_FRAME, FLANGE_FRAME, SCAN_HEAD_FRAME, CAMERA_FRAME)
        if name not in links
    ]
    for name in links:
        seen = {name}
        while name in parent and not findings:
            name = parent[name]
            if name in seen:
                findings.append(f"link {name!r} hangs on itself; a URDF must be a tree")
            seen.add(name)
    roots = [name for name in links if name not in parent]
    if not findings and roots != [WORLD_FRAME]:
        findings.append(f"the one root link must be {WORLD_FRAME!r}, got {roots}")
    return findings


def _joints(root: ElementTree.Element) -> list[str]:
    moving = [joint for joint in root.findall("joint") if joint.get("type") != "fixed"]
    names = tuple(str(joint.get("name")) for joint in moving)
    if names != JOINT_NAMES:
        return [
            f"moving joints must be {', '.join(JOINT_NAMES)}, in this order, got {', '.join(names) or 'none'}"
        ]
    findings = []
    for joint in moving:
        name = joint.get("name")
        if joint.get("type") != "revolute":
            findings.append(f"{name} must be revolute with limits, got type {joint.get('type')!r}")
            continue
        axis = _numbers(joint.find("axis"), "xyz", 3)
        if axis is None or np.abs(axis - (0.0, 0.0, 1.0)).max() > 1e-9:
            findings.append(f'{name} must turn about its own z: <axis xyz="0 0 1"/>')
        limit = joint.find("limit")
        values = {} if limit is None else {key: _number(limit.get(key)) for key in limit.attrib}
        lower, upper = values.get("lower", np.nan), values.get("upper", np.nan)
        if not (np.isfinite([lower, upper]).all() and lower < upper):
            findings.append(f"{name} needs <limit> with lower < upper [rad], got {lower:g} to {upper:g}")
        elif max(abs(lower), abs(upper)) > 4 * np.pi:
            findings.append(f"{name} turns from {lower:g} to {upper:g} rad: are these degrees?")
        for key in ("velocity", "effort"):
            value = values.get(key, np.nan)
            if not (np.isfinite(value) and value > 0):
                findings.append(f"{name} needs a positive limit {key}, got {value:g}")
    return findings


def _inertial(link: ElementTree.Element) -> list[str]:
    inertial = link.find("inertial")
    if inertial is None:
        return []
    name = link.get("name")
    mass_of, inertia_of = inertial.find("mass"), inertial.find("inertia")
    mass = np.nan if mass_of is None else _number(mass_of.get("value"))
    if not (np.isfinite(mass) and 0 < mass <= LARGEST_MASS_KG):
        return [f"link {name}: a mass of {mass:g} kg cannot be; allowed above 0 to {LARGEST_MASS_KG:g} kg"]
    keys = ("ixx", "ixy", "ixz", "iyy", "iyz", "izz")
    values = [np.nan if inertia_of is None else _number(inertia_of.get(key)) for key in keys]
    if not np.isfinite(values).all():
        return [f"link {name}: <inertia> needs six finite numbers {', '.join(keys)}"]
    xx, xy, xz, yy, yz, zz = values
    moments = np.linalg.eigvalsh(np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])).tolist()
    if moments[0] <= 0:
        return [f"link {name}: inertia is not positive definite (principal moments {_list(moments)} kg m2)"]
    if moments[0] + moments[1] < moments[2] * (1 - TRIANGLE_SLACK):
        return [
            f"link {name}: no body has the principal moments {_list(moments)} kg m2 (triangle inequality)"
        ]
    return []


def _list(values: list[float]) -> str:
    return ", ".join(f"{v:.3g}" for v in values)


def _repeated(names: list[str]) -> list[str]:
    return sorted({n for n in names if names.count(n) > 1})


def _number(text: str | None) -> float:
    try:
        return float(text) if text is not None else np.nan
    except ValueError:
        return np.nan


def _numbers(element: ElementTree.Element | None, key: str, count: int) -> NDArray[np.float64] | None:
    if element is None:
        return None
    values = np.array([_number(part) for part in (element.get(key) or "").split()])
    return values if values.shape == (count,) else None
