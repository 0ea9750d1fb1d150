"""The one error of surface files: what is wrong with the file and what to try first."""

from __future__ import annotations


class SurfaceError(ValueError):
    """A file that cannot serve as skin. `cause`: what was found. `fix`: what to try first."""

    def __init__(self, cause: str, fix: str) -> None:
        super().__init__(f"{cause}; {fix}")
        self.cause = cause
        self.fix = fix

    def __reduce__(self) -> tuple[type[SurfaceError], tuple[str, str]]:
        return type(self), (self.cause, self.fix)


class FeatureError(SurfaceError):
    """A feature of a file format that is not read here; the text names it."""


class BrokenFileError(SurfaceError):
    """A file that contradicts its own format: cut off, garbage, indices out of range."""

    def __init__(self, cause: str, fix: str = "check that the file is complete, or export it again") -> None:
        super().__init__(f"it cannot be read as a mesh: {cause}", fix)

    def __reduce__(self) -> tuple[type[BrokenFileError], tuple[str, str]]:  # type: ignore[override]
        return type(self), (self.cause.removeprefix("it cannot be read as a mesh: "), self.fix)
