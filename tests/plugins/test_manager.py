"""Plugins that fail are named, disabled and reported; they never take the stack down nor go unnoticed."""

from __future__ import annotations

import sys
from dataclasses import replace
from importlib import metadata
from types import SimpleNamespace

import numpy as np
import pytest

from openmtz.geometry import SkinSurface
from openmtz.hooks import (
    Assessment,
    Indication,
    PatientFacts,
    Phantom,
    PhantomSkin,
    PluginError,
    PluginManager,
    Prescription,
    UnknownIndication,
    UnknownPhantom,
    hookimpl,
    load_plugins,
)
from openmtz.optics.profile import CO2_120UM_LOW_ENERGY
from openmtz.plan import Finding, Severity, TreatmentPlan

SKIN = SkinSurface.from_arrays(np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0.0]]) * 0.01, np.array([[0, 1, 2]]))
AREA = np.ones(3, bool)


def plugin(**hooks):
    """Return a plugin object with an indication `test` and the hooks given."""
    hooks.setdefault("indications", lambda: [Indication("test", "Test", "for tests")])
    return SimpleNamespace(**{name: hookimpl(function) for name, function in hooks.items()})


def manager_with(**hooks) -> PluginManager:
    manager = PluginManager()
    manager.register("mine", plugin(**hooks), "1.2")
    return manager


def entry(name: str, value: str) -> metadata.EntryPoint:
    return metadata.EntryPoint(name, value, "openmtz")


def test_installed_plugins_are_found():
    manager = load_plugins()
    assert {"atrophic_scar", "ladd", "striae"} <= set(manager.indications)
    assert manager.failures == []
    assert {"openmtz", "ladd"} <= set(manager.versions)


def test_import_error_names_the_plugin_and_spares_the_others(tmp_path, monkeypatch):
    (tmp_path / "omtz_broken_import.py").write_text("raise RuntimeError('no licence file')\n")
    (tmp_path / "omtz_exits.py").write_text("import sys; sys.exit(3)\n")
    monkeypatch.syspath_prepend(tmp_path)
    points = [
        entry("broken", "omtz_broken_import"),
        entry("exits", "omtz_exits"),
        entry("absent", "omtz_no_such_module"),
        entry("ladd", "openmtz_ladd.plugin"),
    ]
    manager = load_plugins(entry_points=points)
    assert [(f.name, f.stage) for f in manager.failures] == [
        ("absent", "import"), ("broken", "import"), ("exits", "import"),
    ]  # fmt: skip
    assert "no licence file" in str(manager.failures[1])
    assert list(manager.indications) == ["ladd"]
    with pytest.raises(UnknownIndication, match=r"available: ladd.*'broken' failed in import"):
        manager.provider("broken")
    for name in ("omtz_broken_import", "omtz_exits"):
        sys.modules.pop(name, None)


def test_raising_hook_disables_and_refuses():
    manager = manager_with(assess=lambda surface: 1 / 0)
    with pytest.raises(PluginError, match=r"'mine' failed in assess.*ZeroDivisionError"):
        manager.assess(SKIN, AREA, "test", PatientFacts())
    assert [(f.name, f.stage) for f in manager.failures] == [("mine", "assess")]
    assert "test" not in manager.indications
    assert "mine" not in manager.versions
    with pytest.raises(PluginError, match="is disabled"):
        manager.provider("test")


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (None, "NoneType"),
        (Assessment(np.zeros(2), np.zeros(3)), r"severity must have shape \(3,\)"),
        (Assessment(np.full(3, np.nan), np.zeros(3)), "NaN"),
        (Assessment(np.full(3, 2.0), np.zeros(3)), "within 0 to 1"),
    ],
)
def test_unusable_assessment_is_named(result, words):
    manager = manager_with(assess=lambda: result)
    with pytest.raises(PluginError, match=words):
        manager.assess(SKIN, AREA, "test", PatientFacts())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"density_per_cm2": np.array([1.0, -1.0, 0.0])}, "density_per_cm2"),
        ({"energy_mj": np.array([1.0, np.inf, 0.0])}, "energy_mj is NaN or infinite"),
        ({"profile": "magic"}, "magic"),
        ({"passes": 0}, "passes"),
    ],
)
def test_unusable_prescription_is_named(change, words):
    good = {
        "density_per_cm2": np.ones(3),
        "energy_mj": np.ones(3),
        "profile": "co2_120um_deep",
        "rationale": "",
    }
    manager = manager_with(prescribe=lambda: Prescription(**{**good, **change}))
    with pytest.raises(PluginError, match=words):
        manager.prescribe(SKIN, AREA, "test", PatientFacts(), Assessment(np.zeros(3), np.zeros(3)))


@pytest.mark.parametrize(
    ("hooks", "stage", "words"),
    [
        ({"indications": lambda: 1 / 0}, "indications", "ZeroDivisionError"),
        ({"indications": lambda: ["test"]}, "indications", "Indication objects"),
        ({"handpiece_profiles": lambda: "fast"}, "handpiece_profiles", "must return a list"),
        ({"treat": lambda: None}, "register", "no such hook: treat"),
        ({"assess": lambda surface, phase_of_moon: None}, "register", "phase_of_moon"),
    ],
)
def test_bad_plugin_fails_at_registration(hooks, stage, words):
    manager = manager_with(**hooks)
    assert [(f.name, f.stage) for f in manager.failures] == [("mine", stage)]
    assert words in manager.failures[0].error
    assert manager.indications == {}
    assert "mine" not in manager.versions
    assert manager.check_plan(empty_plan(), PatientFacts()) == []


def test_second_plugin_of_a_name_does_not_push_out_the_first():
    manager = manager_with()
    assert not manager.register("mine", plugin())
    assert not manager.register("other", plugin())
    assert manager.provider("test") == "mine"
    assert "already provided by 'mine'" in manager.failures[1].error


def empty_plan(indication: str = "test") -> TreatmentPlan:
    header = {"format_version": 1, "indication": indication}
    zero = np.zeros(0)
    return TreatmentPlan(header, np.zeros((0, 3)), np.zeros((0, 3)), *[zero] * 6, np.zeros((0, 7)))


@pytest.mark.parametrize(("indication", "severity"), [("test", Severity.REFUSAL), ("else", Severity.WARNING)])
def test_failing_check_is_a_finding(indication, severity):
    manager = manager_with(check_plan=lambda plan: 1 / 0)
    findings = manager.check_plan(empty_plan(indication), PatientFacts())
    assert [(f.severity, f.source, f.code) for f in findings] == [(severity, "mine", "plugin-failed")]


def test_findings_of_checks_are_passed_on():
    found = Finding(Severity.WARNING, "mine", "x", "y")
    manager = manager_with(check_plan=lambda facts: [found])
    assert manager.check_plan(empty_plan(), PatientFacts()) == [found]


def phantom(name: str = "plate", build=None, **changes) -> Phantom:
    def flat(lesions: str, seed: int, region_radius_m: float) -> PhantomSkin:
        square = 0.05 * np.array([[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0.0]])
        faces = np.array([[0, 1, 2], [0, 2, 3]], np.int32)
        good = {
            "vertices": square, "faces": faces, "lesion_label": np.zeros(4, np.int8),
            "lesion_mask": np.zeros(4, bool), "lesion_depth_m": np.zeros(4),
            "target_m": (0.0, 0.0, 0.0), "approach": (0.0, 0.0, 1.0),
        }  # fmt: skip
        return PhantomSkin(**{**good, **changes})

    return Phantom(name, "Plate", "Flat skin.", ("other",), ("none", "icepick", "rolling"), build or flat)


def test_phantoms_are_found_built_and_checked():
    manager = manager_with(phantoms=lambda: [phantom()])
    assert list(manager.phantoms) == ["plate"]
    assert len(manager.build_phantom("plate", "icepick:0.2+rolling:0.8", 3, 0.011).vertices) == 4
    with pytest.raises(UnknownPhantom, match="unknown phantom 'knee'; known: plate"):
        manager.build_phantom("knee", "none", 0, 0.011)
    with pytest.raises(UnknownPhantom, match="offers no lesions 'striae'; known: none, icepick, rolling"):
        manager.build_phantom("plate", "icepick+striae", 0, 0.011)
    with pytest.raises(UnknownPhantom, match="cannot be read at 'rolling:lots'"):
        manager.build_phantom("plate", "rolling:lots", 0, 0.011)
    assert manager.failures == [] and list(manager.phantoms) == ["plate"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"vertices": np.full((4, 3), np.nan)}, "NaN"),
        ({"vertices": np.zeros((4, 2))}, r"vertices must be \(V, 3\)"),
        ({"vertices": 50.0 * np.eye(4)[:, :3]}, "is it in millimetres"),
        ({"faces": np.zeros((0, 3), int)}, "faces must be"),
        ({"faces": np.array([[0, 1, 9]])}, "vertex that is not there"),
        ({"lesion_mask": np.zeros(3, bool)}, r"lesion_mask must be \(4,\)"),
        ({"lesion_depth_m": np.full(4, -1.0)}, "lesion_depth_m must be 0 to 0.05"),
        ({"lesion_label": np.full(4, 77)}, "lesion_label must be 0 to"),
        ({"approach": (0.0, 0.0, 0.0)}, "approach must have a direction"),
        ({"target_m": (0.0, np.inf, 0.0)}, "target_m must be three finite"),
    ],
)
def test_unusable_phantom_is_named_and_its_plugin_disabled(changes, words):
    manager = manager_with(phantoms=lambda: [phantom(**changes)])
    with pytest.raises(PluginError, match=f"'mine' failed in phantoms.*{words}"):
        manager.build_phantom("plate", "none", 0, 0.011)
    assert "plate" not in manager.phantoms and "test" not in manager.indications
    with pytest.raises(UnknownPhantom, match=r"known: none\. plugin 'mine' failed in phantoms"):
        manager.build_phantom("plate", "none", 0, 0.011)


@pytest.mark.parametrize(
    ("offer", "words"),
    [
        (lambda: [phantom("two words")], "letters, digits"),
        (lambda: ["plate"], "Phantom objects"),
        (lambda: [phantom(build=3)], "cannot be called"),
        (lambda: 1 / 0, "ZeroDivisionError"),
    ],
)
def test_bad_phantoms_fail_at_registration(offer, words):
    manager = manager_with(phantoms=offer)
    assert [(f.name, f.stage) for f in manager.failures] == [("mine", "phantoms")]
    assert words in manager.failures[0].error and manager.phantoms == {}
    assert manager.indications == {}


def test_second_phantom_of_a_name_does_not_push_out_the_first():
    manager = manager_with(phantoms=lambda: [phantom()])
    assert not manager.register("other", SimpleNamespace(phantoms=hookimpl(lambda: [phantom()])))
    assert "a phantom named 'plate' already comes from 'mine'" in manager.failures[0].error
    assert list(manager.phantoms) == ["plate"]


def test_a_disabled_plugin_keeps_nothing_on_offer():
    """Indications, handpiece profiles, phantoms and version: all that a plugin brought goes with it."""
    own = replace(CO2_120UM_LOW_ENERGY, name="mine_only")
    phantom = Phantom("mine_only", "Mine", "for tests", ("arm",), ("none",), lambda *_: None)
    manager = PluginManager()
    before = (manager.indications, manager.profiles, manager.phantoms, manager.versions)
    assert CO2_120UM_LOW_ENERGY.name in manager.profiles
    hooks = {
        "handpiece_profiles": lambda: [own],
        "phantoms": lambda: [phantom],
        "assess": lambda: 1 / 0,
    }
    assert manager.register("mine", plugin(**hooks), "1.2")
    assert "mine_only" in manager.profiles and "mine_only" in manager.phantoms
    assert "test" in manager.indications and "mine" in manager.versions
    with pytest.raises(PluginError, match="ZeroDivisionError"):
        manager.assess(SKIN, AREA, "test", PatientFacts())
    assert (manager.indications, manager.profiles, manager.phantoms, manager.versions) == before


def test_a_profile_s_name_is_free_again_once_its_plugin_is_gone_and_taken_before():
    own = replace(CO2_120UM_LOW_ENERGY, name="mine_only")
    manager = manager_with(handpiece_profiles=lambda: [own], assess=lambda: 1 / 0)
    other = {"handpiece_profiles": lambda: [own], "indications": lambda: []}
    assert not manager.register("second", plugin(**other))
    assert "already comes from 'mine'" in str(manager.failures[-1])
    with pytest.raises(PluginError):
        manager.assess(SKIN, AREA, "test", PatientFacts())
    assert manager.register("third", plugin(**other)) and manager.profiles["mine_only"] == own


def test_plugins_given_beforehand_come_first():
    first = SimpleNamespace(phantoms=hookimpl(lambda: [phantom()]))
    manager = load_plugins(entry_points=[], before={"mine": first})
    assert list(manager.phantoms) == ["plate"] and "mine" in manager.versions
