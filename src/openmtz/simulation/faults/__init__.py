"""What can go wrong, by name: one catalogue for scenarios, the fault campaign and the documents."""

from openmtz.simulation.faults.catalogue import FAULTS
from openmtz.simulation.faults.fault import Fault, FaultParameterError

__all__ = ["FAULTS", "Fault", "FaultParameterError"]
