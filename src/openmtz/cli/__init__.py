"""The command line: `./openmtz demo`, `test`, `up`, `doctor`, `plugins`."""

from openmtz.cli.app import main

__all__ = ["main"]
