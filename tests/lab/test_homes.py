# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Home directories: what the frontend's report lends is mounted where a node's kickstart says, when somebody looks.

The lab's frontends are containers on a kernel that may have no NFS server. So one installed machine is both ends here:
its own kernel's server, and a node in a network namespace beside it.
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

HOME, RELEASE = "10.9.0.1", "rhel9"  # in Table II's network
SERVER = f"""
mkdir -p /export/home/alice
echo hello >/export/home/alice/greeting
chown -R 1000:1000 /export/home/alice
chmod 700 /export/home/alice
switch() {{ ip netns add $1; ip link add $1 type veth peer name eth9 netns $1; ip -n $1 link set lo up; ip -n $1 link set eth9 up; ip link set $1 up; }}
switch node; ip address add {HOME}/16 dev node; ip -n node address add 10.9.255.254/16 dev eth9
switch stranger; ip address add 192.0.2.1/24 dev stranger; ip -n stranger address add 192.0.2.2/24 dev eth9
systemctl start nfs-server
exportfs -v
"""
# What a user on the node does; a namespace of mounts lasts as long as its shell.
USER = """
automount
alice() { setpriv --reuid=1000 --regid=1000 --clear-groups "$@"; }
alice cat /home/alice/greeting
alice tee /home/alice/made <<<new
findmnt --noheadings --output FSTYPE,SOURCE /home/alice
ls /home/alice 2>&1 || true
ls /home/nobody-at-all 2>&1 || true
"""


def put(key: Key, net: Network, files: dict[str, str]) -> None:
    for path, content in files.items():
        line = f"mkdir -p {pathlib.PurePath(path).parent}; printf %s {shlex.quote(content)} >{path}"
        key.run(net.server, ADDRESS, line)


def test_a_user_finds_his_home_on_a_node_and_others_do_not(
    net: Network,
    folder: pathlib.Path,
    served: dict[str, pathlib.Path],
    laps: Laps,
    snapshot: Snapshot,  # noqa: F811
) -> None:
    profile = kickstart("compute", RELEASE, home_server=HOME)
    (autofs,) = [script.text for script in scripts(profile, RELEASE) if script.node == "autofs"]
    key = new_key(folder)
    wanted = KICKSTART.replace("@KEY@", key.public).replace("-autofs", "autofs\nnfs-utils")
    with (
        frontend(net, folder / "frontend", HOSTS, served) as fe,
        machine(net, folder / "node", NODE) as node,
    ):
        fe.reinstall(ADDRESS, wanted)
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
        shown = key.run(net.server, ADDRESS, f"set -e; {SERVER}")
        assert "/export/home" in shown and "10.0.0.0/8(" in shown and "root_squash" in shown, shown
        said = key.run(
            net.server, ADDRESS, "ip netns exec node bash -ec " + shlex.quote(USER)
        ).splitlines()
        assert said[:2] == ["hello", "new"], said
        assert said[2].split() == ["nfs4", f"{HOME}:/export/home/alice"], said
        assert said[3].endswith("Permission denied"), "root of a node is nobody in a user's home"
        assert said[4].endswith("No such file or directory"), said
        assert key.run(net.server, ADDRESS, "cat /export/home/alice/made") == "new\n"
        with pytest.raises(CommandError, match="access denied"):
            key.run(
                net.server,
                ADDRESS,
                "ip netns exec stranger mount -t nfs 192.0.2.1:/export/home /mnt",
            )
