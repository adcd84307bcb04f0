# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The commands of docs/how-to can be typed as they stand.

Modules that only need the database run, in the order of the page; the options of all others are
compared with their documentation, the variables of playbooks with what these read, and node files
are compiled.
"""

from __future__ import annotations

import pathlib
import re

import pytest
import yaml

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.inventory import load_inventory
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.model import MAINTENANCE
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.node_conditions import CONDITIONS
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.values.attributes import (
    set_attribute,
)
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.values.scoped_values import Scope
from ansible_collections.npaci.rocks.plugins.module_utils.install import orders
from ansible_collections.npaci.rocks.plugins.module_utils.install.model import Audit, Pin
from support.ansible import ROOT
from support.cluster import Urls
from support.modules import run
from support.pages_of_commands import (
    ModuleCall,
    blocks,
    command_lines,
    module_call,
    option_errors,
    playbook,
    variables_of,
)
from support.profiles import NODE, ORDER

FOLDER = ROOT / "docs" / "how-to"
PAGES = sorted(path for path in FOLDER.glob("*.md") if path.name != "README.md")
SCREEN = 60  # lines
NOW = "2026-11-22 09:14:05"
DISKS = "%pre partition failed with exit status 1: 1 disk required, 0 usable: sda contains ntfs"
PIN = Pin("rocks", "x86_64", "4c19e0b2aa17", "ab" * 32)
RUNNING = (
    *("rocks_attribute", "rocks_interface", "rocks_membership", "rocks_network", "rocks_node"),
    *("rocks_secret", "rocks_sql_info", "rocks_install", "rocks_install_info"),
    *("rocks_maintenance", "rocks_power"),
)
BUILT_IN = ("command", "shell", "fetch")
PROGRAMS = frozenset(
    (
        *("./bootstrap", "ansible", "ansible-playbook", "cd", "clush", "cp", "curl", "df"),
        *("journalctl", "mkdir", "openssl", "passwd", "rm", "srun", "ssh", "systemctl", "tar"),
        *("useradd", "usermod"),
    )
)


def is_run(call: ModuleCall) -> bool:
    """Whether the call needs the database only; the status of the power needs the machines."""
    return call.module in RUNNING and (call.module != "rocks_power" or "state" in call.options)


def patterns(database: Database) -> dict[str, list[str]]:
    """Return the nodes of each host pattern."""
    nodes: dict[str, list[str]] = {"localhost": [], "query": []}
    nodes.update((f"state_{name}", []) for name in (*CONDITIONS, MAINTENANCE))
    for host in load_inventory(database, {}).hosts:
        nodes[host.name] = [host.name]
        for group in host.groups:
            nodes.setdefault(group, []).append(host.name)
    return nodes


@pytest.fixture
def cluster(
    table_ii: Database, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> Database:
    """Table II with outlets, a node whose installation stopped, and files of secrets."""
    (verdict,) = orders.create_orders(table_ii, {"compute-0-1": PIN}, by="root", now=NOW)
    assert verdict.order is not None
    audit = Audit("node", "event", "200")
    orders.advance(table_ii, verdict.order, "failed", now=NOW, audit=audit, reason=DISKS)
    set_attribute(table_ii, "outlet_command", "powerman --{action} {node}", Scope())
    monkeypatch.chdir(tmp_path)
    pathlib.Path("bmc-password").write_text("secret\n")
    pathlib.Path("root-password").write_text("$6$salt$" + "a" * 86 + "\n")
    return table_ii


@pytest.mark.programs
@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_the_modules_of_a_page_run(cluster: Database, urls: Urls, path: pathlib.Path) -> None:
    for words in command_lines(path.read_text()):
        assert words[0] in PROGRAMS, words
        if words[0] != "ansible":
            continue
        if words[2:] == ["--list-hosts"]:
            assert words[1] in patterns(cluster), words
            continue
        call = module_call(words)
        if not call.module.startswith("rocks_"):
            assert call.module in BUILT_IN
            continue
        assert option_errors(call) == [], words
        nodes = patterns(cluster)
        assert call.pattern in nodes, words
        if is_run(call):
            url = urls.reader if call.module.endswith("_info") else urls.administrator
            options = {**call.options, "database": url}
            if call.pattern != "localhost":
                options["nodes"] = nodes[call.pattern]
            check = call.check or call.module == "rocks_power"
            result = run(call.module, options, check=check)
            assert "failed" not in result or not result["failed"], (words, result["msg"])


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_the_variables_of_a_page_are_read(path: pathlib.Path) -> None:
    text = path.read_text()
    for words in command_lines(text):
        if words[0] == "ansible-playbook":
            play = playbook(words)
            assert play.path.exists()
            assert set(play.variables) <= (variables_of(play.path) or set()), words
    for block in blocks(text, "yaml"):
        playbook_name = "frontend" if "/etc/rocks/frontend.yml" in block else "rebuild-dist"
        known = variables_of(ROOT / f"playbooks/{playbook_name}.yml")
        assert set(yaml.safe_load(block)) <= (known or set())


@pytest.mark.programs
@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_the_node_files_of_a_page_compile(path: pathlib.Path, tmp_path: pathlib.Path) -> None:
    for block in blocks(path.read_text(), "xml"):
        (name,) = re.findall(r"^<!-- /etc/rocks/xml/(\S+) -->", block)
        (tmp_path / "graphs").mkdir(exist_ok=True)
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(block)
        result = run(
            "rocks_kickstart",
            root="compute",
            release="rhel9",
            path=[str(ROOT / "xml"), str(tmp_path)],
            attributes={**NODE, **ORDER},
        )
        assert "failed" not in result, result["msg"]
        commands = re.findall(r"<post>\n(.*?)</post>", block, re.DOTALL)[0]
        plain = [
            line for line in commands.splitlines() if line.strip() and not set("<$") & set(line)
        ]
        assert plain and all(line in result["kickstart"] for line in plain)


def test_each_page_is_in_the_index_and_fits_on_a_screen() -> None:
    index = (FOLDER / "README.md").read_text()
    for path in PAGES:
        assert f"({path.name})" in index
        assert len(path.read_text().splitlines()) <= SCREEN, path.name


def headings(path: pathlib.Path) -> set[str]:
    """Return the anchors of a page, as GitHub makes them."""
    lines = re.findall(r"^#+ (.*)$", path.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", line.lower()).replace(" ", "-") for line in lines}


@pytest.mark.parametrize("path", [FOLDER / "README.md", *PAGES], ids=lambda path: path.stem)
def test_the_links_of_a_page_lead_somewhere(path: pathlib.Path) -> None:
    for target, anchor in re.findall(r"\]\(([\w./-]+)(?:#([\w-]+))?\)", path.read_text()):
        page = path.parent / target
        assert page.exists(), target
        assert not anchor or anchor in headings(page), f"{target}#{anchor}"
