"""What every test may need: a ROS domain of this process's own, and the real data, if it is there."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

sys.path.append(str(Path(__file__).resolve().parent))

from ros_domain import claim_domain

from openmtz.graph.leftovers import sweep

ROOT = Path(__file__).resolve().parents[1]

# Here, because whatever the tests start inherits it.
os.environ["ROS_DOMAIN_ID"] = claim_domain()
os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
# A run that was killed before may have left ports that lose messages.
sweep()

# How long an example takes says how busy the machine is, not whether the code is right.
settings.register_profile("openmtz", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("openmtz")


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real depth frames and scans beside the checkout; they are not part of the project."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the real scan data is not beside this checkout (../shared/data)")
    return folder
