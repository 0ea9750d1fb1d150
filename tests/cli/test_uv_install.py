"""What pip is told on this system is told to uv: index, constraints, certificates; or pip has to install."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="module")
def tool(root: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("uv_install", root / "tools" / "uv_install.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_last_section_that_speaks_wins(tool: ModuleType) -> None:
    listed = "\n".join(
        [
            "install.index-url='https://of.install/simple'",
            ":env:.index_url='https://of.environment/simple'",
            "global.index-url='https://of.all/simple'",
            "global.constraint='/etc/limits.txt'",
            "freeze.timeout='10'",
        ]
    )
    settings = tool.read_settings(listed)
    assert settings == {"index-url": "https://of.environment/simple", "constraint": "/etc/limits.txt"}


def test_every_setting_gets_its_counterpart(tool: ModuleType) -> None:
    settings = {
        "index-url": "https://mirror/simple",
        "extra-index-url": "https://one/simple\nfile:///two/simple",
        "find-links": "/wheels /more",
        "constraint": "/etc/limits.txt",
        "cert": "/etc/ca.pem",
        "proxy": "http://proxy:3128",
        "trusted-host": "mirror",
        "default-timeout": "180",
        "no-index": "yes",
        "progress-bar": "off",
    }
    out = tool.uv_variables(settings, {"HOME": "/home/x", "UV_TARGET": "/elsewhere"})
    assert out["UV_DEFAULT_INDEX"] == "https://mirror/simple"
    assert out["UV_INDEX"] == "https://one/simple file:///two/simple"
    assert out["UV_FIND_LINKS"] == "/wheels,/more" and out["UV_CONSTRAINT"] == "/etc/limits.txt"
    assert out["SSL_CERT_FILE"] == "/etc/ca.pem" and out["UV_INSECURE_HOST"] == "mirror"
    assert out["HTTPS_PROXY"] == out["ALL_PROXY"] == "http://proxy:3128"
    assert out["UV_HTTP_TIMEOUT"] == "180" and out["UV_NO_INDEX"] == "true"
    assert out["UV_INDEX_STRATEGY"] == "unsafe-best-match"  # as pip chooses among indexes
    assert out["HOME"] == "/home/x" and "UV_TARGET" not in out


@pytest.mark.parametrize("key", ["no-binary", "only-binary", "pre", "target", "user", "require-hashes"])
def test_what_uv_cannot_be_told_is_left_to_pip(tool: ModuleType, key: str) -> None:
    with pytest.raises(tool.NoCounterpart, match=key):
        tool.uv_variables({key: "x"}, {})


def test_the_installer_is_pinned(root: Path) -> None:
    lines = (root / "requirements" / "installer.txt").read_text().splitlines()
    wanted = [line for line in lines if not line.startswith("#")]
    assert len(wanted) == 1 and wanted[0].startswith("uv==")
