"""What can go wrong, by name: one catalogue for scenarios, the fault campaign and the documents.

`FAULTS` says what there is, `ACTS` what each does, to the ports of a `Rig`; a `FaultPanel` switches them. The
lockstep cell and the graph's simulated cell each offer a rig. `SpoiledLink`, `SpoiledJoints` and
`LiftedPlanner` stand before what the software under test uses, so that the software itself has no switch.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
