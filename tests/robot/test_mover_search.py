"""A way that takes seconds to find: handed over, and what may happen before it is found."""

from __future__ import annotations

import numpy as np
import pytest
from mover_rig import ASIDE, BEHIND, Later, Rig

from openmtz.geometry import TriangleMesh
from openmtz.robot import CellCollision


@pytest.fixture(scope="module")
def free() -> CellCollision:
    return CellCollision()


@pytest.fixture
def walled() -> CellCollision:
    collision = CellCollision()
    collision.add_box("wall", (0.5, 0.1, 0.35), (0.3, 0.02, 0.3))
    return collision


def test_a_way_without_search_is_planned_at_once(free: CellCollision) -> None:
    later = Later()
    rig = Rig(free, later.submit).begin()
    assert len(rig.sent) == 1 and later.taken == 0


def test_a_search_is_handed_over_and_its_way_taken(walled: CellCollision) -> None:
    later = Later()
    rig = Rig(walled, later.submit).begin(BEHIND).run(1.0)
    assert rig.sent == [] and rig.outcomes == [] and rig.mover.busy and later.taken == 1
    later.finish()
    rig.run(0.02)
    assert len(rig.sent) == 1 and later.taken == 1
    alone = Rig(walled).begin(BEHIND)
    assert np.array_equal(rig.sent[0].positions, alone.sent[0].positions), "the same way as without submit"
    rig.run(rig.sent[0].duration_s + 0.2)
    assert rig.outcome.success


@pytest.mark.parametrize("cause", ["token", "cancel"])
def test_what_was_taken_away_while_searching_never_begins(walled: CellCollision, cause: str) -> None:
    later = Later()
    rig = Rig(walled, later.submit).begin(BEHIND).run(0.1)
    if cause == "token":
        rig.token = False
    else:
        rig.mover.cancel(rig.now)
    rig.run(0.05)
    expected = {"token": "token was taken away while a way was sought", "cancel": "cancelled before it began"}
    assert expected[cause] in rig.outcome.reason
    rig.token = True
    later.finish()
    rig.run(0.5)
    assert rig.sent == [] and len(rig.outcomes) == 1


def test_the_next_motion_waits_for_the_end_of_a_search_nobody_wants(walled: CellCollision) -> None:
    """Kinematics and collision are the search's until it ends: two threads on them would give nonsense."""
    later = Later()
    rig = Rig(walled, later.submit).begin(BEHIND).run(0.1)
    rig.mover.cancel(rig.now)
    rig.run(0.05).begin(ASIDE).run(2.0)
    assert rig.sent == [] and rig.mover.busy
    later.finish()
    rig.run(0.02)
    assert len(rig.sent) == 1 and later.taken == 1


def test_an_arm_that_moved_meanwhile_is_not_sent_along_an_old_way(walled: CellCollision) -> None:
    later = Later()
    rig = Rig(walled, later.submit).begin(BEHIND).run(0.1)
    rig.joints = rig.joints + 0.02 * np.eye(6)[0]
    rig.run(0.05)
    later.finish()
    rig.run(0.05)
    assert "the arm moved by 1.15 deg while a way was sought" in rig.outcome.reason and rig.sent == []


@pytest.mark.parametrize("silent", ["joints", "safety"])
def test_what_fell_silent_while_searching_is_noticed(walled: CellCollision, silent: str) -> None:
    later = Later()
    rig = Rig(walled, later.submit).begin(BEHIND).run(0.1)
    setattr(rig, f"{silent}_run", False)
    rig.run(1.2)
    later.finish()
    rig.run(0.05)
    assert f"no fresh {silent.rstrip('s')}" in rig.outcome.reason and rig.sent == []


def test_a_new_surface_while_searching_is_respected(walled: CellCollision) -> None:
    """The way found round the old patient is dropped and sought anew, round the new one."""
    later = Later()
    rig = Rig(walled, later.submit).begin(BEHIND).run(0.1)
    corners = np.array([[0.4, 0.15, 0.3], [0.6, 0.15, 0.3], [0.6, 0.35, 0.3], [0.4, 0.35, 0.3]])
    there = next(b.q for b in rig.mover.kinematics.branches(BEHIND) if walled.free(b.q, 0.0))
    rig.mover.set_patient(TriangleMesh(corners, np.array([[0, 1, 2], [0, 2, 3]])))
    rig.run(0.1)
    assert walled.free(there, 0.0), "not under the search's hands"
    later.finish()
    rig.run(0.05)
    assert not walled.free(there, 0.0)
    assert rig.sent == [] and later.taken == 2, "the target lies in the patient now: looked at again"
    later.finish()
    rig.run(0.05)
    assert "no free way" in rig.outcome.reason and "patient" in rig.outcome.reason


def test_without_a_way_the_search_says_so(walled: CellCollision) -> None:
    later = Later()
    rig = Rig(walled, later.submit)
    far = BEHIND.copy()
    far[0, 3] = 1.4
    rig.begin(far).run(0.05)
    later.finish()
    rig.run(0.05)
    assert "out of reach" in rig.outcome.reason and rig.sent == []
