"""What is compiled ahead is what a plan needs: nothing of it is left for the first treatment."""

from __future__ import annotations

from openmtz.planning.warm_up import dome, warm_up


def test_the_dome_is_skin_and_a_plan_on_it_loads_every_kernel_of_a_plan() -> None:
    from openmtz.planning.order import annealing_kernels, order_kernels, sweep_kernels
    from openmtz.planning.spots import pair_kernels, repulsion_kernels
    from openmtz.planning.stations import ray_kernels, sight, slivers, view_kernels

    surface = dome()
    assert 15.0 < surface.area_cm2 < 18.0 and (surface.normals[:, 2] > 0.9).all()
    warm_up()
    modules = (
        pair_kernels, repulsion_kernels, annealing_kernels, order_kernels, sweep_kernels, view_kernels, sight,
        ray_kernels, slivers,
    )  # fmt: skip
    for module in modules:
        compiled = [k for k in vars(module).values() if hasattr(k, "signatures") and k.signatures]
        assert compiled, module.__name__
