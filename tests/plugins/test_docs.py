"""docs/plugins.md lists every hook with the arguments it offers, and its example works as it stands."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from openmtz.hooks import PatientFacts, PluginManager, spec
from openmtz.optics.profile import CO2_120UM_LOW_ENERGY

DOCS = (Path(__file__).parents[2] / "docs" / "plugins.md").read_text()


@pytest.mark.parametrize("name", spec.HOOK_NAMES)
def test_every_hook_and_argument_is_documented(name):
    row = next(line for line in DOCS.splitlines() if line.startswith(f"| `{name}`"))
    hook = getattr(spec, name)
    assert hook.__doc__
    offered = re.findall(r"`(\w+)`", row.split("|")[2])
    assert offered == list(inspect.signature(hook).parameters)


def test_the_example_works():
    plugin = ModuleType("example")
    exec(re.search(r"```python\n(.*?)```", DOCS, re.DOTALL).group(1), plugin.__dict__)
    manager = PluginManager()
    assert manager.register("example", plugin, "1"), manager.failures
    from openmtz.geometry import SkinSurface

    skin = SkinSurface.from_arrays(np.eye(3) * 0.01, np.array([[0, 1, 2]]))
    everywhere = np.ones(3, bool)
    seen = manager.assess(skin, everywhere, "test_grid", PatientFacts())
    given = manager.prescribe(skin, everywhere, "test_grid", PatientFacts(), seen)
    assert given.profile == CO2_120UM_LOW_ENERGY.name
