"""The parameters of node `scan_head`, and how it comes to its serial line."""

from __future__ import annotations

import time
from dataclasses import dataclass

import rclpy.node

from openmtz.devices import DeviceNotAnswering, ScanHeadError, ScanHeadLink, SerialPortMissing
from openmtz.nodes.errors import NodeError
from openmtz.nodes.parameters import parameter
from openmtz.stack import FiringConfig


@dataclass(frozen=True)
class ScanHeadConfig:
    """Parameters of `scan_head`."""

    port: str = parameter("", "serial port of the scan head")
    baud: int = parameter(921_600, "baud rate", 9600, 4_000_000)
    connect_timeout_s: float = parameter(6.0, "longest wait for the port and the device [s]", 0.5, 120.0)
    stall_timeout_s: float = parameter(
        FiringConfig.stall_timeout_s, "no shot for so long ends a firing goal [s]", 1.0, 600.0
    )
    calibration_file: str = parameter(
        "", "field calibration of the scan head, JSON file; empty: the nominal map"
    )
    joint_age_s: float = parameter(
        FiringConfig.joint_age_s, "joint states older than this are of no use for aiming [s]", 0.02, 5.0
    )

    def firing(self) -> FiringConfig:
        """Return the work loop's settings."""
        return FiringConfig(self.stall_timeout_s, self.joint_age_s)


def connect(node: rclpy.node.Node, config: ScanHeadConfig) -> ScanHeadLink:
    """Return the line, opened; a simulated head may take a moment to be there.

    Raises:
        NodeError: no port is given, or it is not what is wanted within the time.
    """
    if not config.port:
        raise NodeError("scan_head: no serial port given (parameter port), e.g. /dev/ttyUSB0")
    link = ScanHeadLink(config.port, baud=config.baud)
    deadline = time.monotonic() + config.connect_timeout_s
    while True:
        try:
            hello = link.connect()
            node.get_logger().info(f"connected to {hello.device_id} on {config.port}")
            return link
        except ScanHeadError as error:
            not_yet = isinstance(error, (SerialPortMissing, DeviceNotAnswering))
            if time.monotonic() > deadline or not not_yet:
                raise NodeError(str(error)) from error
            time.sleep(0.1)
