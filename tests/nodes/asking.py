"""What a client sends to a node: good messages to begin with, goals, service calls."""

from __future__ import annotations

from typing import Any

DISCOVERY_S = 40.0
"""What DDS lost of an announcement on a loaded machine it repeats, but not within 10 s (seen once)."""


def good_messages(planned: Any) -> tuple[Any, Any]:
    from builtin_interfaces.msg import Time
    from openmtz_interfaces.msg import CaptureQuality

    from openmtz.nodes import convert

    surface, plan = planned
    return (
        convert.surface_message(surface, Time(), CaptureQuality()),
        convert.plan_message(plan, [], Time()),
    )


def send_goal(bench: Any, kind: Any, name: str, **fields: Any) -> Any:
    from rclpy.action import ActionClient

    client = ActionClient(bench.client, kind, name)
    bench.wait(client.server_is_ready, name, DISCOVERY_S)
    sent = client.send_goal_async(bench.goal(kind, fields))
    bench.wait(sent.done, name)
    assert sent.result().accepted
    return sent.result()


def call(bench: Any, kind: Any, name: str, **fields: Any) -> Any:
    client = bench.client.create_client(kind, name)
    bench.wait(client.service_is_ready, name, DISCOVERY_S)
    future = client.call_async(bench.request(kind, fields))
    bench.wait(future.done, name)
    return future.result()
