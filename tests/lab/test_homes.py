# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Home directories: a node mounts what the frontend's report exports when a user opens it.

The lab's frontends are containers on a kernel that may have no NFS server. So one installed machine
has both roles: the server in its kernel, and a node in a network namespace.
"""

from __future__ import annotations

import pathlib
import shlex

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.errors import CommandError
from ansible_collections.npaci.rocks.plugins.module_utils.reports.model import Snapshot
from lab.evidence import Laps
from lab.machine.machine import machine
from lab.plain import frontend
from lab.ssh import Key, new_key
from support.namespaces import Network
from support.profiles import kickstart, scripts, written_files
from support.reports import described, snapshot, text  # noqa: F401

from .test_machines import ADDRESS, HOSTS, KICKSTART, NODE, install

HOME = "10.9.0.1"
RELEASE = "rhel9"  # in Table II's network
SERVER = f"""
mkdir -p /export/home/alice
echo hello >/export/home/alice/greeting
chown -R 1000:1000 /export/home/alice
chmod 700 /export/home/alice
switch() {{
    ip netns add $1; ip link add $1 type veth peer name eth9 netns $1
    ip -n $1 link set lo up; ip -n $1 link set eth9 up; ip link set $1 up
}}
switch node
ip address add {HOME}/16 dev node; ip -n node address add 10.9.255.254/16 dev eth9
switch stranger
ip address add 192.0.2.1/24 dev stranger; ip -n stranger address add 192.0.2.2/24 dev eth9
systemctl start nfs-server
exportfs -v
"""
# The commands of a user on the node, in one shell, because its mounts end with it.
USER = """
automount
alice() { setpriv --reuid=1000 --regid=1000 --clear-groups "$@"; }
alice cat /home/alice/greeting
alice tee /home/alice/made <<<new
findmnt --noheadings --output FSTYPE,SOURCE /home/alice
ls /home/alice 2>&1 || true
ls /home/no-such-user 2>&1 || true
"""


def put(key: Key, net: Network, files: dict[str, str]) -> None:
    for path, content in files.items():
        line = f"mkdir -p {pathlib.PurePath(path).parent}; printf %s {shlex.quote(content)} >{path}"
        key.run(net.server, ADDRESS, line)


def test_a_home_is_mounted_for_its_user_and_refused_to_root_and_to_other_networks(
    net: Network,
    folder: pathlib.Path,
    web_content: dict[str, pathlib.Path],
    laps: Laps,
    snapshot: Snapshot,  # noqa: F811
) -> None:
    profile = kickstart("compute", RELEASE, home_server=HOME)
    (autofs,) = [script.text for script in scripts(profile, RELEASE) if script.node == "autofs"]
    key = new_key(folder)
    kickstart_text = KICKSTART.replace("@KEY@", key.public).replace("-autofs", "autofs\nnfs-utils")
    with (
        frontend(net, folder / "frontend", HOSTS, web_content) as fe,
        machine(net, folder / "node", NODE) as node,
    ):
        fe.reinstall(ADDRESS, kickstart_text)
        laps.restart()
        node.power_on()
        install(node, fe, laps)
        put(
            key,
            net,
            {
                "/etc/exports.d/rocks.exports": text("exports", snapshot),
                **dict(written_files(autofs)),
            },
        )
        exports = key.run(net.server, ADDRESS, f"set -e; {SERVER}")
        assert (
            "/export/home" in exports and "10.0.0.0/8(" in exports and "root_squash" in exports
        ), exports
        output = key.run(
            net.server, ADDRESS, "ip netns exec node bash -ec " + shlex.quote(USER)
        ).splitlines()
        assert output[:2] == ["hello", "new"], output
        assert output[2].split() == ["nfs4", f"{HOME}:/export/home/alice"], output
        assert output[3].endswith("Permission denied"), "root of a node has no access to homes"
        assert output[4].endswith("No such file or directory"), output
        assert key.run(net.server, ADDRESS, "cat /export/home/alice/made") == "new\n"
        with pytest.raises(CommandError, match="access denied"):
            key.run(
                net.server,
                ADDRESS,
                "ip netns exec stranger mount -t nfs 192.0.2.1:/export/home /mnt",
            )
