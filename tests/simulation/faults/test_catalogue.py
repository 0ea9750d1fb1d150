"""The catalogue: parameters are checked by name, kind and finiteness; its own defaults are good."""

from __future__ import annotations

import math
from typing import Any

import pytest

from openmtz.simulation.faults import FAULTS, Fault, FaultParameterError


@pytest.mark.parametrize("fault", FAULTS.values(), ids=lambda fault: fault.name)
def test_a_fault_takes_its_own_defaults(fault: Fault) -> None:
    assert fault.check({}) == dict(fault.parameters)
    assert fault.check(fault.parameters) == dict(fault.parameters)
    assert fault.check(fault.shown_with) == {**fault.parameters, **fault.shown_with}
    assert fault.what and fault.part and fault.name.islower()


def test_names_are_told_apart() -> None:
    assert all(name == fault.name for name, fault in FAULTS.items())
    assert len({fault.what for fault in FAULTS.values()}) == len(FAULTS)


def test_what_is_given_comes_before_the_defaults() -> None:
    given = FAULTS["wrong_power"].check({"gain": 2})
    assert given == {"gain": 2}
    move = FAULTS["patient_sudden_move"].check({"translation_m": [0.0, 0.001, 0.0]})
    assert move["translation_m"] == [0.0, 0.001, 0.0] and move["duration_s"] == 0.25


@pytest.mark.parametrize(
    ("name", "given", "says"),
    [
        ("wrong_power", {"gian": 2.0}, "no parameter 'gian'; there are: gain"),
        ("door_open", {"wide": True}, "no parameter 'wide'; there are: none"),
        ("wrong_power", {"gain": math.nan}, "gain must be like 1.6, got nan"),
        ("wrong_power", {"gain": math.inf}, "gain must be like 1.6"),
        ("wrong_power", {"gain": "2"}, "gain must be like 1.6, got '2'"),
        ("wrong_power", {"gain": True}, "gain must be like 1.6, got True"),
        ("wrong_power", {"gain": None}, "gain must be like 1.6"),
        ("stuck_shutter", {"position": 1}, "position must be like 'open', got 1"),
        ("patient_sudden_move", {"translation_m": [0.0, 0.0]}, "translation_m must be like"),
        ("patient_sudden_move", {"translation_m": [0.0, 0.0, math.nan]}, "translation_m must be like"),
        ("patient_sudden_move", {"translation_m": 0.003}, "translation_m must be like"),
        ("camera_mounting", {"hand_eye": [[0.0] * 6]}, "hand_eye must be like"),
    ],
)
def test_a_parameter_that_cannot_be_is_named(name: str, given: dict[str, Any], says: str) -> None:
    with pytest.raises(FaultParameterError, match=name) as caught:
        FAULTS[name].check(given)
    assert says in str(caught.value)


def test_kind_follows_from_harm_and_guard() -> None:
    assert Fault("a", "p", "w").kind == "availability"
    assert Fault("a", "p", "w", harm="off-target").kind == "unguarded"
    assert Fault("a", "p", "w", harm="off-target", guard="g").kind == "guarded"
