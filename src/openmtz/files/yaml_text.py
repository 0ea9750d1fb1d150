"""YAML of others: plain data, limited in size, without the aliases by which a few lines become a billion."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from openmtz.files.errors import UnsafeFileError
from openmtz.files.whole import read_text

MOST_YAML_MB = 1.0
MOST_ALIASES = 100


def read_yaml(path: str | Path, most_mb: float = MOST_YAML_MB) -> Any:
    """Return what a YAML file holds: mappings, lists, texts, numbers.

    Raises:
        UnsafeFileError: larger than `most_mb`, nested too deeply, more than 100 aliases, or no YAML.
        OSError: it cannot be read.
    """
    text = read_text(path, most_mb)
    try:
        aliases = sum(isinstance(token, yaml.AliasToken) for token in yaml.scan(text))
        if aliases > MOST_ALIASES:
            raise UnsafeFileError(f"{path} has {aliases} aliases; {MOST_ALIASES} are the most that are read")
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise UnsafeFileError(f"{path} is no YAML: {' '.join(str(error).split())}") from error
    except RecursionError as error:
        raise UnsafeFileError(f"{path} is nested too deeply to be read") from error
    except ValueError as error:  # a date such as 2026-13-40
        if isinstance(error, UnsafeFileError):
            raise
        raise UnsafeFileError(f"{path} is no YAML: {error}") from error
