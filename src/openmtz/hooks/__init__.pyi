from .cautions import (
    density_per_cm2 as density_per_cm2,
    fitzpatrick_multiplier as fitzpatrick_multiplier,
    refuse_neck as refuse_neck,
    site_rule as site_rule,
)
from .errors import (
    PluginError as PluginError,
    PluginFailure as PluginFailure,
    Refused as Refused,
    UnknownIndication as UnknownIndication,
    UnknownPhantom as UnknownPhantom,
)
from .manager import PluginManager as PluginManager, load_plugins as load_plugins
from .phantoms import find_phantom as find_phantom, parse_lesions as parse_lesions
from .spec import hookimpl as hookimpl
from .types import (
    LESION_TYPES as LESION_TYPES,
    Assessment as Assessment,
    Indication as Indication,
    PatientFacts as PatientFacts,
    Phantom as Phantom,
    PhantomSkin as PhantomSkin,
    Prescription as Prescription,
    Region as Region,
)
