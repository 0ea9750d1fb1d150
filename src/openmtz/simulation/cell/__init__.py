"""What the lockstep cell and node `simulation` have in common: lines on wires, rest, camera, truth of shots.

`PlayedCell` is the cell behind the node, `graph_panel` the faults it carries out. No ROS.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
