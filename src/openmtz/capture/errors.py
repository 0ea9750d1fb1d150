"""What can go wrong while capturing, always with its cause and the nearest fix."""

from __future__ import annotations


class CaptureError(RuntimeError):
    """A capture that gave no usable surface.

    Attributes:
        cause: what was found. fix: what to try first. Both are one sentence for the operator.
    """

    def __init__(self, cause: str, fix: str) -> None:
        super().__init__(f"{cause}; {fix}")
        self.cause = cause
        self.fix = fix

    def __reduce__(self) -> tuple[type[CaptureError], tuple[str, str]]:
        """Survive the pipe between processes: an exception is rebuilt from its arguments."""
        return type(self), (self.cause, self.fix)


class WorkerDied(CaptureError):
    """The worker process ended by itself; what it held is lost."""
