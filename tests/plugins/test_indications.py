"""Each indication really changes the dose by what it is told; rules of the neck and of skin type hold."""

from __future__ import annotations

import numpy as np
import pytest

from openmtz.geometry import SkinSurface
from openmtz.hooks import Assessment, PatientFacts, PluginManager, Refused, load_plugins
from openmtz.hooks.cautions import FITZPATRICK_DENSITY, density_per_cm2


@pytest.fixture(scope="module")
def manager() -> PluginManager:
    return load_plugins()


@pytest.fixture(scope="module")
def patch() -> SkinSurface:
    line = np.linspace(-0.01, 0.01, 21)
    x, y = np.meshgrid(line, line, indexing="ij")
    z = -(x**2 + y**2) / 0.14
    index = np.arange(441).reshape(21, 21)
    a, b, c, d = (v.ravel() for v in (index[:-1, :-1], index[1:, :-1], index[1:, 1:], index[:-1, 1:]))
    faces = np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)])
    return SkinSurface.from_arrays(np.stack([x, y, z], -1).reshape(-1, 3), faces)


def prescribe(manager, patch, indication, severity=0.0, **facts):
    count = len(patch.mesh.vertices)
    x = patch.mesh.vertices[:, 0]
    values = np.where(np.abs(x) < 0.003, severity, 0.0)
    seen = Assessment(values, values * 1e-3)
    return manager.prescribe(patch, np.ones(count, bool), indication, PatientFacts(**facts), seen)


def test_densities_of_the_domain_facts():
    assert density_per_cm2(10.0, 120.0) == pytest.approx(884, abs=1)
    assert density_per_cm2(5.0, 120.0) == pytest.approx(442, abs=1)


@pytest.mark.parametrize("indication", ["atrophic_scar", "striae", "ladd"])
@pytest.mark.parametrize("skin_type", [1, 4, 5, 6])
def test_skin_type_scales_density(manager, patch, indication, skin_type):
    facts = {"striae_stage": "alba"}
    base = prescribe(manager, patch, indication, 0.5, fitzpatrick=1, **facts)
    cut = prescribe(manager, patch, indication, 0.5, fitzpatrick=skin_type, **facts)
    assert np.allclose(cut.density_per_cm2, base.density_per_cm2 * FITZPATRICK_DENSITY[skin_type])
    assert np.array_equal(cut.energy_mj, base.energy_mj)


def test_skin_type_not_stated_is_the_most_cautious_and_said(manager, patch):
    unknown = prescribe(manager, patch, "ladd")
    assert np.allclose(
        unknown.density_per_cm2, prescribe(manager, patch, "ladd", fitzpatrick=6).density_per_cm2
    )
    assert "fitzpatrick-not-stated" in {f.code for f in unknown.findings}


def test_scars_are_denser_and_stronger_than_the_skin_around(manager, patch):
    given = prescribe(manager, patch, "atrophic_scar", 0.5, fitzpatrick=1, site="cheek")
    inside = np.abs(patch.mesh.vertices[:, 0]) < 0.0025
    outside = np.abs(patch.mesh.vertices[:, 0]) > 0.006
    assert given.density_per_cm2[inside].min() > 1.9 * given.density_per_cm2[outside].max()
    assert given.energy_mj[inside].min() > given.energy_mj[outside].max()


def test_region_without_scars_is_said(manager, patch):
    given = prescribe(manager, patch, "atrophic_scar", 0.0, fitzpatrick=1, site="cheek")
    assert "no-scars-in-region" in {f.code for f in given.findings}


def test_neck_is_limited_or_refused(manager, patch):
    given = prescribe(manager, patch, "atrophic_scar", 0.5, fitzpatrick=1, site="neck")
    assert given.energy_mj.max() <= 10.0
    assert given.density_per_cm2.max() <= density_per_cm2(10.0, 120.0)
    for name in ("striae", "ladd"):
        with pytest.raises(Refused, match="Avram"):
            prescribe(manager, patch, name, 0.5, site="neck")


def test_striae_stage_sets_the_dose_and_only_bands_are_treated(manager, patch):
    alba = prescribe(manager, patch, "striae", 0.5, fitzpatrick=1, striae_stage="alba")
    rubrae = prescribe(manager, patch, "striae", 0.5, fitzpatrick=1, striae_stage="rubrae")
    assert alba.energy_mj.max() == 10.0
    assert alba.density_per_cm2.max() == pytest.approx(884, abs=1)
    assert rubrae.density_per_cm2.max() < alba.density_per_cm2.max()
    assert "vascular-laser-first" in {f.code for f in rubrae.findings}
    assert (alba.density_per_cm2[np.abs(patch.mesh.vertices[:, 0]) > 0.006] == 0).all()


def test_agent_sets_the_channel(manager, patch):
    deep = prescribe(manager, patch, "ladd", fitzpatrick=1, agent="methotrexate")
    shallow = prescribe(manager, patch, "ladd", fitzpatrick=1, agent="mal")
    assert (deep.energy_mj.max(), shallow.energy_mj.max()) == (80.0, 40.0)
    assert "expected-uptake" in {f.code for f in deep.findings}
    with pytest.raises(Refused, match="known: none, methotrexate, mal, plla"):
        prescribe(manager, patch, "ladd", agent="snake_oil")


def test_particles_must_pass_the_opening(manager, patch):
    codes = {f.code for f in prescribe(manager, patch, "ladd", fitzpatrick=1, agent="plla").findings}
    assert "particles-pass-badly" in codes
