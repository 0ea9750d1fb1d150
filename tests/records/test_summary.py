"""`summary.json`: complete, consistent, atomic."""

from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

from openmtz.records import RunSummary, SafetyEvent, read_summary, write_summary

GOOD = dict(
    ok=True,
    indication="atrophic_scar",
    seed=7,
    plan_sha256="0123456789abcdef" * 4,
    area_cm2=3.6,
    spots_planned=2000,
    spots_delivered=2000,
    stage_seconds={"capture": 12.5, "treat": 30.0},
)


def test_round_trip_and_the_promised_fields(tmp_path):
    summary = RunSummary(**GOOD, safety_events=[SafetyEvent(t_s=1.5, state="READY", cause="ready_requested")])
    path = write_summary(tmp_path, summary)
    assert read_summary(tmp_path) == summary
    promised = "plan_sha256 indication seed area_cm2 spots_planned spots_delivered spots_repeated"
    promised += " spots_outside_plan safety_events stage_seconds ok"
    assert set(promised.split()) <= set(json.loads(path.read_text()))
    assert [p.name for p in tmp_path.iterdir()] == ["summary.json"]


@pytest.mark.parametrize(
    "change",
    [
        {"spots_delivered": 1999},
        {"spots_repeated": 1},
        {"spots_outside_plan": 1},
        {"spots_planned": 0, "spots_delivered": 0},
        {"outcome": "stopped"},
        {"plan_sha256": ""},
        {"area_cm2": float("nan")},
        {"plan_sha256": "XYZ"},
        {"spots_missing": -1},
        {"surprise": 1},
    ],
)
def test_ok_must_be_earned_and_nonsense_is_refused(change):
    with pytest.raises(ValidationError):
        RunSummary(**{**GOOD, **change})


def test_a_failed_run_needs_only_what_was_asked_for(tmp_path):
    write_summary(tmp_path, RunSummary(ok=False, outcome="failed", reason="x", indication="striae", seed=1))
    assert read_summary(tmp_path).spots_planned == 0


def test_an_old_summary_is_replaced_whole(tmp_path):
    write_summary(tmp_path, RunSummary(**GOOD))
    write_summary(tmp_path, RunSummary(**{**GOOD, "seed": 8}))
    assert read_summary(tmp_path).seed == 8
