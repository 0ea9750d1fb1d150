"""A library that is missing is a skip on a bare checkout and a failure in `./openmtz test`."""

from __future__ import annotations

import math
import subprocess
from types import SimpleNamespace
from typing import Any

import pytest
from needs import needs

MISSING = "openmtz_no_such_library"


def test_a_bare_checkout_skips(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENMTZ_TEST", raising=False)
    assert needs("math") is math
    with pytest.raises(pytest.skip.Exception, match="for a reason"):
        needs(MISSING, reason="for a reason")


def test_a_complete_installation_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENMTZ_TEST", "1")
    assert needs("math") is math
    with pytest.raises(ModuleNotFoundError, match=MISSING):
        needs(MISSING, reason="for a reason")


def test_the_command_says_that_the_installation_is_complete(monkeypatch: pytest.MonkeyPatch) -> None:
    from openmtz.cli import maintenance

    told: dict[str, Any] = {}

    def call(command: list[str], **options: Any) -> int:
        told.update(options, command=command)
        return 0

    monkeypatch.delenv("OPENMTZ_TEST", raising=False)
    monkeypatch.setattr(subprocess, "call", call)
    context: Any = SimpleNamespace(args=["-k", "plan"])
    assert maintenance.test(context, campaign=False, checks=False) == 0
    assert told["env"]["OPENMTZ_TEST"] == "1" and told["command"][-2:] == ["-k", "plan"]
