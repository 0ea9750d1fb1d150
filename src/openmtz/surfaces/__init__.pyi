from .errors import SurfaceError as SurfaceError
from .outward import Outward as Outward, parse_outward as parse_outward
from .raw import Note as Note
from .skin_file import (
    SUFFIXES as SUFFIXES,
    LoadedSkin as LoadedSkin,
    load_skin as load_skin,
    read_raw as read_raw,
)
