# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""rebuild-dist.yml uses the variables of the last run again."""

from __future__ import annotations

import dataclasses
import json
import pathlib
from typing import Any

import pytest
import yaml

from support.ansible import command
from support.distributions import Site
from support.rpms import Rpm, repository

TOOL = Rpm("tool", "1.0", "1")
NEWER = dataclasses.replace(TOOL, version="2.0")


@pytest.fixture
def stock(site: Site) -> pathlib.Path:
    """A vendor's repositories, with two versions of a package."""
    for name, packages in (("BaseOS", [TOOL, NEWER]), ("AppStream", [Rpm("gcc")])):
        repository(site.folder / "stock" / name / "x86_64" / "os", packages)
    return site.folder / "stock"


@pytest.fixture
def variables(site: Site, stock: pathlib.Path) -> dict[str, Any]:
    for path in ("xml/graphs", "site-xml", "contrib", "local"):
        (site.folder / path).mkdir(parents=True)
    return {
        "distribution_mirror": stock.as_uri(),
        "distribution_closure": "off",
        "distribution_path": str(site.root),
        "distribution_contrib": str(site.folder / "contrib"),
        "distribution_local": str(site.folder / "local"),
        "distribution_xml": [str(site.folder / "xml"), str(site.folder / "site-xml")],
        "distribution_install_libraries": False,
    }


def play(site: Site, *words: str, fails: bool = False, **variables: Any) -> str:
    """Run the playbook with these variables, and return its output in one line."""
    extra = {"distribution_settings": str(site.folder / "settings"), **variables}
    result = command(
        "ansible-playbook", "playbooks/rebuild-dist.yml", *words, "-e", json.dumps(extra)
    )
    assert (result.returncode != 0) == fails, result.stdout + result.stderr
    return " ".join((result.stdout + result.stderr).split())


def saved(site: Site, name: str = "distribution.yml") -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((site.folder / "settings" / name).read_text())
    return content


def test_a_plain_run_repeats_the_last_run(site: Site, variables: dict[str, Any]) -> None:
    pins = {"tool": "1.0-1"}
    proxy = "http://me:secret@127.0.0.1:3128"
    set_once = {**variables, "distribution_pins": pins, "distribution_proxy": proxy}
    path = site.folder / "settings" / "distribution.yml"
    checked = play(site, "--check", **set_once)
    assert not path.exists()
    output = play(site, "--diff", **set_once)
    assert "tool-0:1.0-1.noarch" in site.nevras("rocks")
    assert saved(site) == set_once
    assert "distribution_proxy" in output and "secret" not in output
    assert path.stat().st_mode & 0o777 == 0o600

    again = play(site)
    assert "rocks stays generation" in again and "changed=0" in again
    difference = 'distribution_pins: \\"default\\" -> {\\"tool\\": \\"1.0-1\\"}'
    assert difference in checked and " -> " not in again

    other = play(site, distribution_pins={}, distribution_keep=5)
    assert 'distribution_pins: {\\"tool\\": \\"1.0-1\\"} -> \\"default\\"' in other
    assert "tool-0:2.0-1.noarch" in site.nevras("rocks")
    assert saved(site) == {**variables, "distribution_proxy": proxy, "distribution_keep": 5}
    assert list(path.parent.iterdir()) == [path]


def test_the_inventory_has_precedence_and_a_failed_run_is_not_remembered(
    site: Site, variables: dict[str, Any]
) -> None:
    play(site, **variables, distribution_keep=5)
    hosts = "localhost ansible_connection=local distribution_keep=4\n"
    (site.folder / "hosts").write_text(hosts)
    play(site, "-i", str(site.folder / "hosts"))
    before = saved(site)
    assert before["distribution_keep"] in (4, "4")
    play(site, fails=True, distribution_mirror=(site.folder / "nowhere").as_uri())
    assert saved(site) == before


def test_each_distribution_has_a_file(site: Site, variables: dict[str, Any]) -> None:
    play(site, **variables)
    parent = str(site.root / "rocks" / "x86_64")
    shared = {name: variables[name] for name in variables if name != "distribution_mirror"}
    play(site, **shared, distribution_name="physics", distribution_parent=parent)

    assert "physics stays generation" in play(site, distribution_name="physics")
    assert saved(site, "distribution-physics.yml")["distribution_parent"] == parent
    assert "distribution_parent" not in saved(site)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("distribution_mirrror: http://127.0.0.1/\n", "distribution_mirrror"),
        ("distribution_allow_shrink: true\n", "distribution_allow_shrink"),
        ("distribution_keep: many\n", "distribution_keep"),
        ("just words\n", "NAME: VALUE"),
        ("distribution_pins: {\n", "line 2"),
    ],
)
def test_an_unusable_file_is_an_error_that_names_it(
    site: Site, variables: dict[str, Any], text: str, named: str
) -> None:
    path = site.folder / "settings" / "distribution.yml"
    path.parent.mkdir()
    path.write_text(text)
    output = play(site, fails=True, **variables)
    assert f"{path}: " in output and named in output.rpartition(f"{path}: ")[2], output
    assert "nothing was changed" in output
    assert path.read_text() == text


def test_a_file_written_by_hand_is_kept(site: Site, variables: dict[str, Any]) -> None:
    path = site.folder / "settings" / "distribution.yml"
    path.parent.mkdir()
    path.write_text("# our mirror\n" + yaml.safe_dump(variables))
    play(site)
    assert path.read_text().startswith("# our mirror\n")
    play(site, distribution_keep=5)
    assert path.read_text().startswith("# Variables of the role")
    copies = [copy.read_text() for copy in path.parent.iterdir() if copy != path]
    assert [text.startswith("# our mirror\n") for text in copies] == [True]
