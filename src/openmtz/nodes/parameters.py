"""A node's parameters, declared with descriptors and read once into a frozen config."""

from __future__ import annotations

from dataclasses import MISSING, field, fields
from typing import Any, TypeVar

import rclpy.node
from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor

from openmtz.nodes.errors import NodeError

ConfigT = TypeVar("ConfigT")


def parameter(default: Any, text: str, low: float | None = None, high: float | None = None) -> Any:
    """Declare a field of a node's config: default, description with unit, allowed range."""
    return field(default=default, metadata={"text": text, "low": low, "high": high})


def parse_parameters(node: rclpy.node.Node, config_class: type[ConfigT]) -> ConfigT:
    """Declare every field of a frozen config with descriptor and range, and read it once.

    Raises:
        NodeError: a value of the wrong type or out of range, or a parameter nobody knows.
    """
    values: dict[str, Any] = {}
    known = [f.name for f in fields(config_class)]  # type: ignore[arg-type]
    unknown = [p for p in _override_names(node) if p not in known and p != "use_sim_time"]
    if unknown:
        raise NodeError(f"{node.get_name()}: unknown parameter {unknown[0]!r}; there are: {', '.join(known)}")
    for spec in fields(config_class):  # type: ignore[arg-type]
        if spec.default is MISSING:
            raise TypeError(f"{config_class.__name__}.{spec.name} has no default")
        try:
            value = node.declare_parameter(spec.name, spec.default, _descriptor(spec)).value
        except Exception as error:
            low, high = spec.metadata.get("low"), spec.metadata.get("high")
            span = f" from {low} to {high}" if low is not None else ""
            raise NodeError(
                f"{node.get_name()}: parameter {spec.name} must be {type(spec.default).__name__}{span} "
                f"({spec.metadata.get('text', '')}): {error}"
            ) from error
        values[spec.name] = tuple(value) if isinstance(spec.default, (list, tuple)) else value
    return config_class(**values)


def _override_names(node: rclpy.node.Node) -> list[str]:
    return list(node._parameter_overrides)


def _descriptor(spec: Any) -> ParameterDescriptor:
    descriptor = ParameterDescriptor(description=spec.metadata.get("text", ""), read_only=True)
    low, high = spec.metadata.get("low"), spec.metadata.get("high")
    if low is not None and isinstance(spec.default, bool) is False:
        if isinstance(spec.default, int):
            descriptor.integer_range = [IntegerRange(from_value=int(low), to_value=int(high))]
        elif isinstance(spec.default, float):
            descriptor.floating_point_range = [
                FloatingPointRange(from_value=float(low), to_value=float(high))
            ]
    return descriptor
