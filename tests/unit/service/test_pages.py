"""The pages answer an administrator: facts of a node, failures, their remedy, racks, search."""

from __future__ import annotations

import pathlib
import re
import shlex

import pytest
import yaml

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.networking.interfaces import (
    put_interface,
)
from ansible_collections.npaci.rocks.plugins.module_utils.install import orders
from ansible_collections.npaci.rocks.plugins.module_utils.install.model import Audit, Order
from ansible_collections.npaci.rocks.plugins.module_utils.install.states import OrderState
from ansible_collections.npaci.rocks.plugins.module_utils.service.web.failure_advice import (
    ADVICE,
    DEFAULT,
    advise,
)
from support.ansible import ROOT
from support.distributions import Site
from support.frontend import GENERATION, NOW, HttpService
from support.pages import read
from support.rpms import Rpm, repository

ADMIN = "127.0.0.1"
AUDIT = Audit("node", "test", "200")


def texts(service: HttpService, path: str) -> list[str]:
    return [text.strip() for text in read(service.get(path, ADMIN).text).texts]


def advance_through(db: Database, order: Order, *states: OrderState, reason: str = "") -> None:
    for state in states:
        order = orders.advance(
            db, order, state, now=NOW, audit=AUDIT, reason=reason if state == "failed" else ""
        )


def test_a_nodes_page_has_its_interfaces_its_way_through_the_graph_and_commands(
    service: HttpService, cluster: Database, order: Order
) -> None:
    put_interface(cluster, "compute-0-0", "bmc", kind="bmc", mac="02:00:00:00:00:01")
    shown = texts(service, "/rocks/nodes/compute-0-0")
    for text in ("bmc", "02:00:00:00:00:01", "base", "nodes/base.xml"):
        assert text in shown, text
    assert "ansible compute-0-0 -m rocks_reinstall" in shown
    assert "ansible-playbook playbooks/console.yml -e nodes=compute-0-0" in shown


def test_a_frontend_has_no_command_that_reinstalls_it(service: HttpService) -> None:
    assert "rocks_reinstall" not in service.get("/rocks/nodes/frontend-0", ADMIN).text


@pytest.mark.parametrize(
    ("found", "text"), [("a", "no drift"), ("b", "its packages differ from those installed")]
)
def test_a_nodes_page_has_its_drift(
    service: HttpService, cluster: Database, order: Order, found: str, text: str
) -> None:
    advance_through(cluster, order, "installing", "installed", "up")
    assert "have not been checked" in service.get("/rocks/nodes/compute-0-0", ADMIN).text
    cluster.execute("update installs set manifest = 'a', found = ?, checked = ?", (found, NOW))
    assert f"{text}, checked {NOW} UTC" in texts(service, "/rocks/nodes/compute-0-0")


def test_a_failed_node_has_its_likely_cause_and_a_command(
    service: HttpService, cluster: Database, order: Order
) -> None:
    advance_through(cluster, order, "installing", "failed", reason="no space left on device")
    for path in ("/", "/rocks/nodes/compute-0-0"):
        shown = texts(service, path)
        assert advise("no space left on device").cause in shown
        assert "ansible localhost -m rocks_profile_info -a 'node=compute-0-0'" in shown


@pytest.mark.parametrize(
    ("reason", "part"),
    [
        ("suspect: the secrets were requested a second time", "rearm"),
        ("the machine restarted in the middle of the installation (install 3 of 9)", "reinstall"),
        ("it came up with generation x instead of y", "reinstall"),
        ("missing packages: nosuchpackage", "rocks_dist_info"),
        (
            "cannot fetch the installation's programs from http://10.1.1.1/x: curl: (22) 404",
            "verify=true",
        ),
        ("%post munge failed with exit status 9: chown: invalid user", "rocks_install_info"),
        ("the driver myri 1.2 was not built", "rocks_install_info"),
        ("Unknown command: nosuchcommand", "rocks_install_info"),
        ("", "rocks_install_info"),
    ],
)
def test_every_reason_has_advice(reason: str, part: str) -> None:
    assert part in advise(reason).command


def commands(service: HttpService) -> set[str]:
    """Return every command that the pages can show."""
    pages = ("/", "/rocks/nodes/compute-0-0")
    shown = {
        command
        for path in pages
        for command in re.findall(
            r'<code class="command"[^>]*>([^<]+)', service.get(path, ADMIN).text
        )
    }
    advice = {item.command.format(node="compute-0-0") for _pattern, item in ADVICE}
    return {*(text.replace("&#39;", "'") for text in shown), *advice, DEFAULT.command}


def documented_options(module: str) -> set[str]:
    """Return the options of a module, with those of all fragments."""
    plugins = ROOT / "plugins"
    files = [plugins / "modules" / f"{module}.py", *(plugins / "doc_fragments").glob("*.py")]
    documents = (
        yaml.safe_load(match)
        for file in files
        for match in re.findall(r'DOCUMENTATION = r"""(.*?)"""', file.read_text(), re.DOTALL)
    )
    return {option for document in documents for option in document.get("options", {})}


def test_commands_name_existing_modules_options_and_playbooks(
    service: HttpService, cluster: Database, order: Order
) -> None:
    found = commands(service)
    advance_through(cluster, order, "installing", "installed", "up")
    for command in found | commands(service):
        words = shlex.split(command)
        if words[0] == "ansible":
            module = words[words.index("-m") + 1]
            options = documented_options(module)
            arguments = shlex.split(words[words.index("-a") + 1]) if "-a" in words else []
            for argument in arguments:
                assert argument.split("=")[0] in options, command
        elif words[0] == "ansible-playbook":
            assert (ROOT / words[1]).exists()
        else:
            assert words[0] == "ssh", command


def test_a_rack_is_shown_from_its_top(service: HttpService) -> None:
    shown = texts(service, "/rocks/racks")
    assert shown.index("Rack 0") < shown.index("compute-0-3") < shown.index("compute-0-0")
    assert shown.index("compute-0-0") < shown.index("Rack 1") < shown.index("web-1-0")


@pytest.mark.parametrize(
    "text",
    ["compute-0-0", "00:50:8B:E0:3A:A7", "10.255.255.245", "ServerCo", "SN-4711", "no space"],
)
def test_search_finds_whatever_belongs_to_a_node(
    service: HttpService, cluster: Database, order: Order, text: str
) -> None:
    advance_through(cluster, order, "installing", "failed", reason="no space left")
    cluster.execute(
        "insert into hardware (node, cpus, memory, vendor, serial, counted)"
        " values (4, 1, 1, 'ServerCo', 'SN-4711', ?)",
        (NOW,),
    )
    shown = texts(service, f"/rocks/search?q={text}")
    assert "compute-0-0" in shown
    assert "compute-0-1" not in shown


@pytest.mark.parametrize(
    "text", ["%", "_", "!", "\\", "'", '"', "<b>", "?", "x' or '1'='1", "\u20ac"]
)
def test_special_characters_of_a_search_are_plain_text(
    service: HttpService, cluster: Database, order: Order, text: str
) -> None:
    response = service.request("GET", "/rocks/search", ADMIN, QUERY_STRING=f"q={text}")
    assert response.status == 200
    read(response.text)
    assert "compute-0-0" not in response.text


def test_a_generation_has_the_places_of_its_sources(
    service: HttpService, root: pathlib.Path
) -> None:
    site = Site(root.parent)
    os_packages = site.mirror("os", [Rpm("bash", "5", "1"), Rpm("zlib", "1", "1")])
    local = site.directory("local", [Rpm("app", "1", "1")])
    generation = site.build("rocks", os_packages, local).generation

    shown = texts(service, f"/rocks/generation/rocks/x86_64/{generation.identity}")

    start = shown.index(str(local.path)) - 2
    assert shown[start : start + 3] == ["local", "1", local.path]
    start = shown.index(str(os_packages.path)) - 2
    assert shown[start : start + 3] == ["os", "2", os_packages.path]


def test_search_finds_packages_and_lines_of_node_files(
    service: HttpService, order: Order, root: pathlib.Path
) -> None:
    tree = root / ".generations" / "rocks" / "x86_64" / GENERATION
    repository(tree, [Rpm("bash", "5.1.8", "6"), Rpm("zlib", "1.2", "3")])
    node_file = tree / "build" / "nodes" / "site.xml"
    node_file.parent.mkdir(exist_ok=True)
    node_file.write_text("<kickstart>\n  <package>bash</package>\n</kickstart>\n")

    shown = texts(service, "/rocks/search?q=BASH")

    assert "bash.noarch 5.1.8-6" in shown
    assert "rocks x86_64 nodes/site.xml:2" in shown
    assert "<package>bash</package>" in shown
    assert not [text for text in shown if "zlib" in text]


def test_an_empty_search_finds_nothing(service: HttpService) -> None:
    assert "compute-0-0" not in service.get("/rocks/search", ADMIN).text
