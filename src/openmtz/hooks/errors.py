"""What can go wrong between the host and a plugin."""

from __future__ import annotations

from dataclasses import dataclass


class Refused(Exception):
    """Raised by a plugin in `prescribe`: this must not be planned. `fix` is what would help."""

    def __init__(self, reason: str, *, code: str = "refused-by-plugin", fix: str = "") -> None:
        super().__init__(reason)
        self.reason, self.code, self.fix = reason, code, fix


class UnknownIndication(ValueError):
    """The indication asked for is provided by no working plugin; the text lists those that are."""


class UnknownPhantom(ValueError):
    """The phantom, or its lesions, are offered by no working plugin; the text lists what is."""


class PluginError(RuntimeError):
    """The plugin that provides the indication asked for raised, or returned something unusable."""


@dataclass(frozen=True)
class PluginFailure:
    """A plugin that was disabled: `stage` is `import`, `register`, or the name of a hook."""

    name: str
    stage: str
    error: str

    def __str__(self) -> str:
        return f"plugin {self.name!r} failed in {self.stage} and is disabled: {self.error}"
