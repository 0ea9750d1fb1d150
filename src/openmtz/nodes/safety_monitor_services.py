"""The services of node `safety_monitor`: requests to the monitor, and its replies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import rclpy.node
from openmtz_interfaces.srv import ApprovePlan, RequestReady, RequestToken
from std_srvs.srv import Trigger

from openmtz.safety import Approve, Reply, Request, RequestToken as TokenRequest, Reset, SetReady, Token

Ask = Callable[[Request], Reply]


def offer_services(node: rclpy.node.Node, ask: Ask) -> None:
    """Offer them; `ask` steps the monitor with a request."""

    def approve(request: Any, response: Any) -> Any:
        reply = ask(Approve(request.plan_sha256, request.monitor_boot_id, request.approver))
        response.accepted, response.reason = reply.accepted, reply.text
        return response

    def ready(request: Any, response: Any) -> Any:
        reply = ask(SetReady(request.ready))
        response.accepted, response.reason = reply.accepted, reply.text
        return response

    def token(request: Any, response: Any) -> Any:
        try:
            wanted = Token(request.token)
        except ValueError:
            response.reason = f"there is no token {request.token}"
            return response
        reply = ask(TokenRequest(wanted, request.station, request.pass_index))
        response.granted, response.reason = reply.accepted, reply.text
        return response

    def reset(_request: Any, response: Any) -> Any:
        reply = ask(Reset())
        response.success, response.message = reply.accepted, reply.text
        return response

    node.create_service(ApprovePlan, "safety/approve_plan", approve)
    node.create_service(RequestReady, "safety/request_ready", ready)
    node.create_service(RequestToken, "safety/request_token", token)
    node.create_service(Trigger, "safety/reset", reset)
