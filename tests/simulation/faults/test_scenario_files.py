"""Scenario files that cannot be played: file, place, cause and what is valid."""

from __future__ import annotations

from pathlib import Path

import pytest

from openmtz.simulation.lockstep.scenario import MAX_BYTES, ScenarioError, load_scenario

GOOD = """
name: a-story
indication: ladd
faults:
  - when: {after: "spots:300", plus_s: 0.5}
    fault: wrong_power
    parameters: {gain: 1.4}
    for_s: 2.0
expect: {outcome: stopped, harms: [over-energy]}
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "story.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_good_file_is_read(tmp_path: Path) -> None:
    scenario = load_scenario(write(tmp_path, GOOD))
    assert scenario.name == "a-story" and scenario.faults[0].parameters == {"gain": 1.4}
    assert scenario.faults[0].when.plus_s == 0.5 and scenario.faults[0].for_s == 2.0


def test_a_file_without_name_is_named_after_itself(tmp_path: Path) -> None:
    assert load_scenario(write(tmp_path, "indication: ladd")).name == "story"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "a scenario is a mapping of fields, got NoneType"),
        ("- one\n- two", "a scenario is a mapping of fields, got list"),
        ("just words", "a scenario is a mapping of fields, got str"),
        ("name: [", "not YAML"),
        ("name: a\n  b: c: d", "not YAML"),
        ("name: A Story", "name: String should match pattern"),
        ("colour: blue", "colour: Extra inputs are not permitted"),
        ("limit_s: .nan", "limit_s"),
        ("limit_s: 0", "limit_s: Input should be greater than 0"),
        ("views: 1000", "views: Input should be less than or equal to 40"),
        ("faults: [{when: {at_s: 1}, fault: emergancy_stop}]", "did you mean 'emergency_stop'"),
        ("faults: [{when: {at_s: 1}, fault: qqq}]", "no fault 'qqq'; there are: arm_creeps,"),
        ("faults: [{when: {at_s: 1}, fault: key_off, paramters: {}}]", "faults.0.paramters"),
        ("faults: [{when: {at_s: 1}, fault: key_off, parameters: {x: 1}}]", "key_off has no parameter 'x'"),
        (
            "faults: [{when: {at_s: 1}, fault: wrong_power, parameters: {gain: .inf}}]",
            "wrong_power: gain must be like 1.6, got inf",
        ),
        ("faults: [{fault: key_off}]", "faults.0.when: Field required"),
        ("faults: [{when: {}, fault: key_off}]", "give either at_s or after"),
        (
            "faults: [{when: {at_s: 1, after: 'stage:treat'}, fault: key_off}]",
            "faults.0.when: give either at_s or after",
        ),
        ("faults: [{when: {after: lunch}, fault: key_off}]", "faults.0.when.after"),
        ("faults: [{when: {after: 'spots:many'}, fault: key_off}]", "faults.0.when"),
        ("faults: [{when: {at_s: -1}, fault: key_off}]", "faults.0.when.at_s"),
        ("faults: [{when: {at_s: .nan}, fault: key_off}]", "faults.0.when.at_s"),
        ("faults: [{when: {at_s: 1}, fault: key_off, for_s: -2}]", "faults.0.for_s"),
        ("operator: [{when: {at_s: 1}, act: dance}]", "operator.0.act"),
        ("expect: {outcome: great}", "expect.outcome"),
    ],
)
def test_a_file_that_cannot_be_played_says_where_and_why(tmp_path: Path, text: str, says: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(ScenarioError) as caught:
        load_scenario(path)
    assert says in str(caught.value) and str(path) in str(caught.value)


def test_no_file_a_folder_bytes_and_a_huge_file_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="No such file"):
        load_scenario(tmp_path / "none.yaml")
    with pytest.raises(ScenarioError, match="Is a directory"):
        load_scenario(tmp_path)
    picture = tmp_path / "picture.yaml"
    picture.write_bytes(b"\x89PNG\xff\xfe\x00")
    with pytest.raises(ScenarioError, match="not YAML"):
        load_scenario(picture)
    huge = tmp_path / "huge.yaml"
    huge.write_text("# " + "x" * MAX_BYTES)
    with pytest.raises(ScenarioError, match="larger than 1000 kB"):
        load_scenario(huge)
    deep = tmp_path / "deep.yaml"
    deep.write_text("[" * 100_000)
    with pytest.raises(ScenarioError, match="not YAML"):
        load_scenario(deep)
