"""Who may speak, without ROS: messages by gid, names, services; and the stack's secret."""

from __future__ import annotations

from typing import Any

import pytest

from openmtz.safety import CONDITIONS, Endpoint, Hearing, KnownSpeakers, StackSecret
from openmtz.safety.speech.speakers import REMEMBERED_S

OWN, OTHER, THIRD = b"own-gid-16-bytes", b"foreign-16-bytes", b"third-gid-16-byt"


def known(**more: Any) -> KnownSpeakers:
    speakers = KnownSpeakers(["interlocks"], **more)
    speakers.expect("progress", ["arm", "recorder"])
    speakers.look({"interlocks": [Endpoint(OWN, "simulation")], "progress": [Endpoint(OWN, "arm")]}, now=0.0)
    return speakers


def test_a_publisher_of_a_moment_is_not_believed() -> None:
    """It came and went between two looks at the graph: only the gid of its message tells."""
    speakers = known()
    assert speakers.judge("interlocks", OWN, 1.0) is Hearing.BELIEVED
    assert speakers.judge("interlocks", OTHER, 1.0) is Hearing.STRANGE
    assert OTHER.hex() in speakers.found(1.0)["speaker-foreign"], "and it is said who"
    assert speakers.judge("interlocks", OWN, 1.0) is Hearing.BELIEVED, "the known one goes on"
    assert "speaker-foreign" in speakers.found(1.0 + 0.9 * REMEMBERED_S)
    assert not speakers.found(1.01 + REMEMBERED_S)


def test_nobody_is_believed_before_one_alone_is_there() -> None:
    speakers = KnownSpeakers(["permit"])
    assert speakers.judge("permit", OWN, 0.0) is Hearing.UNKNOWN
    speakers.look({"permit": [Endpoint(OWN, "a"), Endpoint(OTHER, "")]}, 0.1)
    assert speakers.judge("permit", OWN, 0.1) is Hearing.UNKNOWN, "which of the two?"
    assert speakers.found(0.1)["topic-shared"] == "permit: a, a node without a name"
    speakers.look({"permit": [Endpoint(OWN, "a")]}, 0.2)
    assert speakers.judge("permit", OWN, 0.2) is Hearing.BELIEVED and not speakers.found(0.2)


def test_a_second_publisher_does_not_take_the_voice() -> None:
    speakers = known()
    both = [Endpoint(OTHER, "stranger"), Endpoint(OWN, "simulation")]
    speakers.look({"interlocks": both}, 1.0)
    assert speakers.judge("interlocks", OWN, 1.0) is Hearing.BELIEVED
    assert speakers.judge("interlocks", OTHER, 1.0) is Hearing.STRANGE
    found = speakers.found(1.0)
    assert "node stranger" in found["speaker-foreign"] and "stranger" in found["topic-shared"]
    assert speakers.shared == "interlocks"


def test_who_comes_in_another_s_place_is_a_change() -> None:
    speakers = known()
    speakers.look({"interlocks": []}, 1.0)
    assert speakers.judge("interlocks", OTHER, 1.0) is Hearing.UNKNOWN and not speakers.found(1.0)
    speakers.look({"interlocks": [Endpoint(OWN, "simulation")]}, 1.1)
    assert not speakers.found(1.1), "the same one, seen again"
    speakers.look({"interlocks": [Endpoint(OTHER, "driver")]}, 1.2)
    assert speakers.judge("interlocks", OTHER, 1.2) is Hearing.BELIEVED
    assert "node driver" in speakers.found(1.2)["speaker-changed"]


def test_progress_belongs_to_its_process() -> None:
    """Where nodes share a topic each speaks for itself: a forged counter keeps no hung loop alive."""
    speakers = known()
    assert speakers.judge("progress", OWN, 1.0, "arm") is Hearing.BELIEVED
    assert speakers.judge("progress", OTHER, 1.0, "arm") is Hearing.STRANGE
    assert "progress of arm" in speakers.found(1.0)["speaker-foreign"]
    assert speakers.judge("progress", OTHER, 1.0, "recorder") is Hearing.UNKNOWN, (
        "nobody of that name is there"
    )
    assert speakers.judge("progress", OTHER, 1.0, "nobody_1") is Hearing.UNHEARD
    third = [Endpoint(OWN, "arm"), Endpoint(OTHER, "stranger"), Endpoint(THIRD, "recorder")]
    speakers.look({"progress": third}, 2.5)
    assert speakers.judge("progress", THIRD, 2.5, "recorder") is Hearing.BELIEVED
    assert "topic-shared" not in speakers.found(2.5), "many publish there"


def test_a_stolen_name_learns_nothing() -> None:
    speakers = KnownSpeakers(names=["arm"])
    speakers.expect("progress", ["arm"])
    speakers.look({"progress": [Endpoint(OWN, "arm"), Endpoint(OTHER, "arm")]}, 0.0)
    for gid in (OWN, OTHER):
        assert speakers.judge("progress", gid, 0.0, "arm") is Hearing.UNKNOWN


def test_a_second_server_and_a_stolen_name_are_found() -> None:
    speakers = known(names=["arm", "scan_head"], services=["safety/reset", "safety/approve_plan"])
    speakers.count({"safety/reset": 1, "safety/approve_plan": 1}, ["arm", "scan_head", "rviz", "rviz"])
    assert not speakers.found(0.0), "names that are not the stack's own are no concern"
    speakers.count({"safety/reset": 2}, ["arm", "scan_head", "arm"])
    assert speakers.found(0.0) == {"service-shared": "safety/reset (2)", "name-shared": "arm"}
    speakers.count({}, [])
    assert not speakers.found(0.0)


def test_every_finding_is_a_condition_that_ends_permits_and_needs_a_person() -> None:
    for code in ("topic-shared", "speaker-foreign", "speaker-changed", "service-shared", "name-shared"):
        row = CONDITIONS[code]
        assert row.revoke and [to.name for _, to in row.moves] == ["STANDBY"] and not row.passing, code


@pytest.mark.parametrize("given", ["", "x", "s3cret ", "S3CRET", "\udcff", "s3cret\0", "s" * 100_000])
def test_a_wrong_secret_is_refused_and_told_where_the_right_one_is(given: str) -> None:
    why = StackSecret("s3cret", "/run/stack.secret").refusal(given)
    assert "/run/stack.secret" in why and "s3cret" not in why.replace("stack.secret", "")
    assert ("no secret" in why) is (given == "")


def test_the_secret_opens_and_none_opens_nothing() -> None:
    assert StackSecret("s3cret", "place").refusal("s3cret") == ""
    for given in ("", "s3cret"):
        assert "start it with up" in StackSecret("", "start it with up").refusal(given)
