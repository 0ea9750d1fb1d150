"""The scan head and its line: what the device brings about itself, its mains, what comes by the line."""

from __future__ import annotations

from openmtz.simulation.faults.acts.act import Act, Parameters, Switch
from openmtz.simulation.faults.device_screws import DEVICE_FAULT
from openmtz.simulation.faults.faults_on import FaultsOn


def _injects(fault: str) -> Switch:
    def switch(on: FaultsOn, active: bool, given: Parameters) -> None:
        on.screws.switch(fault, active, given)

    return switch


def lose_power(on: FaultsOn, active: bool, _given: Parameters) -> None:
    """Cut the head's power; it comes back when the fault ends."""
    on.rig.supply.power(not active)


def replay_permit(on: FaultsOn, active: bool, _given: Parameters) -> None:
    """Send the last permit in place of each new one."""
    on.rig.permits.replay(active)


def change_records(on: FaultsOn, active: bool, given: Parameters) -> None:
    """Load energies times `factor`, and tell nobody."""
    on.rig.records.energy_factor = float(given["factor"]) if active else 1.0


DEVICE = {
    **{name: Act(("head",), _injects(name)) for name in DEVICE_FAULT},
    "head_power_lost": Act(("supply",), lose_power),
    "permit_replayed": Act(("permits",), replay_permit),
    "records_changed": Act(("records",), change_records),
}
