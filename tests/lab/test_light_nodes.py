# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Nodes without virtual machines: the same stage 1 and installer, in namespaces."""

from __future__ import annotations

import pathlib
from concurrent.futures import ThreadPoolExecutor
from typing import Iterator

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils import process
from lab import cache
from lab.evidence import Laps
from lab.image.tree import tree
from lab.light.machine import switched_on
from lab.light.node import LightNode, light_node
from lab.plain import INSTALL, URL, Frontend, frontend
from support import rpms
from support.namespaces import Network
from support.waiting import until

KICKSTART = (cache.LAB / "kickstarts/light.cfg").read_text()
MACHINE = (
    (cache.LAB / "kickstarts/machine.cfg").read_text().replace("@KEY@", "ssh-ed25519 AAAA test")
)
NODES = [(f"52:54:00:00:00:{number:02x}", f"10.1.255.{255 - number}") for number in range(1, 9)]
MAC, ADDRESS = NODES[0]
INSTALL_SECONDS = 300.0


@pytest.fixture
def fe(
    net: Network, folder: pathlib.Path, web_content: dict[str, pathlib.Path]
) -> Iterator[Frontend]:
    hosts = {mac: f"{address},compute-0-{number}" for number, (mac, address) in enumerate(NODES)}
    with frontend(net, folder / "frontend", hosts, web_content) as plain:
        yield plain


@pytest.fixture
def node(net: Network, folder: pathlib.Path) -> LightNode:
    return light_node(net, folder / "node", MAC)


def installed_packages(root: pathlib.Path) -> set[str]:
    argv = [
        "rpm",
        "--root",
        str(root),
        "--dbpath",
        "/var/lib/rpm",
        "-qa",
        "--queryformat",
        "%{NAME}\\n",
    ]
    return set(process.run(argv, timeout=60).stdout.split())


def test_eight_nodes_install_at_once_and_then_boot_their_disks(
    net: Network, folder: pathlib.Path, fe: Frontend, laps: Laps
) -> None:
    nodes = [light_node(net, folder / f"n{number}", mac) for number, (mac, _) in enumerate(NODES)]
    fe.kickstarts = {address: KICKSTART for _, address in NODES}
    laps.restart()
    with ThreadPoolExecutor(len(nodes)) as power:
        assert list(power.map(lambda node: node.run(INSTALL_SECONDS), nodes)) == ["reboot"] * 8
        laps.lap("eight light nodes installed")
        assert fe.installed == {address for _, address in NODES}
        assert list(power.map(lambda node: node.run(INSTALL_SECONDS), nodes)) == ["local disk"] * 8
    for number, node in enumerate(nodes):
        assert {"bash", "coreutils", "curl", "glibc", "lab-release"} <= installed_packages(
            node.root
        )
        assert (node.root / "etc/hostname").read_text() == f"compute-0-{number}\n"


def test_a_light_node_follows_the_kickstart_of_a_machine(
    fe: Frontend, node: LightNode, laps: Laps
) -> None:
    fe.reinstall(ADDRESS, MACHINE)
    laps.restart()
    assert node.run(INSTALL_SECONDS) == "reboot"
    laps.lap("a light node with the packages of a machine installed")
    etc = node.root / "etc"
    assert (node.root / "root/.ssh/authorized_keys").read_text() == "ssh-ed25519 AAAA test\n"
    assert (etc / "systemd/system/multi-user.target.wants/sshd.service").is_symlink()
    assert (etc / "localtime").readlink() == pathlib.Path("../usr/share/zoneinfo/Etc/UTC")
    assert "root:!*" in (etc / "shadow").read_text()
    assert "reqpart" in (node.root / "root/disks").read_text(), (
        "%pre reads a blank disk, and %post --nochroot keeps its file"
    )
    assert list(node.root.glob("boot/initramfs-*.img"))


def test_an_installed_node_boots_its_system_and_keeps_its_state_when_reinstalled(
    fe: Frontend, node: LightNode, laps: Laps
) -> None:
    fe.reinstall(ADDRESS, MACHINE)
    (node.root / "state").mkdir()
    laps.restart()
    with switched_on(node) as machine:

        def is_up(times: int) -> bool:
            machine.check()
            return len(fe.requests(ADDRESS, "/event/up")) == times

        until(lambda: is_up(1), INSTALL_SECONDS, "the node to be up")
        laps.lap("a light node has power, installs, boots and is up")
        assert machine.run("systemctl", "is-system-running", "--wait") == "running\n"
        assert float(machine.run("cat", "/proc/uptime").split()[0]) < laps.lap(
            "its units have started"
        )
        machine.run("touch", "/state/kept", "/root/soft")
        fe.reinstall(ADDRESS, MACHINE)
        machine.run("systemctl", "reboot")
        until(lambda: is_up(2), INSTALL_SECONDS, "the node to be up again")
        laps.lap("it has restarted into the installer and is up again")
        assert machine.run("ls", "/state") == "kept\n" and not (node.root / "root/soft").exists()
    assert machine.boots == ["reboot", "system", "reboot", "power cut"]


def test_variables_and_conditions_of_a_boot_script_work_as_in_ipxe(
    fe: Frontend, node: LightNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting = (
        "#!ipxe\necho ${hostname} waits\nisset ${tries} || set tries:int32 0\ninc tries\n"
        "iseq ${tries} 3 && exit 1 ||\ndhcp || reboot\nchain {url}/boot.ipxe || reboot\n"
    )
    monkeypatch.setattr("lab.plain.INSTALL", waiting.replace("{url}", URL))
    fe.kickstarts[ADDRESS] = KICKSTART
    assert node.run(INSTALL_SECONDS) == "local disk"
    assert len(fe.requests(ADDRESS, "/boot.ipxe")) == 3
    monkeypatch.setattr("lab.plain.INSTALL", "#!ipxe\niseq ${platform} efi && exit 1 || exit\n")
    assert node.run(INSTALL_SECONDS) == "local disk"


@pytest.mark.parametrize(
    ("release", "words"),
    [
        pytest.param(
            "8.10",
            {"timezone Etc/UTC --utc": "timezone Etc/UTC --utc --ntpservers=10.1.1.1"},
            id="el8",
        ),
        pytest.param(
            "9.4", {"rootpw --lock": "rootpw --lock\ntimesource --ntp-server=10.1.1.1"}, id="el9"
        ),
        pytest.param(
            "10.0", {"rootpw --lock": "rootpw --lock\ntimesource --ntp-server=10.1.1.1"}, id="el10"
        ),
    ],
)
def test_each_release_installs_itself_from_its_own_kickstart(
    net: Network, folder: pathlib.Path, fe: Frontend, release: str, words: dict[str, str]
) -> None:
    fe.folders["tree"] = tree(release)
    text = KICKSTART
    for old, new in words.items():
        text = text.replace(old, new)
    fe.reinstall(ADDRESS, text)
    node = light_node(net, folder / "node", MAC)
    assert node.run(INSTALL_SECONDS) == "reboot"
    assert (node.root / "etc/redhat-release").read_text() == f"Lab Enterprise Linux {release}\n"
    assert (node.root / "etc/chrony.conf").read_text().startswith("server 10.1.1.1 iburst\n")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        pytest.param(
            "zerombr", "autopart", 'the command "autopart" is not supported', id="unknown command"
        ),
        pytest.param(
            "--grow",
            "--grow --encrypted",
            'the option "--encrypted" is not supported',
            id="unknown option",
        ),
        pytest.param(
            "timezone Etc/UTC --utc",
            "timezone Etc/UTC --isUtc --nonsense",
            "--nonsense",
            id="syntax",
        ),
        pytest.param(
            "curl\n%end",
            "no-such-package\n%end",
            "missing packages: no-such-package",
            id="missing package",
        ),
        pytest.param(
            "bootloader",
            "%include /tmp/nothing\nbootloader",
            "Unable to open input kickstart file",
            id="missing include",
        ),
        pytest.param(
            "reboot",
            "reboot\n%pre --erroronfail\nexit 3\n%end",
            "kickstart script at line",
            id="failed %pre",
        ),
    ],
)
def test_a_faulty_kickstart_stops_the_installation_before_anything_is_installed(
    fe: Frontend, node: LightNode, old: str, new: str, message: str
) -> None:
    fe.reinstall(ADDRESS, KICKSTART.replace(old, new, 1))
    with pytest.raises(RuntimeError, match="THE INSTALLER HAS STOPPED"):
        node.run(INSTALL_SECONDS)
    assert message in node.console_text()
    assert not (node.root / "usr/bin/bash").exists()
    assert fe.installed == set()


ONERROR = "%onerror\ncurl --silent --max-time 20 http://10.1.1.1/event/failed\n%end\n"
NEVER_ASK = ("text\n", "text --non-interactive\n")


def stop(fe: Frontend, node: LightNode, text: str) -> str:
    """Install a node until it stops; return what its tmux session has copied of the screen."""
    watching = "%pre\ntmux pipe-pane -o -t anaconda:main 'cat >>/mnt/sysroot/screen'\n%end\n"
    fe.reinstall(ADDRESS, text + watching + ONERROR)
    with pytest.raises(RuntimeError, match="THE INSTALLER HAS STOPPED"):
        node.run(INSTALL_SECONDS)
    return (node.root / "screen").read_text(encoding="utf-8")


def test_an_error_without_questions_runs_the_error_script(fe: Frontend, node: LightNode) -> None:
    text = KICKSTART.replace("curl\n%end", "no-such-package\n%end", 1)
    screen = stop(fe, node, text.replace(*NEVER_ASK, 1))
    assert "missing packages: no-such-package. \n" in screen
    assert fe.requests(ADDRESS, "/event/failed")


def test_a_question_waits_for_ever(fe: Frontend, node: LightNode) -> None:
    screen = stop(fe, node, KICKSTART.replace("curl\n%end", "no-such-package\n%end", 1))
    assert screen.endswith("Please respond 'yes' or 'no': ")
    assert not fe.requests(ADDRESS, "/event/failed")


def test_a_failed_script_waits_for_ever_even_without_questions(
    fe: Frontend, node: LightNode
) -> None:
    text = KICKSTART.replace(*NEVER_ASK, 1) + "%post --erroronfail\nexit 7\n%end\n"
    screen = stop(fe, node, text)
    assert screen.endswith("Press ENTER to exit: ")
    assert "This is a fatal error and" not in screen, "the dialog is wrapped"
    assert not fe.requests(ADDRESS, "/event/failed")


def test_scripts_in_the_new_root_have_the_installers_run(fe: Frontend, node: LightNode) -> None:
    scripts = "%pre\nmkdir /run/shared\n%end\n%post --erroronfail\ntest -d /run/shared\n%end\n"
    fe.reinstall(ADDRESS, KICKSTART + scripts)
    assert node.run(INSTALL_SECONDS) == "reboot"


def test_an_unsigned_package_is_rejected_where_signatures_are_required(
    net: Network,
    folder: pathlib.Path,
    fe: Frontend,
    node: LightNode,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    repository = rpms.repository(
        folder / "own", [rpms.Rpm("site-settings", files={"/etc/motd": "hello\n"})]
    )
    fe.folders["own"] = repository
    text = KICKSTART.replace("network ", f"repo --name=own --baseurl={URL}/own\nnetwork ", 1)
    monkeypatch.setattr(
        "lab.plain.INSTALL", _with_argument(f"inst.lab.gpgkey={URL}/tree/RPM-GPG-KEY-lab")
    )
    fe.reinstall(ADDRESS, text)
    assert node.run(INSTALL_SECONDS) == "reboot", "the distribution's own packages are signed"
    fe.reinstall(ADDRESS, text.replace("curl\n%end", "curl\nsite-settings\n%end", 1))
    refused = light_node(net, folder / "refused", MAC)
    with pytest.raises(RuntimeError, match="THE INSTALLER HAS STOPPED"):
        refused.run(INSTALL_SECONDS)
    assert "site-settings" in refused.console_text() and "not accepted" in refused.console_text()


def test_the_screen_is_a_tmux_session_with_the_windows_of_anaconda(
    fe: Frontend, node: LightNode
) -> None:
    watching = (
        "%pre\n"
        "tmux list-windows -t anaconda -F '#{window_index} #{window_name}' >/run/windows\n"
        "tmux pipe-pane -o -t anaconda:main 'cat >>/run/screen'\n"
        "%end\n"
        "%post --nochroot\n"
        "cp /run/windows /run/screen /mnt/sysroot/root/\n"
        "%end\n"
    )
    fe.reinstall(ADDRESS, KICKSTART + watching)
    assert node.run(INSTALL_SECONDS) == "reboot"
    windows = (node.root / "root/windows").read_text()
    assert windows == "1 main\n2 shell\n3 log\n4 storage-log\n5 program-log\n"
    screen = (node.root / "root/screen").read_text()
    count = len(installed_packages(node.root))
    assert f"({count}/{count})" in screen
    for line in (
        "Installing bash.x86_64 (",
        "Configuring installed system",
        "Running post-installation scripts",
    ):
        assert line in screen


def _with_argument(word: str) -> str:
    return INSTALL.replace("inst.ks.sendmac", f"inst.ks.sendmac {word}")
