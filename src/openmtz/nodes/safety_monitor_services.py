"""The services of node `safety_monitor`: requests to the monitor, and its replies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import rclpy.node
from openmtz_interfaces.srv import ApprovePlan, RequestReady, RequestToken, ResetFault

from openmtz.nodes import topics
from openmtz.nodes.guard import Guard
from openmtz.safety import Approve, Reply, Request, RequestToken as TokenRequest, Reset, SetReady, Token

Ask = Callable[[Request], Reply]


DECIDING_SERVICES = (
    "safety/approve_plan", "safety/request_ready", "safety/request_token", "safety/reset",
    "scan_head/reset_fault",
    *(f"{action}/_action/send_goal" for action in topics.ACTIONS),
)  # fmt: skip
"""Each has one server; the monitor counts them."""


def offer_services(node: rclpy.node.Node, ask: Ask) -> None:
    """Offer them; `ask` steps the monitor with a request.

    What arms, approves or resets is asked of the monitor for those who tell the stack's secret; whoever
    wants to go back to standby or gives a token back needs none.
    """
    guard = Guard(node)

    def approve(request: Any, response: Any) -> Any:
        response.reason = guard.refusal(request.secret, "safety/approve_plan")
        if response.reason:
            return response
        reply = ask(Approve(request.plan_sha256, request.monitor_boot_id, request.approver))
        response.accepted, response.reason = reply.accepted, reply.text
        return response

    def ready(request: Any, response: Any) -> Any:
        response.reason = guard.refusal(request.secret, "safety/request_ready") if request.ready else ""
        if response.reason:
            return response
        reply = ask(SetReady(request.ready))
        response.accepted, response.reason = reply.accepted, reply.text
        return response

    def token(request: Any, response: Any) -> Any:
        try:
            wanted = Token(request.token)
        except ValueError:
            response.reason = f"there is no token {request.token}"
            return response
        if wanted is not Token.NONE:
            response.reason = guard.refusal(request.secret, "safety/request_token")
            if response.reason:
                return response
        reply = ask(TokenRequest(wanted, request.station, request.pass_index))
        response.granted, response.reason = reply.accepted, reply.text
        return response

    def reset(request: Any, response: Any) -> Any:
        response.message = guard.refusal(request.secret, "safety/reset")
        if response.message:
            return response
        reply = ask(Reset())
        response.success, response.message = reply.accepted, reply.text
        return response

    node.create_service(ApprovePlan, "safety/approve_plan", approve)
    node.create_service(RequestReady, "safety/request_ready", ready)
    node.create_service(RequestToken, "safety/request_token", token)
    node.create_service(ResetFault, "safety/reset", reset)
