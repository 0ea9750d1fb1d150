"""Install with uv as pip is configured on this system: `uv_install.py UV CACHE ARGUMENT...`.

Becomes `UV pip install ARGUMENT...` for the interpreter that runs this. uv does not read pip's configuration
(files and `PIP_*` variables), so `pip config list` is asked and its answer handed over in uv's own variables:
index, mirrors, find-links, constraints, certificates, proxy, trusted hosts. Exit code 3, and nothing done,
where a setting has no counterpart that is known here: then pip has to install.

The cache is a folder of the caller's on the disk of the environment, removed after set-up: files are hard
links to it, and one that outlives the set-up would be spoilt with the file somebody damages there.
"""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Mapping

CANNOT_TELL = 3
SECTIONS = ("global", "install", ":env:")
"""Of pip's configuration, the later one wins."""
COUNTERPARTS = {
    "index-url": ("UV_DEFAULT_INDEX",),
    "pypi-url": ("UV_DEFAULT_INDEX",),
    "extra-index-url": ("UV_INDEX",),
    "find-links": ("UV_FIND_LINKS",),
    "constraint": ("UV_CONSTRAINT",),
    "cert": ("SSL_CERT_FILE",),
    "client-cert": ("SSL_CLIENT_CERT",),
    "proxy": ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"),
    "trusted-host": ("UV_INSECURE_HOST",),
    "timeout": ("UV_HTTP_TIMEOUT",),
    "default-timeout": ("UV_HTTP_TIMEOUT",),
    "no-index": ("UV_NO_INDEX",),
}
COMMA_SEPARATED = {"find-links"}
WITHOUT_EFFECT = frozenset(
    {
        "disable-pip-version-check",
        "no-input",
        "progress-bar",
        "cache-dir",
        "no-cache-dir",
        "retries",
        "quiet",
        "verbose",
        "no-color",
        "compile",
        "no-compile",
        "break-system-packages",
        "root-user-action",
        "require-virtualenv",
        "no-warn-script-location",
        "no-python-version-warning",
        "prefer-binary",
        "exists-action",
        "log",
    }
)
"""They say how pip works and talks, not what it installs."""
OURS = ("UV_PYTHON", "UV_SYSTEM_PYTHON", "UV_TARGET", "UV_PREFIX", "UV_COMPILE_BYTECODE", "UV_NO_CACHE")
"""Variables of uv's that would lead it elsewhere than where it is told to."""


class NoCounterpart(ValueError):
    """A setting of pip's that uv cannot be told."""


def read_settings(listed: str) -> dict[str, str]:
    """Return what `pip config list` printed (`section.key='value'` a line) by key, as pip weighs it."""
    found: dict[str, dict[str, str]] = {section: {} for section in SECTIONS}
    for line in listed.splitlines():
        name, equals, value = line.partition("=")
        section, _, key = name.rpartition(".")
        if equals and section in found:
            found[section][key.strip().lower().replace("_", "-")] = str(ast.literal_eval(value))
    return {key: value for section in SECTIONS for key, value in found[section].items()}


def uv_variables(settings: Mapping[str, str], environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for uv that does what pip would do with these settings.

    Raises:
        NoCounterpart: a setting that changes what is installed and that uv cannot be told.
    """
    out = {key: value for key, value in environment.items() if key not in OURS}
    bundle = environment.get("REQUESTS_CA_BUNDLE") or environment.get("CURL_CA_BUNDLE")
    if bundle:  # pip heeds these too
        out.setdefault("SSL_CERT_FILE", bundle)
    for key, value in settings.items():
        words = value.split()
        if key in WITHOUT_EFFECT or not words:
            continue
        if key not in COUNTERPARTS:
            raise NoCounterpart(key)
        if key == "no-index":
            words = ["true" if words[0].lower() in ("1", "true", "yes", "on", "y", "t") else "false"]
        text = ("," if key in COMMA_SEPARATED else " ").join(words)
        out.update(dict.fromkeys(COUNTERPARTS[key], text))
    # pip takes the best version of all indexes; uv's own way is the first index that has the name at all.
    out.update(UV_INDEX_STRATEGY="unsafe-best-match", UV_NO_PROGRESS="1", UV_PYTHON_DOWNLOADS="never")
    return out


def main(arguments: list[str]) -> None:
    """Become uv.

    Raises:
        SystemExit: a setting without a counterpart (3), or pip does not answer (1).
    """
    uv, cache, *rest = arguments
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], stdout=subprocess.PIPE, text=True, check=True
    )
    try:
        variables = uv_variables(read_settings(listed.stdout), os.environ)
    except NoCounterpart as error:
        print(f"pip's setting {error} has no counterpart in uv: pip installs", flush=True)
        sys.exit(CANNOT_TELL)
    options = ["--no-config", "--cache-dir", cache, "--python", sys.executable]
    os.execve(uv, [uv, "pip", "install", *options, *rest], variables)


if __name__ == "__main__":
    main(sys.argv[1:])
