from .cell import LockstepCell as LockstepCell
from .files import write_result as write_result
from .film import write_film as write_film
from .gallery import gallery_paths as gallery_paths
from .head import LockstepHead as LockstepHead
from .run import SimulationResult as SimulationResult, simulate as simulate
from .scenario import (
    Scenario as Scenario,
    ScenarioError as ScenarioError,
    load_scenario as load_scenario,
)
from .stack import LockstepStack as LockstepStack
