"""What can go wrong between host and scan head. Each text names port, cause and nearest fix."""

from __future__ import annotations


class ScanHeadError(RuntimeError):
    """Base of all errors of the scan-head link."""


class SerialPortMissing(ScanHeadError):
    """There is no such port, or it may not be opened."""


class SerialPortBusy(ScanHeadError):
    """Another program holds the port."""


class DeviceNotAnswering(ScanHeadError):
    """The port is open but nothing sensible comes back in time, or the line was lost."""


class ProtocolMismatch(ScanHeadError):
    """The device speaks another version of the protocol."""


class DeviceRefused(ScanHeadError):
    """The device answered No; `code` is the NakCode."""

    def __init__(self, text: str, code: int) -> None:
        super().__init__(text)
        self.code = code
