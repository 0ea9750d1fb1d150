from .ablation import (
    MOST_INCIDENCE_RAD as MOST_INCIDENCE_RAD,
    SKIN as SKIN,
    AblationModel as AblationModel,
    craters as craters,
)
from .checks import TissueError as TissueError
from .coagulation import DERMIS as DERMIS, CoagulationModel as CoagulationModel, rims as rims
from .damage import ARRHENIUS_SETS as ARRHENIUS_SETS, Arrhenius as Arrhenius
from .disc import peak_disc_j_cm2 as peak_disc_j_cm2
from .disc_kernels import sort_cells as sort_cells
from .heat import (
    HeatModel as HeatModel,
    MidGapHeat as MidGapHeat,
    mid_gap_heat as mid_gap_heat,
    temperature_rise as temperature_rise,
)
from .heat_kernels import ERF as ERF, rise_of as rise_of
from .mid_gaps import Gaps as Gaps, gaps as gaps, sample as sample
