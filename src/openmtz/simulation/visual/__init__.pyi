from .cell import CellShapes as CellShapes, Shape as Shape
from .filming import film as film
from .picture import CellPainter as CellPainter, Look as Look
from .record import snapshots_of_record as snapshots_of_record
from .snapshot import Snapshot as Snapshot
from .viewer import Viewer as Viewer, ViewerError as ViewerError
