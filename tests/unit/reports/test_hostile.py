# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Hostile values in the database are left out, or the reader sees exactly these values."""

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
from ansible_collections.npaci.rocks.plugins.module_utils.reports.model import Report, Snapshot
from ansible_collections.npaci.rocks.plugins.module_utils.reports.registry import REPORTS
from ansible_collections.npaci.rocks.plugins.module_utils.reports.row_checks import (
    leave_out_faults,
)
from support.reports import site, text

# Texts that end a line, a string, a block or a comment, or that a template or a shell expands.
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
every_report = pytest.mark.parametrize("report", REPORTS, ids=lambda report: report.name)
quietly = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=25
)


def with_node(snapshot: Snapshot, **values: str) -> Snapshot:
    """Return the cluster with one more node."""
    model = Node(
        id=99,
        name="web-9-9",
        mac="52:54:00:00:00:09",
        membership="Web Server",
        appliance="web",
        root="web",
        distribution="",
        rack=9,
        rank=9,
        ip="10.9.9.9",
        arch="x86_64",
        comment="",
    )
    node = Node(**{**model._asdict(), **values})
    return dataclasses.replace(snapshot, nodes=(*snapshot.nodes, node))


def lines(content: str) -> list[str]:
    """Split a text into lines as a C program does."""
    return content.split("\n")


@every_report
@quietly
@given(st.sampled_from(["name", "mac", "ip", "arch"]), nasty)
def test_a_hostile_name_or_address_is_left_out_or_harmless(
    report: Report, snapshot: Snapshot, field: str, value: str
) -> None:
    changed = leave_out_faults(with_node(snapshot, **{field: value}))
    files = report.render(changed, site(report.name))
    plain = report.render(with_node(snapshot), site(report.name))
    for path in files:
        # Only the lines of this node differ.
        assert abs(len(lines(files[path])) - len(lines(plain[path]))) <= 2
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f\x85\u2028\u2029]", files[path])


@every_report
@quietly
@given(nasty)
def test_a_comment_changes_at_most_its_own_line(
    report: Report, snapshot: Snapshot, value: str
) -> None:
    plain = report.render(with_node(snapshot), site(report.name))
    for path, content in report.render(
        with_node(snapshot, comment=value), site(report.name)
    ).items():
        old = lines(plain[path])
        new = lines(content)
        assert len(new) == len(old)
        differ = [(before, after) for before, after in zip(old, new) if before != after]
        assert len(differ) <= 1
        assert all(
            after.startswith(f"{before}  # ") and after.isprintable() for before, after in differ
        )


@quietly
@given(nasty)
def test_a_resolver_reads_each_address_once_from_hosts(snapshot: Snapshot, value: str) -> None:
    content = text("hosts", with_node(snapshot, comment=value))
    read = [line.partition("#")[0].split() for line in lines(content)]
    resolved = {
        words[0]: words[1:] for words in read if words and not words[0].startswith(("127.", "::"))
    }
    assert resolved == {
        address.ip: list(dict.fromkeys((address.domain_name, address.host)))
        for address in with_node(snapshot).addresses
    }


ATTRIBUTES = {
    "known_hosts": ["ssh_host_ed25519_key", "ssh_host_rsa_key"],
    "powerman": ["power_unit", "power_outlet", "power_device"],
}


@pytest.mark.parametrize("name", ATTRIBUTES)
@quietly
@given(st.data())
def test_a_hostile_attribute_is_left_out_or_harmless(
    name: str, snapshot: Snapshot, data: st.DataObject
) -> None:
    attribute = data.draw(st.sampled_from(ATTRIBUTES[name]))
    value = data.draw(nasty)
    attributes = {
        **snapshot.attributes,
        "web-1-0": {**snapshot.attributes["web-1-0"], attribute: value},
    }
    plain = text(name, snapshot)
    content = text(name, dataclasses.replace(snapshot, attributes=attributes))
    assert abs(len(lines(content)) - len(lines(plain))) <= 3
    assert all(line.isprintable() and line.count('"') % 2 == 0 for line in lines(content))


@quietly
@given(nasty)
def test_kea_reads_the_exact_name(snapshot: Snapshot, value: str) -> None:
    changed = leave_out_faults(with_node(snapshot, name=value))
    if changed.faults:
        return
    config = json.loads(text("kea", changed))["Dhcp4"]
    reservations = {
        row["hw-address"]: (row["ip-address"], row["hostname"])
        for row in config["subnet4"][0]["reservations"]
    }
    assert reservations["52:54:00:00:00:09"] == ("10.9.9.9", value)


@quietly
@given(
    st.dictionaries(st.from_regex(r"[a-z_0-9]+", fullmatch=True), st.just(("web-1-0",)), max_size=4)
)
def test_clustershell_reads_every_group(
    snapshot: Snapshot, groups: dict[str, tuple[str, ...]]
) -> None:
    read = yaml.safe_load(text("clustershell", dataclasses.replace(snapshot, groups=groups)))
    assert set(read["rocks"]) == {"all", *groups}


def test_every_report_that_reads_attributes_is_tested() -> None:
    reading = {
        report.name
        for report in REPORTS
        if "attribute(" in inspect.getsource(sys.modules[report.render.__module__])
    }
    assert reading == set(ATTRIBUTES)
