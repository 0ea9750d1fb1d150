"""Plugins: what they may implement (`spec`), what passes through (`types`), how they are run (`manager`)."""

from openmtz.hooks.errors import PluginError, PluginFailure, Refused, UnknownIndication
from openmtz.hooks.manager import PluginManager, load_plugins
from openmtz.hooks.spec import hookimpl
from openmtz.hooks.types import Assessment, Indication, PatientFacts, Prescription, Region

__all__ = [
    "Assessment",
    "Indication",
    "PatientFacts",
    "PluginError",
    "PluginFailure",
    "PluginManager",
    "Prescription",
    "Refused",
    "Region",
    "UnknownIndication",
    "hookimpl",
    "load_plugins",
]
