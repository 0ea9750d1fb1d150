"""Opening a serial port, with errors a person can act on."""

from __future__ import annotations

import errno
import os

import serial

from openmtz.devices.errors import SerialPortBusy, SerialPortMissing


def open_port(port: str, baud: int) -> serial.Serial:
    """Open `port` for this program alone; what it held in its buffers is dropped.

    Raises:
        SerialPortMissing: absent, no permission, or no serial port. SerialPortBusy: held by another.
    """
    try:
        # Reads and writes go through select on the descriptor: pyserial opens, locks and configures.
        line = serial.Serial(port, baud, exclusive=True, timeout=0, write_timeout=0)
        line.reset_input_buffer()
        return line
    except (OSError, ValueError) as error:  # SerialException is an OSError
        number = getattr(error, "errno", None)
        if number in (errno.EAGAIN, errno.EACCES, errno.EBUSY) and _exists_and_allowed(port):
            raise SerialPortBusy(
                f"{port}: another program holds this port: end it"
                f" (`fuser {os.path.realpath(port)}` names it), or choose another port"
            ) from error
        if number == errno.EACCES:
            raise SerialPortMissing(
                f"{port}: no permission to open it: add this user to the group of the port (`ls -lL {port}`,"
                " often dialout) and log in again"
            ) from error
        if number in (errno.ENOENT, errno.ENODEV, errno.ENXIO) or not os.path.exists(port):
            raise SerialPortMissing(
                f"{port}: no such port: check the cable and the `port` setting (`ls /dev/serial/by-id` lists"
                " ports; in simulation the device process makes it)"
            ) from error
        raise SerialPortMissing(
            f"{port}: cannot be opened as a serial port ({error}): check the `port` setting"
        ) from error


def _exists_and_allowed(port: str) -> bool:
    return os.access(port, os.R_OK | os.W_OK)
