"""Fields of a pydantic model as people read them who write the JSON."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel


def _type_text(kind: Any) -> str:
    """Return a type as JSON people read it; independent of the Python version."""
    if get_origin(kind) is Annotated:
        return _type_text(get_args(kind)[0])
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Literal:
        return "one of " + ", ".join(f"`{a}`" for a in arguments)
    if origin is list:
        return "list" if arguments[0] is Any else f"list of {_type_text(arguments[0])}"
    if origin is tuple:
        return f"list of {len(arguments)} {_type_text(arguments[0])}s"
    if origin is not None:
        return " or ".join("null" if a is type(None) else _type_text(a) for a in arguments)
    if hasattr(kind, "model_fields"):
        return f"object `{kind.__name__}`"
    names = {"str": "string", "float": "number", "int": "integer", "bool": "boolean"}
    return names.get(kind.__name__, "path")


def _limits(info: Any) -> str:
    """Return the limits of a pydantic field."""
    found: dict[str, Any] = {}
    for item in info.metadata:
        found |= {name: getattr(item, name) for name in ("ge", "gt", "le", "lt", "max_length", "pattern")
                  if getattr(item, name, None) is not None}  # fmt: skip
    words = {"ge": "at least", "gt": "over", "le": "at most", "lt": "under", "max_length": "at most"}
    return ", ".join(
        f"`{v}`" if k == "pattern" else f"{words[k]} {v}{' characters' if k == 'max_length' else ''}"
        for k, v in found.items()
    )


def model_rows(model: Any) -> list[tuple[str, str, str, str]]:
    """Return field, type, limits and default of a pydantic model, as JSON shows them."""
    rows = []
    for key, info in model.model_fields.items():
        if info.is_required() or key == "kind":
            default = "required"
        else:
            value = info.get_default(call_default_factory=True)
            default = "`{}`" if isinstance(value, BaseModel) else f"`{json.dumps(value)}`"
        rows.append((f"`{key}`", _type_text(info.annotation), _limits(info), default))
    return rows
