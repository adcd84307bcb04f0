# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What goes wrong around an installation: services, disks, power, requests that must not be answered, a dead node."""

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
GHOST_MAC, GHOST, GHOST_ADDRESS = "52:54:00:00:00:02", "compute-0-1", "10.1.255.253"
BMC = "10.1.3.1"
ROOT_LABEL, WRONG_LABEL = "RK_ROOT", "OTHERS_ROOT"
SOME_PACKAGES = 10


def test_what_goes_wrong_around_an_installation_ends_as_it_should(
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
        restart_the_web_server_by_itself(fe)
        enter(fe, node.mac, GHOST_MAC)
        outlive_what_goes_away(story)
        story.mark()
        refuse_a_disk_that_is_not_whole(story)
        lose_power_in_the_middle(story, net)
        describe(fe, bmc)
        come_back_from_the_dead(story, net)
        laps.lap("all faults are over", node.cpu_seconds())


def enter(fe: Frontend, *macs: str) -> None:
    """The machines of a list, with an order each."""
    fe.playbook("insert-ethers", {"source": list(macs), "count": len(macs)})


def restart_the_web_server_by_itself(fe: Frontend) -> None:
    """Who kills nginx keeps nodes waiting for moments, not until somebody comes."""
    fe.run("systemctl", "kill", "--signal=KILL", "nginx")
    until(lambda: status(fe, "/rocks/health") == "200", SECONDS, "nginx to be back")


def outlive_what_goes_away(story: Story) -> None:
    """DHCP, the database and the web server are away for a minute each, while they are wanted."""
    fe, node = story.fe, story.node
    story.laps.restart()
    node.power_on()
    story.wait_for("booted")
    with away(fe, "kea-dhcp4-server"):
        node.wait_for_console("asking for a lease", SECONDS)
        wait_a_minute(time.monotonic())
        assert "eth0 has" not in node.said()
    node.wait_for_console(f"eth0 has {ADDRESS}", SECONDS)
    story.lap("DHCP was away for a minute, and there is a lease")
    story.wait_for("installing")
    with away(fe, "mariadb"):
        node.wait_for_console("anaconda stand-in started", SECONDS)
        wait_a_minute(time.monotonic())
        assert status(fe, "/rocks/kickstart") == "503"
        assert "Setting up the installation environment" not in node.said(), (
            "it waits for its secrets"
        )
    node.wait_for_console("Setting up the installation environment", SECONDS)
    story.lap("the database was away for a minute, and the secrets are there")
    wait_for_packages(story)
    with away(fe, "nginx"):
        before = installed(node)
        wait_a_minute(time.monotonic())
        assert packages(story) < installed(node) > before, "nothing is heard, and it goes on"
    story.lap("the web server was away for a minute")
    for state in ("installed", "up"):
        story.wait_for(state)
    story.check(LOCAL.version)


def refuse_a_disk_that_is_not_whole(story: Story) -> None:
    """A file system of the cluster has another label: nothing is written, and the reason is told."""
    device = story.ssh("findmnt --noheadings --output SOURCE /").strip()
    assert story.ssh(f"blkid -p -s LABEL -o value {device}") == f"{ROOT_LABEL}\n"
    story.ssh(f"e2label {device} {WRONG_LABEL}; sync")
    story.laps.restart()
    send(story.fe)
    assert ROOT_LABEL in failure(story)
    story.lap("a wrong label is refused and reported")
    story.node.power_cycle()
    until(lambda: answers(story), INSTALL_SECONDS, "the old system to answer")
    assert story.ssh(f"cat {STATE} /root/gone") == "state\nsoft\n"
    story.ssh(f"e2label {device} {ROOT_LABEL}; sync")
    story.lap("the old system is up, and has all that it had")


def lose_power_in_the_middle(story: Story, net: Network) -> None:
    """The node is switched off while packages are installed: it comes back to a torso that does not boot, once."""
    send(story.fe)
    story.laps.restart()
    story.wait_for("installing")
    wait_for_packages(story)
    story.node.power_off()
    before, asked = len(story.node.said()), boots(story.fe)
    story.node.power_on()
    since = time.monotonic()
    assert failure(story).startswith("the machine restarted in the middle of the installation (")
    story.lap("power was lost in the middle, and the order has failed")
    refuse_what_is_asked_twice_or_too_late(story.fe, ghost(net, GHOST_MAC, GHOST_ADDRESS))
    story.lap("a second kickstart and an expired order are refused")
    wait_a_minute(since)
    story.node.screenshot(story.node.folder / "torso.png")
    assert boots(story.fe) == asked + 1, "it does not loop"
    assert "login:" not in story.node.said()[before:], "and does not boot what is not whole"


def refuse_what_is_asked_twice_or_too_late(fe: Frontend, asking: Ghost) -> None:
    """The kickstart is given once, and again only while the answer may have been lost; an order ends with its time."""
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
    """Say where the node's controller is, and as whom it is asked."""
    for module, words in (
        ("rocks_interface", f"node={NAME} name=bmc kind=bmc ip={bmc.address}"),
        ("rocks_attribute", f"name=bmc_user value={bmc.user} appliance=compute"),
        ("rocks_attribute", "name=ipmi_cipher value=3 appliance=compute"),
        ("rocks_secret", f"name=bmc_password value={bmc.password} appliance=compute"),
    ):
        fe.run("ansible", "localhost", "-m", module, "-a", words)


def come_back_from_the_dead(story: Story, net: Network) -> None:
    """The torso is switched by its controller; the frontend loses power meanwhile, and goes on where it was."""
    story.laps.restart()
    assert "by ipmi" in send(story.fe, "power=true")
    story.lap("the dead node was switched by its controller")
    story.wait_for("installing")
    wait_for_packages(story)
    again = Story(restart(net, story.fe), story.node, story.laps)
    again.lap("the frontend has lost its power, and is back")
    again.fe.run("ansible", NAME, "-m", "rocks_reinstall", timeout=INSTALL_SECONDS)
    assert last_order(again.fe, NAME)["state"] == "up"
    again.lap("the same command went on, and the node is up")
    again.check(LOCAL.version)
    again.check_marks()


def status(fe: Frontend, path: str) -> str:
    """What the web server says to the frontend itself; 000 when nobody does."""
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
    """Order the node and send it into the installer, and do not wait for it."""
    return fe.run(
        "ansible",
        NAME,
        "-m",
        "rocks_reinstall",
        "-a",
        " ".join(["force=true", "wait=false", *words]),
    )


def last_order(fe: Frontend, name: str) -> dict[str, str]:
    """A node's last order."""
    columns = ("uuid", "state", "reason", "phase", "done")
    query = f"select {', '.join(columns)} from installs where node = (select id from nodes where name = '{name}')"
    ((*values,),) = fe.sql(f"{query} order by id desc limit 1")
    return dict(zip(columns, values))


def packages(story: Story) -> int:
    """How many packages the frontend has heard of."""
    order = last_order(story.fe, NAME)
    return int(order["done"]) if order["phase"] == "install" else 0


def installed(node: Machine) -> int:
    """How many packages the node's screen has named; there it is installed once so far."""
    return node.said().count("] Installing ")


def wait_for_packages(story: Story) -> None:
    story.node.wait(
        lambda: packages(story) >= SOME_PACKAGES, INSTALL_SECONDS, "some packages to be installed"
    )


def failure(story: Story) -> str:
    """Why the order failed, as soon as it has."""
    until(
        lambda: last_order(story.fe, NAME)["state"] == "failed",
        INSTALL_SECONDS,
        "the order to fail",
    )
    return last_order(story.fe, NAME)["reason"]


def boots(fe: Frontend) -> int:
    """How often the node has asked what to boot."""
    ((count,),) = fe.sql(
        f"select count(*) from audit where action = 'boot' and address = '{ADDRESS}'"
    )
    return int(count)


def answers(story: Story) -> bool:
    """Can root log in?"""
    try:
        return bool(story.ssh("true") or True)
    except CommandError:
        return False
