"""While ./openmtz builds the interface packages: each interface is parsed once, not by every generator anew.

Six generators of rosidl read every interface, each in a process of its own and with a parser that takes a
tenth of a second a file: a quarter of the whole build. On PYTHONPATH of that build alone, Python loads this
before them; the first generator leaves what it parsed under `OPENMTZ_PARSED_INTERFACES`, by the hash of the
text. What goes wrong here costs the time that it would have saved.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import sys
from pathlib import Path
from typing import Any

_FOLDER = os.environ.get("OPENMTZ_PARSED_INTERFACES")


def _parse_once(parser: Any, folder: Path) -> None:
    """Let `parser.parse_idl_string` look in `folder` first."""
    parse = parser.parse_idl_string

    def parse_idl_string(idl_string: str, png_file: str | None = None) -> Any:
        path = folder / hashlib.sha256(idl_string.encode()).hexdigest()
        try:
            return pickle.loads(path.read_bytes())
        except (OSError, EOFError, pickle.PickleError):
            content = parse(idl_string, png_file=png_file)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            new = path.with_suffix(f".{os.getpid()}")
            new.write_bytes(pickle.dumps(content))
            new.replace(path)
        except (OSError, pickle.PickleError):
            pass
        return content

    parser.parse_idl_string = parse_idl_string


if _FOLDER and any(os.path.basename(word).startswith("rosidl_") for word in sys.orig_argv[1:2]):
    try:
        import rosidl_parser.parser
    except ImportError:
        pass
    else:
        _parse_once(rosidl_parser.parser, Path(_FOLDER))
