"""Plugins: what they may implement (`spec`), what passes through (`types`), how they are run (`manager`)."""

from openmtz.hooks.errors import PluginError, PluginFailure, Refused, UnknownIndication, UnknownPhantom
from openmtz.hooks.manager import PluginManager, load_plugins
from openmtz.hooks.spec import hookimpl
from openmtz.hooks.types import (
    LESION_TYPES,
    Assessment,
    Indication,
    PatientFacts,
    Phantom,
    PhantomSkin,
    Prescription,
    Region,
)

__all__ = [
    "LESION_TYPES",
    "Assessment",
    "Indication",
    "PatientFacts",
    "Phantom",
    "PhantomSkin",
    "PluginError",
    "PluginFailure",
    "PluginManager",
    "Prescription",
    "Refused",
    "Region",
    "UnknownIndication",
    "UnknownPhantom",
    "hookimpl",
    "load_plugins",
]
