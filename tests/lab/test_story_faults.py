# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Faults around an installation: services, disks, power, invalid requests, a dead node."""

from __future__ import annotations

import pathlib
import time

from ansible_collections.npaci.rocks.plugins.module_utils.errors import CommandError
from lab.distribution.sources import LOCAL
from lab.evidence import Laps
from lab.machine.bmc import Controller, ipmi
from lab.machine.hardware import Hardware
from lab.machine.machine import Machine, machine
from lab.story.frontend import Frontend, frontend
from lab.story.ghost import Ghost, ghost
from lab.story.power import away, restart, wait_a_minute, witness
from lab.story.steps import ADDRESS, INSTALL_SECONDS, NAME, SECONDS, STATE, Story
from support.namespaces import Network
from support.waiting import until

NODE = Hardware("52:54:00:00:00:01")
GHOST_MAC = "52:54:00:00:00:02"
GHOST = "compute-0-1"
GHOST_ADDRESS = "10.1.255.253"
BMC = "10.1.3.1"
ROOT_LABEL = "RK_ROOT"
WRONG_LABEL = "OTHERS_ROOT"
SOME_PACKAGES = 10
KICKSTARTS = "select id from audit where action = 'kickstart' and decision = '200'"


def test_an_installation_survives_or_reports_faults_of_services_disks_and_power(
    net: Network, folder: pathlib.Path, laps: Laps
) -> None:
    with (
        frontend(net, folder / "frontend") as fe,
        witness(fe),
        machine(net, folder / "node", NODE) as node,
        ipmi(net, node, BMC) as bmc,
    ):
        laps.lap("the frontend has converged and published a distribution")
        story = Story(fe, node, laps)
        check_that_the_web_server_is_restarted(fe)
        enter(fe, node.mac, GHOST_MAC)
        outlive_stopped_services(story)
        story.mark()
        reject_a_disk_with_a_wrong_label(story)
        lose_power_in_the_middle(story, net)
        describe(fe, bmc)
        recover_by_the_controller(story, net)
        laps.lap("all faults are over", node.cpu_seconds())


def enter(fe: Frontend, *macs: str) -> None:
    """Add the machines of a list, with an order each."""
    fe.playbook("insert-ethers", {"source": list(macs), "count": len(macs)})


def check_that_the_web_server_is_restarted(fe: Frontend) -> None:
    """systemd restarts a killed nginx, so nodes wait only shortly."""
    fe.run("systemctl", "kill", "--signal=KILL", "nginx")
    until(lambda: status(fe, "/rocks/health") == "200", SECONDS, "nginx to be back")


def outlive_stopped_services(story: Story) -> None:
    """Stop DHCP, the database and the web server for a minute each, while a node needs them."""
    fe = story.fe
    node = story.node
    story.laps.restart()
    node.power_on()
    story.wait_for("booted")
    with away(fe, "kea-dhcp4-server"):
        node.wait_for_console("asking for a lease", SECONDS)
        wait_a_minute(time.monotonic())
        assert "eth0 has" not in node.console_text()
    node.wait_for_console(f"eth0 has {ADDRESS}", SECONDS)
    story.lap("DHCP was down for a minute, and the node has a lease")
    until(lambda: fe.sql(KICKSTARTS), SECONDS, "the node to request its kickstart")
    with away(fe, "mariadb"):
        node.wait_for_console("anaconda stand-in started", SECONDS)
        wait_a_minute(time.monotonic())
        assert status(fe, "/rocks/kickstart") == "503"
        assert "Setting up the installation environment" not in node.console_text(), (
            "it waits with its first report"
        )
    node.wait_for_console("Setting up the installation environment", SECONDS)
    story.lap("the database was down for a minute, and the node has its secrets")
    wait_for_packages(story)
    with away(fe, "nginx"):
        before = count_installed(node)
        wait_a_minute(time.monotonic())
        assert count_reported(story) < count_installed(node) > before, (
            "the installation continues without reports"
        )
    story.lap("the web server was down for a minute")
    for state in ("installed", "up"):
        story.wait_for(state)
    story.check(LOCAL.version)


def reject_a_disk_with_a_wrong_label(story: Story) -> None:
    """Change the label of a file system: nothing is written, and the reason is reported."""
    device = story.ssh("findmnt --noheadings --output SOURCE /").strip()
    assert story.ssh(f"blkid -p -s LABEL -o value {device}") == f"{ROOT_LABEL}\n"
    story.ssh(f"e2label {device} {WRONG_LABEL}; sync")
    story.laps.restart()
    send(story.fe)
    assert ROOT_LABEL in failure(story)
    story.lap("a wrong label is rejected and reported")
    story.node.power_cycle()
    until(lambda: answers(story), INSTALL_SECONDS, "the old system to answer")
    assert story.ssh(f"cat {STATE} /root/gone") == "state\nsoft\n"
    story.ssh(f"e2label {device} {ROOT_LABEL}; sync")
    story.lap("the old system is up with all its files")


def lose_power_in_the_middle(story: Story, net: Network) -> None:
    """Cut the power while packages are installed: the node tries to boot once, without a loop."""
    send(story.fe)
    story.laps.restart()
    story.wait_for("installing")
    wait_for_packages(story)
    story.node.power_off()
    before = len(story.node.console_text())
    boots_before = boots(story.fe)
    story.node.power_on()
    since = time.monotonic()
    assert failure(story).startswith("the machine restarted in the middle of the installation (")
    story.lap("power was lost in the middle, and the order has failed")
    reject_second_and_late_requests(story.fe, ghost(net, GHOST_MAC, GHOST_ADDRESS))
    story.lap("a second kickstart and an expired order are rejected")
    wait_a_minute(since)
    story.node.screenshot(story.node.folder / "incomplete.png")
    assert boots(story.fe) == boots_before + 1, "the node does not reboot in a loop"
    assert "login:" not in story.node.console_text()[before:], "the incomplete system does not boot"


def reject_second_and_late_requests(fe: Frontend, asking: Ghost) -> None:
    """Check that a kickstart is sent until the installer has started.

    An expired order is rejected.
    """
    assert f"{GHOST}: installing" in asking.boot()
    status, text = asking.kickstart()
    assert (status, asking.kickstart()) == (200, (200, text))
    order = last_order(fe, GHOST)["uuid"]
    assert asking.post("secrets", {"order": order}) == 200
    assert asking.kickstart()[0] == 409
    assert last_order(fe, GHOST)["state"] == "failed"
    assert "local disk" in asking.boot()

    fe.run("ansible", "localhost", "-m", "rocks_install", "-a", f"name={GHOST} state=repeated")
    assert last_order(fe, GHOST)["state"] == "ordered"
    late = "update installs set expires = '2026-01-01 00:00:00' where live = 1 and node ="
    fe.run("mysql", "cluster", "--execute", f"{late} (select id from nodes where name = '{GHOST}')")
    assert "local disk" in asking.boot()
    assert asking.kickstart()[0] == 409
    assert last_order(fe, GHOST)["state"] == "expired"


def describe(fe: Frontend, bmc: Controller) -> None:
    """Describe the node's controller and its account."""
    for module, words in (
        ("rocks_interface", f"node={NAME} name=bmc kind=bmc ip={bmc.address}"),
        ("rocks_attribute", f"name=bmc_user value={bmc.user} appliance=compute"),
        ("rocks_attribute", "name=ipmi_cipher value=3 appliance=compute"),
        ("rocks_secret", f"name=bmc_password value={bmc.password} appliance=compute"),
    ):
        fe.run("ansible", "localhost", "-m", module, "-a", words)


def recover_by_the_controller(story: Story, net: Network) -> None:
    """Reinstall the dead node by its controller, and cut the frontend's power meanwhile."""
    story.laps.restart()
    assert "by ipmi" in send(story.fe, "power=true")
    story.lap("the dead node was switched by its controller")
    story.wait_for("installing")
    wait_for_packages(story)
    again = Story(restart(net, story.fe), story.node, story.laps)
    again.lap("the frontend was restarted after a power cut")
    again.fe.run("ansible", NAME, "-m", "rocks_reinstall", timeout=INSTALL_SECONDS)
    assert last_order(again.fe, NAME)["state"] == "up"
    again.lap("the same command has continued, and the node is up")
    again.check(LOCAL.version)
    again.check_marks()


def status(fe: Frontend, path: str) -> str:
    """Return the web server's status for the frontend itself; 000 without an answer."""
    argv = [
        "curl",
        "--silent",
        "--output",
        "/dev/null",
        "--write-out",
        "%{http_code}",
        "--max-time",
        "30",
    ]
    return fe.run(*argv, f"http://10.1.1.1{path}", ok=range(256))


def send(fe: Frontend, *words: str) -> str:
    """Order the node and boot it into the installer, without waiting."""
    return fe.run(
        "ansible",
        NAME,
        "-m",
        "rocks_reinstall",
        "-a",
        " ".join(["force=true", "wait=false", *words]),
    )


def last_order(fe: Frontend, name: str) -> dict[str, str]:
    """Return a node's last order."""
    columns = ("uuid", "state", "reason", "phase", "done")
    node = f"(select id from nodes where name = '{name}')"
    query = f"select {', '.join(columns)} from installs where node = {node}"
    ((*values,),) = fe.sql(f"{query} order by id desc limit 1")
    return dict(zip(columns, values))


def count_reported(story: Story) -> int:
    """Return the number of installed packages in the node's last report."""
    order = last_order(story.fe, NAME)
    return int(order["done"]) if order["phase"] == "install" else 0


def count_installed(node: Machine) -> int:
    """Return the number of packages on the node's screen, which shows one installation."""
    return node.console_text().count("] Installing ")


def wait_for_packages(story: Story) -> None:
    story.node.wait(
        lambda: count_reported(story) >= SOME_PACKAGES,
        INSTALL_SECONDS,
        "some packages to be installed",
    )


def failure(story: Story) -> str:
    """Wait until the order has failed; return the reason."""
    until(
        lambda: last_order(story.fe, NAME)["state"] == "failed",
        INSTALL_SECONDS,
        "the order to fail",
    )
    return last_order(story.fe, NAME)["reason"]


def boots(fe: Frontend) -> int:
    """Return how often the node has requested its boot script."""
    ((count,),) = fe.sql(
        f"select count(*) from audit where action = 'boot' and address = '{ADDRESS}'"
    )
    return int(count)


def answers(story: Story) -> bool:
    """Return whether root can log in."""
    try:
        return bool(story.ssh("true") or True)
    except CommandError:
        return False
