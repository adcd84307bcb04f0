"""The shipped rolls compile for every release that they name, valid and without remarks."""

from __future__ import annotations

import pathlib
import re

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.profile.output.render import render
from ansible_collections.npaci.rocks.plugins.module_utils.rolls.model import Roll
from ansible_collections.npaci.rocks.plugins.module_utils.workflows.roll_info import lint_roll
from support.kickstarts import parse_strictly
from support.known_packages import unknown_packages
from support.profiles import ORDER, ROLLS, XML
from support.rolls import RollCase, compile_case, requested_packages, roll_cases, shipped

ALL_ROLLS = list(shipped().rolls.values())


def test_no_shipped_roll_is_faulty() -> None:
    assert not shipped().errors
    assert {path.parent.name for path in ROLLS.glob("*/roll.yml")} == set(shipped().rolls)


@pytest.mark.parametrize("case", list(roll_cases()), ids=str)
def test_a_profile_of_a_roll_is_strictly_valid_and_has_its_nodes(case: RollCase) -> None:
    profile = compile_case(case)
    assert set(case.profile.nodes) <= {node.name for node in profile.nodes}
    parse_strictly(render(profile, {**case.attributes, **ORDER}), case.release)
    # EL 7 does not know weak dependencies.
    assert {remark.rule for remark in profile.remarks} <= (
        {"dropped-option"} if case.release == "rhel7" else set()
    )


@pytest.mark.parametrize("roll", ALL_ROLLS, ids=lambda roll: roll.name)
def test_the_lint_has_no_findings(roll: Roll) -> None:
    findings = [
        remark for remark in lint_roll(shipped(), roll, [XML]) if remark.rule != "dropped-option"
    ]
    assert findings == []


@pytest.mark.parametrize("roll", ALL_ROLLS, ids=lambda roll: roll.name)
def test_a_roll_has_a_page_and_node_files_have_descriptions(roll: Roll) -> None:
    folder = pathlib.Path(roll.folder)
    assert (folder / "README.md").read_text().startswith(f"# {roll.name}\n")
    for path in folder.glob("nodes/*.xml"):
        assert re.search(r"<description>\s*\S", path.read_text()), path
        assert len(path.read_text().splitlines()) <= 60, path


@pytest.mark.parametrize("roll", ALL_ROLLS, ids=lambda roll: roll.name)
def test_every_node_file_of_a_roll_is_in_one_of_its_profiles(roll: Roll) -> None:
    reached = {name for profile in roll.profiles for name in profile.nodes}
    names = {path.stem for path in pathlib.Path(roll.folder).glob("nodes/*.xml")}
    assert {name.removeprefix("extend-") for name in names} <= reached


def test_the_package_names_of_a_roll_have_a_source_for_each_release() -> None:
    requests = requested_packages()
    assert requests
    assert unknown_packages(requests) == []
