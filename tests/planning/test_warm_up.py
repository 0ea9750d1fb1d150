"""What is compiled ahead is what a plan needs: nothing of it is left for the first treatment."""

from __future__ import annotations

from openmtz.planning.warm_up import dome, warm_up


def test_the_dome_is_skin_and_a_plan_on_it_loads_every_kernel_of_a_plan() -> None:
    from openmtz.planning import (
        _annealing_kernels,
        _order_kernels,
        _pairs,
        _rays,
        _repulsion,
        _sight,
        _slivers,
        _sweep_kernels,
        _view_kernels,
    )

    surface = dome()
    assert 15.0 < surface.area_cm2 < 18.0 and (surface.normals[:, 2] > 0.9).all()
    warm_up()
    modules = (
        _pairs, _repulsion, _annealing_kernels, _order_kernels, _sweep_kernels, _view_kernels, _sight, _rays,
        _slivers,
    )  # fmt: skip
    for module in modules:
        compiled = [k for k in vars(module).values() if hasattr(k, "signatures") and k.signatures]
        assert compiled, module.__name__
