"""The one error of nodes."""

from __future__ import annotations


class NodeError(RuntimeError):
    """A node cannot start or go on; the message names cause and nearest fix."""
