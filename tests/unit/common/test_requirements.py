# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What we require is what the platforms have, whose versions the tests run on."""

from __future__ import annotations

import re

import yaml

from support.ansible import ROOT
from support.platforms import platforms

# From PyPI, where a site has Redfish; no package of a platform is known.
FROM_PYPI = {"redfish"}


def numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def minimums() -> dict[str, str]:
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    return dict(line.split(">=") for line in lines if not line.startswith("#"))


def lowest(package: str) -> str:
    return min((versions[package] for versions in platforms().values()), key=numbers)


def test_a_minimum_is_the_lowest_version_of_any_platform() -> None:
    required = minimums()
    own = required.pop("ansible-core")
    tested = {name: lowest(name) for name in required if name not in FROM_PYPI}
    assert {**required, **tested} == required
    assert lowest("ansible-core").startswith(f"{own}.")


def test_ansible_refuses_what_is_older() -> None:
    runtime = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text())
    assert runtime["requires_ansible"] == f">={minimums()['ansible-core']}.0"


def test_the_library_is_for_the_oldest_python_of_a_platform() -> None:
    project = (ROOT / "pyproject.toml").read_text()
    oldest = lowest("python")
    assert re.findall('^requires-python = "(.*)"', project, re.MULTILINE) == [f">={oldest}"]
    assert re.findall('^target-version = "(.*)"', project, re.MULTILINE) == [
        f"py{oldest.replace('.', '')}"
    ]
