"""ROS 2 message definitions as MCAP wants them: one text with every dependency appended.

The `.msg` and `.action` files are read where every ROS 2 package installs them, in
`share/<package>/` of an ament prefix, so that a record explains itself to any reader (Foxglove,
`ros2 bag`, plain Python) without our packages at hand.
Format: https://mcap.dev/spec/registry#ros2msg
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable
from pathlib import Path

SEPARATOR = "\n" + "=" * 80 + "\n"
_PRIMITIVES = frozenset(
    {"bool", "byte", "char", "float32", "float64", "string", "wstring"}
    | {f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)}
)
_FIELD = re.compile(r"^\s*(?P<type>[A-Za-z][\w/]*)(?:<=\d+)?(?:\[[^\]]*\])?\s+[A-Za-z]\w*")
_ACTION_PARTS = {"_Goal": 0, "_Result": 1, "_Feedback": 2}


def schema_name(type_name: str) -> str:
    """Return the name under which a type stands in the record.

    It is the ROS type, but `pkg/action/Name_FeedbackMessage` is written without the underscore: the
    parser of mcap-ros2-support (that of rosidl, in fact) refuses such a name and with it the file.
    """
    return type_name.replace("_FeedbackMessage", "FeedbackMessage")


class SchemaError(LookupError):
    """A message type whose definition is not installed."""


def ament_prefixes() -> list[Path]:
    """Return the ament prefixes in the order in which they are searched, this Python's own last."""
    named = [Path(p) for p in os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep) if p]
    return [*named, Path(sys.prefix)]


class SchemaLibrary:
    """Finds definitions and concatenates them. Texts are cached: each file is read once.

    Args:
        prefixes: ament prefixes to search; `ament_prefixes()` if omitted.
    """

    def __init__(self, prefixes: Iterable[Path] | None = None) -> None:
        self._prefixes = list(prefixes) if prefixes is not None else ament_prefixes()
        self._texts: dict[str, str] = {}

    def full_text(self, type_name: str) -> str:
        """Return the definition of `pkg/msg/Name` followed by those of all types it contains.

        `pkg/action/Name_FeedbackMessage` is what an action's `_action/feedback` topic carries.

        Raises:
            SchemaError: no such definition in any prefix; the text names the type and the prefixes.
        """
        parts = [self._definition(type_name)]
        seen: set[str] = {type_name}
        queue = self._dependencies(type_name)
        while queue:
            name = queue.pop(0)
            if name in seen:
                continue
            seen.add(name)
            package, _, short = name.split("/")
            parts.append(f"MSG: {package}/{short}\n{self._definition(name)}")
            queue += self._dependencies(name)
        return SEPARATOR.join(text.rstrip("\n") for text in parts) + "\n"

    def _dependencies(self, type_name: str) -> list[str]:
        package, kind, _ = type_name.split("/")
        found = []
        for line in self._definition(type_name).splitlines():
            match = _FIELD.match(line.split("#", 1)[0])
            if match is None or match["type"] in _PRIMITIVES:
                continue
            pieces = match["type"].split("/")
            if len(pieces) == 1:
                inner = "action" if kind == "action" and pieces[0].endswith(tuple(_ACTION_PARTS)) else "msg"
                found.append(f"{package}/{inner}/{pieces[0]}")
            else:
                found.append(f"{pieces[0]}/msg/{pieces[-1]}")
        return found

    def _definition(self, type_name: str) -> str:
        if type_name not in self._texts:
            self._texts[type_name] = self._read(type_name)
        return self._texts[type_name]

    def _read(self, type_name: str) -> str:
        pieces = type_name.split("/")
        if len(pieces) != 3 or pieces[1] not in ("msg", "action"):
            raise SchemaError(f"{type_name!r} is not a message type: write it as package/msg/Name")
        package, kind, name = pieces
        if kind == "msg":
            return self._file(type_name, package, "msg", f"{name}.msg")
        if name.endswith("_FeedbackMessage"):
            stem = name.removesuffix("_FeedbackMessage")
            return f"unique_identifier_msgs/UUID goal_id\n{stem}_Feedback feedback\n"
        for suffix, part in _ACTION_PARTS.items():
            if name.endswith(suffix):
                text = self._file(type_name, package, "action", f"{name.removesuffix(suffix)}.action")
                sections = re.split(r"^---\s*$", text, flags=re.MULTILINE)
                return sections[part].lstrip("\n") if part < len(sections) else ""
        raise SchemaError(f"{type_name!r} is no topic type of an action: use Name_FeedbackMessage")

    def _file(self, type_name: str, package: str, folder: str, file_name: str) -> str:
        for prefix in self._prefixes:
            path = prefix / "share" / package / folder / file_name
            try:
                return path.read_text(encoding="utf-8")
            except (FileNotFoundError, NotADirectoryError):
                continue
        searched = ", ".join(str(p) for p in self._prefixes) or "nowhere"
        raise SchemaError(
            f"the definition of {type_name} is not installed (looked for"
            f" share/{package}/{folder}/{file_name} in {searched}); build ros2_ws, or source the ROS 2"
            f" workspace that holds {package}"
        )
