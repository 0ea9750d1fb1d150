"""The calibration file of a node: read whole, or the node does not start."""

from __future__ import annotations

import json

import numpy as np
import pytest
from needs import needs

needs("rclpy")

from openmtz.nodes.calibration import load_calibration, load_galvo_map  # noqa: E402
from openmtz.nodes.errors import NodeError  # noqa: E402
from openmtz.optics import FieldCalibration  # noqa: E402


def test_no_file_is_the_nominal_map_and_a_file_is_read(tmp_path):
    assert load_calibration("", "scan_head") is None
    path = tmp_path / "head.json"
    FieldCalibration.identity(0.25).save(path)
    loaded = load_calibration(str(path), "scan_head")
    assert loaded is not None and loaded.calibration_id == "nominal"


@pytest.mark.parametrize("content", [None, "", "{}", '{"format_version": 1}', "changed"])
def test_a_file_of_no_use_names_node_and_parameter(tmp_path, content):
    path = tmp_path / "head.json"
    if content == "changed":
        FieldCalibration.identity(0.25).save(path)
        values = json.loads(path.read_text())
        values["full_scale_rad"] = 0.26
        content = json.dumps(values)
    if content is not None:
        path.write_text(content)
    with pytest.raises(NodeError, match=r"safety_monitor: parameter calibration_file: .*head\.json"):
        load_calibration(str(path), "safety_monitor")


def test_a_galvo_map_covers_every_count_or_the_simulation_does_not_start(tmp_path):
    whole, part = tmp_path / "whole.json", tmp_path / "part.json"
    FieldCalibration.identity(0.25).save(whole)
    line = np.linspace(-32000, 32767, 9)
    angles = np.stack(np.meshgrid(line, line, indexing="ij"), axis=-1) / 32767 * 0.25
    FieldCalibration(line, line, angles, np.zeros((9, 9)), 0.25, "part").save(part)
    assert load_galvo_map("", "simulation") is None
    assert load_galvo_map(str(whole), "simulation") is not None
    with pytest.raises(NodeError, match=r"simulation: parameter galvo_map_file: .*part\.json: .*all counts"):
        load_galvo_map(str(part), "simulation")
