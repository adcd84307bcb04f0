# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Profiles on a light node: real packages, a real systemctl; for a compute node the real service.

The kickstart has every %pre and %post twice, and records the node's files after each of them.
"""

from __future__ import annotations

import contextlib
import json
import pathlib
import re
import socket
import threading
import wsgiref.simple_server
from typing import Any, Iterator, Mapping

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.values.attributes import (
    set_attribute,
)
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.values.secret_values import (
    set_secret,
)
from ansible_collections.npaci.rocks.plugins.module_utils.install import orders
from ansible_collections.npaci.rocks.plugins.module_utils.install.model import Order
from ansible_collections.npaci.rocks.plugins.module_utils.service.app import create_app
from ansible_collections.npaci.rocks.plugins.module_utils.service.node_values import tree_url
from ansible_collections.npaci.rocks.plugins.module_utils.settings import Settings
from lab.distribution.sources import sources
from lab.evidence import Laps
from lab.light.node import light_node
from lab.plain import ADDRESS, URL, frontend
from support.cluster import Urls
from support.frontend import NOW, HttpService, publish
from support.namespaces import Network
from support.profiles import ORDER, PROGRAMS, kickstart, shipped_files
from support.waiting import until

MAC = "52:54:00:00:00:01"
IP = "10.1.255.254"
PORT = 8080
INSTALL_SECONDS = 400.0
REPORT_SECONDS = 60.0
# Attributes of a site for machines with a disk of 10 GiB.
SITE = {
    "root_size": "4000",
    "swap_size": "256",
    "state_size": "128",
    "private_network": "10.0.0.0/8",
    "frontend_address": ADDRESS,
    "frontend_name": "frontend-0",
    "home_server": ADDRESS,
    "ntp_server": ADDRESS,
    "root_public_key": "ssh-ed25519 AAAA test",
}
THIRD_PARTY = f"\nrepo --name=third-party --baseurl={URL}/third-party\nlang "
MUNGE_KEY = "0123456789abcdef" * 4

SECTION = re.compile(r"^%(pre|post)\b.*?^%end\n", re.MULTILINE | re.DOTALL)
# Records mode, owner and content of all files in folders of the node, except those that background
# programs write.
RECORDER = """\
%pre --interpreter=/usr/bin/python3
import pathlib

pathlib.Path("/run/twice").mkdir()
pathlib.Path("/run/record-files").write_text('''\\
import hashlib, json, os, stat, sys

files_by_path = {}
for top in sys.argv[2:]:
    for folder, folders, files in os.walk(top):
        for path in (os.path.join(folder, name) for name in folders + files):
            state = os.lstat(path)
            content = os.readlink(path) if stat.S_ISLNK(state.st_mode) else ""
            if stat.S_ISREG(state.st_mode):
                content = hashlib.sha256(open(path, "rb").read()).hexdigest()
            if not path.endswith((".log", ".pid", "/screen")):
                files_by_path[path] = [state.st_mode, state.st_uid, state.st_gid, content]
with open("/run/twice/" + sys.argv[1], "w") as file:
    json.dump(files_by_path, file)
''')
%end
"""
NODE_FOLDERS = " ".join(
    f"/mnt/sysimage/{folder}" for folder in ("etc", "usr/libexec", "state", "root", "var/lib")
)
COPY_RECORDS = "%post --nochroot\ncp -r /run/twice /mnt/sysimage/root/\n%end\n"


def repeat_scripts(kickstart: str) -> tuple[str, list[str]]:
    """Return the kickstart with every script twice, and the header of each script."""
    headers: list[str] = []

    def repeat(match: re.Match[str]) -> str:
        number = len(headers)
        headers.append(match.group().partition("\n")[0])
        section = "%pre" if match.group(1) == "pre" else "%post --nochroot"
        folders = "/run/rocks" if match.group(1) == "pre" else NODE_FOLDERS
        runs = [
            f"{match.group()}\n{section}\n"
            f"python3 /run/record-files {number:02}-{run} {folders}\n%end\n"
            for run in (1, 2)
        ]
        return "\n".join(runs)

    return RECORDER + SECTION.sub(repeat, kickstart) + COPY_RECORDS, headers


def with_programs(web_content: dict[str, pathlib.Path]) -> dict[str, pathlib.Path]:
    """Return the folders of the web server, with our programs and the third-party packages."""
    return {**web_content, "third-party": sources() / "third-party", "programs": PROGRAMS}


def in_the_lab(text: str, tree: str) -> str:
    """Return a kickstart whose tree and programs are those of the lab's web server."""
    text = text.replace(f"{tree}/build/programs", f"{URL}/programs")
    return text.replace(tree, f"{URL}/tree").replace("\nlang ", THIRD_PARTY, 1)


class Handler(wsgiref.simple_server.WSGIRequestHandler):
    """Passes the source port to the application, as nginx does."""

    def get_environ(self) -> dict[str, Any]:
        return {**super().get_environ(), "REMOTE_PORT": str(self.client_address[1])}

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextlib.contextmanager
def service(net: Network, settings: Settings) -> Iterator[None]:
    """Run the HTTP service on the frontend's address."""
    server = wsgiref.simple_server.WSGIServer((ADDRESS, PORT), Handler, bind_and_activate=False)
    server.socket.close()
    server.socket = net.server.call(lambda: socket.create_server((ADDRESS, PORT)))
    server.server_name = ADDRESS
    server.server_port = PORT
    server.setup_environ()
    server.set_app(create_app(settings, now=lambda: NOW))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def files_changed(root: pathlib.Path, headers: list[str]) -> dict[str, list[str]]:
    """Return script -> the files that its second run changed."""
    changes = {}
    for number, header in enumerate(headers):
        first, second = (
            json.loads((root / f"root/twice/{number:02}-{run}").read_text()) for run in (1, 2)
        )
        paths = sorted(path for path in {*first, *second} if first.get(path) != second.get(path))
        if paths:
            changes[header] = paths
    return changes


def describe(database: Database) -> None:
    """Describe the node and the site in the database."""
    database.execute("update nodes set mac = ?, ip = ? where name = 'compute-0-0'", (MAC, IP))
    for name, value in SITE.items():
        set_attribute(database, name, value)
    set_secret(database, "munge_key", MUNGE_KEY)


def ordered_kickstart(
    folder: pathlib.Path, database: Database, urls: Urls, files: Mapping[str, str]
) -> tuple[Settings, Order, str]:
    """Order compute-0-0 with these profiles; return the settings, the order and its kickstart."""
    describe(database)
    settings = Settings(
        database=urls.administrator,
        distributions=str(folder / "install"),
        url=f"http://{ADDRESS}:{PORT}",
    )
    pin = publish(folder / "install", files=files, attributes={**SITE, "arch": "x86_64"})
    (result,) = orders.create_orders(database, {"compute-0-0": pin}, by="root", now=NOW)
    assert result.order is not None
    response = HttpService(settings).get("/rocks/kickstart", IP)
    assert response.status == 200, response.text
    return settings, result.order, in_the_lab(response.text, tree_url(settings, pin))


def test_every_script_of_a_compute_node_succeeds_and_changes_nothing_in_a_second_run(
    net: Network,
    folder: pathlib.Path,
    web_content: dict[str, pathlib.Path],
    table_ii: Database,
    urls: Urls,
    laps: Laps,
) -> None:
    settings, order, text = ordered_kickstart(folder, table_ii, urls, shipped_files())
    text, headers = repeat_scripts(text)

    node = light_node(net, folder / "node", MAC)
    state = node.root / "state/partition1"
    state.mkdir(parents=True)
    laps.restart()
    with (
        service(net, settings),
        frontend(net, folder / "fe", {MAC: f"{IP},compute-0-0"}, with_programs(web_content)) as fe,
    ):
        fe.kickstarts[IP] = text
        assert node.run(INSTALL_SECONDS) == "reboot"
    laps.lap("a light node with the profile of a compute node installed")

    log = (node.root / "var/log/anaconda/program.log").read_text()
    statuses = re.findall(r"kickstart script at line \d+: status (\d+)", log)
    assert (len(statuses), set(statuses)) == (4 * len(headers) + 2, {"0"})
    assert files_changed(node.root, headers) == {}

    kept = {path.name for path in (node.root / "var/log/anaconda").glob("ks-script-rocks-*.log")}
    assert {f"ks-script-rocks-{name}.log" for name in ("pre-partition", "watch")} <= kept
    units = node.root / "etc/systemd/system/multi-user.target.wants"
    assert {"slurmd.service", "munge.service", "autofs.service", "rocks-up.service"} <= {
        x.name for x in units.iterdir()
    }
    assert (node.root / "etc/munge/munge.key").read_text() == MUNGE_KEY
    assert (state / "rocks/node.key").stat().st_mode & 0o777 == 0o600
    assert {path.name for path in (state / "rocks/ssh").iterdir()} >= {
        "ssh_host_ed25519_key",
        "ssh_host_rsa_key",
    }
    after = orders.find_by_uuid(table_ii, [order.uuid])[0]
    assert (after.state, after.reason) == ("installed", "")


def test_a_script_that_fails_is_the_reason_of_the_failure(
    net: Network,
    folder: pathlib.Path,
    web_content: dict[str, pathlib.Path],
    table_ii: Database,
    urls: Urls,
) -> None:
    site = """<kickstart>
<post>exit 9</post>
<post arg="--erroronfail">echo no licence
exit 7</post>
</kickstart>"""
    files = {**shipped_files(), "nodes/extend-compute.xml": site}
    settings, order, text = ordered_kickstart(folder, table_ii, urls, files)
    node = light_node(net, folder / "node", MAC)
    (node.root / "state/partition1").mkdir(parents=True)
    with (
        service(net, settings),
        frontend(net, folder / "fe", {MAC: f"{IP},compute-0-0"}, with_programs(web_content)) as fe,
        node.power_on() as machine,
    ):
        fe.kickstarts[IP] = text
        with pytest.raises(RuntimeError, match="THE INSTALLER HAS STOPPED"):
            node.outcome(machine, INSTALL_SECONDS)
        until(
            lambda: orders.find_by_uuid(table_ii, [order.uuid])[0].state == "failed",
            REPORT_SECONDS,
            "the failure to be reported",
        )
    after = orders.find_by_uuid(table_ii, [order.uuid])[0]
    assert after.reason.endswith("failed with exit status 7: no licence")


def test_a_frontend_is_installed_from_its_kickstart_without_an_order(
    net: Network, folder: pathlib.Path, web_content: dict[str, pathlib.Path], laps: Laps
) -> None:
    # Most of a frontend's packages are empty in the lab, so their units cannot be enabled here.
    attributes = {"frontend_private_interface": "eth1", "scheduler": "none", **SITE}
    original = kickstart("frontend", "rhel9", **attributes)
    text, headers = repeat_scripts(in_the_lab(original, ORDER["install_url"]))
    node = light_node(net, folder / "node", MAC)
    laps.restart()
    with frontend(net, folder / "fe", {MAC: f"{IP},frontend-0"}, with_programs(web_content)) as fe:
        fe.kickstarts[IP] = text
        assert node.run(INSTALL_SECONDS) == "reboot"
    laps.lap("a light node with the profile of a frontend installed")
    assert files_changed(node.root, headers) == {}
    assert (
        node.root / "etc/systemd/system/multi-user.target.wants/rocks-frontend.service"
    ).is_symlink()
    assert (
        'frontend_private_interface: "eth1"'
        in (node.root / "etc/rocks/frontend-vars.yml").read_text()
    )
