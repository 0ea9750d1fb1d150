from . import region as region
from .deficit import (
    Course as Course,
    Lesion as Lesion,
    fit_course as fit_course,
    lesions_of as lesions_of,
    spread_out as spread_out,
)
from .examined import (
    AskedSkin as AskedSkin,
    ExaminedSkin as ExaminedSkin,
    examine_skin as examine_skin,
)
from .exclusion import SHOWN_M as SHOWN_M, Excluded as Excluded, exclude as exclude
from .feathering import feather_density as feather_density
from .lost_skin import LostSkin as LostSkin
from .no_fire import (
    Box as Box,
    Capsule as Capsule,
    DrawnPolygon as DrawnPolygon,
    NoFireVolume as NoFireVolume,
    Sphere as Sphere,
)
from .normals import (
    FineNormals as FineNormals,
    fine_normals as fine_normals,
    smooth_normals as smooth_normals,
)
from .polygon import MAX_CORNERS as MAX_CORNERS, PolygonRegion as PolygonRegion, WholeSkin as WholeSkin
from .prescribed import PrescribedDose as PrescribedDose, prescribe as prescribe
from .region import AnyRegion as AnyRegion, lesion_labels as lesion_labels, middle as middle
from .surface_check import MAX_TRIANGLES as MAX_TRIANGLES, check_surface as check_surface, crop as crop
from .surface_file import (
    SURFACE_FILE as SURFACE_FILE,
    SurfaceFileError as SurfaceFileError,
    load_surface as load_surface,
    save_surface as save_surface,
)
