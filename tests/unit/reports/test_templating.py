# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A site can replace templates; errors in them are reported with file and line."""

from __future__ import annotations

import json
import pathlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.npaci.rocks.plugins.module_utils import process
from ansible_collections.npaci.rocks.plugins.module_utils.errors import DescriptionError
from ansible_collections.npaci.rocks.plugins.module_utils.reports import templating
from ansible_collections.npaci.rocks.plugins.module_utils.reports.model import Snapshot, StagedFiles
from ansible_collections.npaci.rocks.plugins.module_utils.reports.templating import (
    Templates,
    json_text,
)
from support.reports import report, site

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
)


def test_a_sites_template_replaces_the_built_in_one(tmp_path: pathlib.Path) -> None:
    (tmp_path / "hosts.j2").write_text("{{ owner }} of the site\n")
    assert (
        Templates(str(tmp_path)).render("hosts", "{{ owner }}\n", owner="me") == "me of the site\n"
    )


def test_a_sites_template_can_include_the_built_in_one(
    snapshot: Snapshot, tmp_path: pathlib.Path
) -> None:
    (tmp_path / "hosts.j2").write_text('{% include "rocks/hosts.j2" %}\n192.0.2.1 mirror\n')
    (built_in,) = report("hosts").render(snapshot, site("hosts")).values()
    (extended,) = report("hosts").render(snapshot, site("hosts", folder=str(tmp_path))).values()
    assert extended == f"{built_in}192.0.2.1 mirror\n"


def test_a_sites_template_can_change_the_configuration_of_kea(
    snapshot: Snapshot, tmp_path: pathlib.Path
) -> None:
    (tmp_path / "kea-dhcp4.conf.j2").write_text(
        '{% set _ = config.Dhcp4.update({"valid-lifetime": 600}) %}\n{{ config | json }}\n'
    )
    (text,) = report("kea").render(snapshot, site("kea", folder=str(tmp_path))).values()
    assert json.loads(text)["Dhcp4"]["valid-lifetime"] == 600


@pytest.mark.parametrize(
    ("template", "line", "reason"),
    [
        pytest.param("one\n{% for %}\n", 2, "Expected", id="syntax"),
        pytest.param("one\ntwo\n{{ missing }}\n", 3, "'missing'", id="unknown value"),
        pytest.param("{{ owner.__class__ }}\n", 1, "unsafe", id="unsafe"),
        pytest.param("{{ 1 / 0 }}\n", 1, "division", id="arithmetic"),
        pytest.param('{% include "nowhere.j2" %}\n', 1, "nowhere.j2", id="missing include"),
    ],
)
def test_a_faulty_template_is_refused_with_its_line(
    template: str, line: int, reason: str, tmp_path: pathlib.Path
) -> None:
    (tmp_path / "hosts.j2").write_text(template)
    with pytest.raises(DescriptionError) as refused:
        Templates(str(tmp_path)).render("hosts", "built-in\n", owner="me")
    assert refused.value.where == f"{tmp_path}/hosts.j2:{line}" and reason in refused.value.what


@pytest.mark.parametrize("template", ["", " \n\n", "{# nothing #}\n", "{% if false %}x{% endif %}"])
def test_a_template_that_empties_the_file_is_refused(template: str, tmp_path: pathlib.Path) -> None:
    (tmp_path / "hosts.j2").write_text(template)
    with pytest.raises(DescriptionError, match=r'empty file.*include "rocks/hosts.j2"') as refused:
        Templates(str(tmp_path)).render("hosts", "built-in\n")
    assert refused.value.where == f"{tmp_path}/hosts.j2"
    assert Templates(str(tmp_path)).render("hosts", "").strip() == ""


def test_an_unknown_value_is_reported_with_a_similar_one(tmp_path: pathlib.Path) -> None:
    (tmp_path / "hosts.j2").write_text("{{ lnes }}\n")
    with pytest.raises(DescriptionError, match="did you mean lines"):
        Templates(str(tmp_path)).render("hosts", "{{ lines }}\n", lines="x")


def test_a_template_that_no_report_reads_is_named_and_stops_no_report(
    tmp_path: pathlib.Path,
) -> None:
    (tmp_path / "host.j2").write_text("x\n")
    templates = Templates(str(tmp_path))
    assert templates.render("ethers", "built-in\n") == "built-in\n"
    (fault,) = templates.unused_files()
    assert (fault.where, "hosts.j2" in fault.hint) == (str(tmp_path / "host.j2"), True)
    (tmp_path / "ethers.j2").write_text('{% include "host.j2" %}')
    templates = Templates(str(tmp_path))
    assert templates.render("ethers", "built-in\n") == "x\n"
    assert templates.unused_files() == []


@pytest.mark.parametrize("line", ["", "::1 localhost\n", "#127.0.0.1 localhost\n"])
def test_a_hosts_file_without_localhost_is_refused(line: str, tmp_path: pathlib.Path) -> None:
    (tmp_path / "hosts").write_text(f"{line}10.1.1.1 frontend-0\n")
    staged = StagedFiles({"/etc/hosts": str(tmp_path / "hosts")}, str(tmp_path), process.run)
    with pytest.raises(DescriptionError, match=r"/etc/hosts: .*localhost"):
        report("hosts").check(staged, site("hosts"))
    with open(tmp_path / "hosts", "a", encoding="utf-8") as file:
        file.write("127.0.0.1 localhost.localdomain localhost\n")
    report("hosts").check(staged, site("hosts"))


def test_every_template_of_a_report_is_known() -> None:
    folder = pathlib.Path(templating.__file__).parent
    calls = re.findall(
        r"templates\.render\(\s*(\"[^\"]+\"|\w+)",
        "".join(path.read_text() for path in sorted(folder.rglob("*.py"))),
    )
    assert {name.strip('"') for name in calls} - {"name"} == set(templating.NAMES)


def test_a_value_is_never_rendered_as_a_template(tmp_path: pathlib.Path) -> None:
    assert (
        Templates(str(tmp_path)).render("hosts", "{{ owner }}", owner="{{ 7 * 7 }}{% raw %}")
        == "{{ 7 * 7 }}{% raw %}"
    )


@given(values)
def test_formatted_json_has_the_same_value(value: object) -> None:
    assert json.loads(json_text(value)) == value


def test_json_has_a_line_for_each_innermost_object() -> None:
    assert (
        json_text({"a": [{"b": 1}, {"c": []}]})
        == '{\n  "a": [\n    {"b": 1},\n    {\n      "c": []\n    }\n  ]\n}'
    )
