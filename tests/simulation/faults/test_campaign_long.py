"""The long campaign (`pytest -m campaign`): random instants and pairs of guarded faults, three seeds."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from fault_recipes import RECIPES, Recipe, perform, script
from fault_rig import Captured, play

from openmtz.safety import SafetyConfig
from openmtz.simulation.faults import FAULTS

pytestmark = pytest.mark.campaign
SEEDS = (1, 2, 3)
HARMLESS = [
    name
    for name, fault in FAULTS.items()
    if fault.kind != "unguarded" and not RECIPES.get(name, Recipe()).scan
]
# What was credited bounds what may be in doubt, whatever else goes wrong (design, section 5).
PAIRS = 60
"""Of each seed."""


def instant(rng: np.random.Generator, recipe: Recipe, spots: int) -> Recipe:
    """Return the recipe at another instant of the treatment, if it does not need its own."""
    if not str(recipe.after).startswith("spots:"):
        return recipe
    kept = {name: getattr(recipe, name) for name in ("guards", "for_s", "limit_s")}
    after = f"spots:{int(rng.integers(1, spots - 5))}"
    return Recipe(**kept, after=after, plus_s=float(np.round(rng.uniform(0.0, 0.1), 3)))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", HARMLESS)
def test_whenever_it_happens_a_guarded_fault_does_no_harm(known: Captured, name: str, seed: int) -> None:
    rng = np.random.default_rng([seed, *name.encode()])
    recipe = instant(rng, RECIPES.get(name, Recipe()), len(known.plan))
    run = perform(known, name, guarded=True, seed=seed, after=recipe.after, plus_s=recipe.plus_s)
    left = FAULTS[name].left
    beyond = {harm: one.count for harm, one in run.harms.items() if one.count > left.get(harm, 0)}
    assert not beyond, f"{name} at {recipe.after} + {recipe.plus_s} s: {beyond}"


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("row", range(PAIRS))
def test_two_guarded_faults_at_once_do_no_harm(known: Captured, row: int, seed: int) -> None:
    rng = np.random.default_rng([seed, row])
    names = [str(name) for name in rng.choice(HARMLESS, 2, replace=False)]
    faults, allowed = [], Counter[str]({"unreported-emission": SafetyConfig().credit_window})
    for name in names:
        recipe = instant(rng, RECIPES.get(name, Recipe()), len(known.plan))
        faults += script(known, name, recipe)
        allowed.update(FAULTS[name].left)
    run = play(known, faults, seed=seed)
    beyond = {harm: one.count for harm, one in run.harms.items() if one.count > allowed[harm]}
    assert not beyond, f"{names}: {beyond}; {[(f['fault'], f['when']) for f in faults]}"
