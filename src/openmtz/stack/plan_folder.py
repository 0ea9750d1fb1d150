"""Where the planner leaves its plans: one folder, further plans beside it, named by their hash."""

from __future__ import annotations

from pathlib import Path

from openmtz.plan import PlanError, save_plan
from openmtz.planning import save_fields
from openmtz.planning.skin import SURFACE_FILE, save_surface
from openmtz.stack.planning import Planned


def keep_plan(planned: Planned, folder: Path) -> Path:
    """Write plan, surface and fields; where `folder` holds another plan, beside it. Returns the folder used.

    Raises:
        OSError: it cannot be written.
    """
    try:
        used = save_plan(planned.plan, planned.findings, folder)
    except PlanError:
        beside = folder.with_name(f"{folder.name}-{planned.plan.sha256[:12]}")
        used = save_plan(planned.plan, planned.findings, beside)
    save_surface(planned.surface, used / SURFACE_FILE)
    save_fields(planned.result, used)
    return used
