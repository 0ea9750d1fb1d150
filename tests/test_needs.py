"""A library that is missing is a skip on a bare checkout and a failure in `./openmtz test`."""

from __future__ import annotations

import math

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
