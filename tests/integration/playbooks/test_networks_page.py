# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The commands and the rack of docs/networks.md work as they are printed."""

from __future__ import annotations

import os
import pathlib
import re
import subprocess

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.networking.interfaces import (
    list_interfaces,
)
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.nodes import list_nodes
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.values.attributes import (
    effective_values,
)
from support.ansible import BIN, ROOT

PAGE = (ROOT / "docs" / "networks.md").read_text(encoding="utf-8")
TIME_LIMIT = 900  # many commands, on a busy machine


def ansible(folder: pathlib.Path, database: Database, *words: str) -> str:
    """Run a command of the page on this database; return its output."""
    environment = {
        **os.environ,
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
        "ANSIBLE_LOCALHOST_WARNING": "0",
        "ROCKS_CONFIG": str(folder / "rocks.yml"),
        "ROCKS_DATABASE": database.location.url,
    }
    finished = subprocess.run(
        words,
        check=False,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=TIME_LIMIT,
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> pathlib.Path:
    """A site's folder, with the files of the page and a report of names and DHCP."""
    (tmp_path / "rocks.yml").write_text(
        "url: http://10.1.1.1\nreports:\n"
        f"  hosts: {{path: {tmp_path}/hosts}}\n"
        f"  dhcpd: {{path: {tmp_path}/dhcpd.conf, alive: ['false']}}\n"
    )
    for name, language in (("rack-3.csv", "csv"), ("rack-3.yml", "yaml")):
        (text,) = re.findall(rf"```{language}\n(# {name}\n.*?)```", PAGE, re.DOTALL)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_the_rack_of_the_page_is_described_and_a_second_run_changes_nothing(
    folder: pathlib.Path, table_ii: Database
) -> None:
    playbook = ("ansible-playbook", "rack-3.yml")
    ansible(folder, table_ii, *playbook)
    assert "changed=0" in ansible(folder, table_ii, *playbook)

    rack = {node.name: node for node in list_nodes(table_ii) if node.rack == 3}
    assert sorted(rack) == ["compute-3-0", "compute-3-1", "network-3-0", "power-3-0"]
    interfaces = {
        interface.name: interface for interface in list_interfaces(table_ii, "compute-3-1")
    }
    assert {name: interface.network for name, interface in interfaces.items()} == {
        "bmc": "management",
        "eno2": "private",
        "ens1.120": "storage",
        "ib0": "fabric",
    }
    attributes = effective_values(table_ii, rack["compute-3-1"])
    assert "--bondslaves=eno1,eno2" in attributes["network_main"]
    assert "--ip=172.16.3.2" in attributes["network_vlan"]
    assert "--ip=172.17.3.2" in attributes["network_infiniband"]

    hosts = (folder / "hosts").read_text()
    dhcpd = (folder / "dhcpd.conf").read_text()
    assert "172.16.3.2 compute-3-1-ens1-120" in hosts and "172.17.3.2 compute-3-1-ib0" in hosts
    for mac, address in (
        (rack["compute-3-1"].mac, rack["compute-3-1"].ip),
        interfaces["eno2"][-2:],
    ):
        assert f"hardware ethernet {mac}; fixed-address {address};" in dhcpd
    assert interfaces["bmc"].ip in dhcpd and "compute-3-1-ib0" not in dhcpd
    subnets = dict(re.findall(r"subnet (\S+) netmask \S+ \{(.*?)\n\}", dhcpd, re.DOTALL))
    assert {name: "filename" in text for name, text in subnets.items()} == {
        "10.0.0.0": True,
        "172.16.0.0": False,
        "172.17.0.0": False,
        "192.168.0.0": False,
    }


def test_the_commands_of_the_page_work(folder: pathlib.Path, table_ii: Database) -> None:
    commands = re.findall(r"^\$ (ansible localhost .*)$", PAGE, re.MULTILINE)
    assert len(commands) > 10
    script = "set -e\n" + "\n".join(commands)
    ansible(folder, table_ii, "bash", "-c", script)
    interfaces = {
        interface.name: interface for interface in list_interfaces(table_ii, "compute-0-3")
    }
    assert sorted(interfaces) == ["bmc", "bond1", "eno1.120", "eno2", "ib0"]
