"""The one error of patient sources: what is wrong with the input and what to try first."""

from __future__ import annotations


class PatientError(ValueError):
    """Input that cannot serve as a patient. `cause`: what was found. `fix`: what to try first."""

    def __init__(self, cause: str, fix: str) -> None:
        super().__init__(f"{cause}; {fix}")
        self.cause = cause
        self.fix = fix

    def __reduce__(self) -> tuple[type[PatientError], tuple[str, str]]:
        return type(self), (self.cause, self.fix)
