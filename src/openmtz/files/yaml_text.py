"""YAML of others: plain data, limited in size, without the aliases by which a few lines become a billion."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from openmtz.files.errors import UnsafeFileError
from openmtz.files.whole import read_bytes

MOST_YAML_MB = 1.0
MOST_ALIASES = 100
MOST_LEVELS = 50
"""The scanner looks at every open bracket again at each word: a long row of them takes it minutes."""
_OPEN = (
    yaml.FlowSequenceStartToken,
    yaml.FlowMappingStartToken,
    yaml.BlockSequenceStartToken,
    yaml.BlockMappingStartToken,
)
_CLOSE = (yaml.FlowSequenceEndToken, yaml.FlowMappingEndToken, yaml.BlockEndToken)


def read_yaml(path: str | Path, most_mb: float = MOST_YAML_MB) -> Any:
    """Return what a YAML file holds: mappings, lists, texts, numbers.

    Raises:
        UnsafeFileError: larger than `most_mb`, deeper than 50 levels, more than 100 aliases, or no YAML.
        OSError: it cannot be read.
    """
    try:
        text = read_bytes(path, most_mb).decode("utf-8-sig")
        _check_tokens(path, text)
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise UnsafeFileError(f"{path}: not YAML: {' '.join(str(error).split())}") from error
    except ValueError as error:  # not UTF-8, or a date such as 2026-13-40
        if isinstance(error, UnsafeFileError):
            raise
        raise UnsafeFileError(f"{path}: not YAML: {error}") from error


def _check_tokens(path: str | Path, text: str) -> None:
    aliases = level = 0
    for token in yaml.scan(text):
        aliases += isinstance(token, yaml.AliasToken)
        level += isinstance(token, _OPEN) - isinstance(token, _CLOSE)
        if aliases > MOST_ALIASES:
            raise UnsafeFileError(f"{path} has more than {MOST_ALIASES} aliases, the most that are read")
        if level > MOST_LEVELS:
            raise UnsafeFileError(
                f"{path}: not YAML that is read here: nested deeper than {MOST_LEVELS} levels"
            )
