"""OpenMTZ: robot-held scanning, planning and delivery of micro-thermal zones. Research use only."""

__version__ = "0.1.0"
