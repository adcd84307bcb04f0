# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whatever stands in the database: a report is refused, or its reader finds in it exactly what the database says."""

from __future__ import annotations

import dataclasses
import inspect
import json
import re
import sys

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.model import Node
from ansible_collections.npaci.rocks.plugins.module_utils.errors import RocksError
from ansible_collections.npaci.rocks.plugins.module_utils.reports.model import Report, Snapshot
from ansible_collections.npaci.rocks.plugins.module_utils.reports.registry import REPORTS
from ansible_collections.npaci.rocks.plugins.module_utils.reports.snapshot import check_snapshot
from support.reports import site, text

# What ends a line, a string, a block or a comment somewhere, and what a template or a shell would take up.
NASTY = [
    "\n",
    "\r",
    "\x00",
    "\x1b[2J",
    "\u2028",
    '"',
    "'",
    "\\",
    "{",
    "}",
    ";",
    "#",
    "//",
    "*/",
    "{{ 1 }}",
    "$(id)",
    " ",
    ".",
    "-",
]
nasty = st.lists(st.sampled_from([*NASTY, "compute", "0", "a"]) | st.characters(), max_size=8).map(
    "".join
)
every_report = pytest.mark.parametrize("one", REPORTS, ids=lambda one: one.name)
quietly = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=25
)


def with_node(snapshot: Snapshot, **values: str) -> Snapshot:
    """The cluster with one more node."""
    model = Node(
        99,
        "web-9-9",
        "52:54:00:00:00:09",
        "Web Server",
        "web",
        "web",
        "",
        9,
        9,
        "10.9.9.9",
        "x86_64",
        "",
    )
    node = Node(**{**model._asdict(), **values})
    return dataclasses.replace(snapshot, nodes=(*snapshot.nodes, node))


def lines(content: str) -> list[str]:
    """As a C program splits it."""
    return content.split("\n")


@every_report
@quietly
@given(st.sampled_from(["name", "mac", "ip", "arch"]), nasty)
def test_a_hostile_name_or_address_is_refused_or_harmless(
    one: Report, snapshot: Snapshot, field: str, value: str
) -> None:
    changed = with_node(snapshot, **{field: value})
    try:
        check_snapshot(changed)
        files = one.render(changed, site(one.name))
    except RocksError:
        return
    plain = one.render(with_node(snapshot), site(one.name))
    for path in files:
        # It is a node like another: at most its own lines differ.
        assert abs(len(lines(files[path])) - len(lines(plain[path]))) <= 2
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f\x85\u2028\u2029]", files[path])


@every_report
@quietly
@given(nasty)
def test_a_comment_never_adds_a_line_or_changes_another(
    one: Report, snapshot: Snapshot, value: str
) -> None:
    plain = one.render(with_node(snapshot), site(one.name))
    for path, content in one.render(with_node(snapshot, comment=value), site(one.name)).items():
        old, new = lines(plain[path]), lines(content)
        assert len(new) == len(old)
        differ = [(before, after) for before, after in zip(old, new) if before != after]
        assert len(differ) <= 1
        assert all(
            after.startswith(f"{before}  # ") and after.isprintable() for before, after in differ
        )


@quietly
@given(nasty)
def test_hosts_says_each_address_once_to_a_resolver(snapshot: Snapshot, value: str) -> None:
    content = text("hosts", with_node(snapshot, comment=value))
    read = [line.partition("#")[0].split() for line in lines(content)]
    found = {
        words[0]: words[1:] for words in read if words and not words[0].startswith(("127.", "::"))
    }
    wanted = {
        one.ip: list(dict.fromkeys((one.domain_name, one.host)))
        for one in with_node(snapshot).addresses
    }
    assert found == wanted


ATTRIBUTES = {
    "known_hosts": ["ssh_host_ed25519_key", "ssh_host_rsa_key"],
    "powerman": ["power_unit", "power_outlet", "power_device"],
}


@pytest.mark.parametrize("name", ATTRIBUTES)
@quietly
@given(st.data())
def test_a_hostile_attribute_is_refused_or_harmless(
    name: str, snapshot: Snapshot, data: st.DataObject
) -> None:
    attribute, value = data.draw(st.sampled_from(ATTRIBUTES[name])), data.draw(nasty)
    attributes = {
        **snapshot.attributes,
        "web-1-0": {**snapshot.attributes["web-1-0"], attribute: value},
    }
    plain = text(name, snapshot)
    try:
        content = text(name, dataclasses.replace(snapshot, attributes=attributes))
    except RocksError:
        return
    assert abs(len(lines(content)) - len(lines(plain))) <= 3
    assert all(line.isprintable() and line.count('"') % 2 == 0 for line in lines(content))


@quietly
@given(nasty)
def test_kea_reads_what_the_database_says(snapshot: Snapshot, value: str) -> None:
    changed = with_node(snapshot, name=value)
    try:
        check_snapshot(changed)
    except RocksError:
        return
    config = json.loads(text("kea", changed))["Dhcp4"]
    told = {
        one["hw-address"]: (one["ip-address"], one["hostname"])
        for one in config["subnet4"][0]["reservations"]
    }
    assert told["52:54:00:00:00:09"] == ("10.9.9.9", value)


@quietly
@given(
    st.dictionaries(st.from_regex(r"[a-z_0-9]+", fullmatch=True), st.just(("web-1-0",)), max_size=4)
)
def test_clustershell_reads_every_group(
    snapshot: Snapshot, groups: dict[str, tuple[str, ...]]
) -> None:
    read = yaml.safe_load(text("clustershell", dataclasses.replace(snapshot, groups=groups)))
    assert set(read["rocks"]) == {"all", *groups}


def test_every_report_that_reads_attributes_is_tried() -> None:
    reading = {
        report.name
        for report in REPORTS
        if "attribute(" in inspect.getsource(sys.modules[report.render.__module__])
    }
    assert reading == set(ATTRIBUTES)
