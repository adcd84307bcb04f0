# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A machine's controller with its own address: IPMI by OpenIPMI's ipmi_sim, Redfish by sushy-tools.

Both are independent implementations of the protocols; they switch the machine's chassis.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import shlex
import shutil
import sys
from dataclasses import dataclass
from typing import Iterator

import bcrypt

from ansible_collections.npaci.rocks.plugins.module_utils import process
from support.namespaces import Namespace, Network
from support.waiting import until

from .. import cache
from .chassis import Chassis

IPMI_PORT = 623
REDFISH_PORT = 443
START_SECONDS = 30.0
ENVIRONMENT = {
    "PYTHONPATH": os.pathsep.join(str(cache.ROOT / name) for name in (".collections", "tests"))
}
AUTHENTICATION = "none md2 md5 straight"
LAN = """\
name "bmc"
set_working_mc 0x20
startlan 1
  addr {address} {port}
  priv_limit admin
  allowed_auths_callback {authentication}
  allowed_auths_user {authentication}
  allowed_auths_operator {authentication}
  allowed_auths_admin {authentication}
  guid a123456789abcdefa123456789abcdef
endlan
chassis_control "{control}"
user 1 false "" "" user 10 {authentication}
user 2 true "{user}" "{password}" admin 10 {authentication}
"""
COMMANDS = """\
mc_setbmc 0x20
mc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02 persist_sdr
sel_enable 0x20 1000 0x0a
mc_enable 0x20
"""


@dataclass(frozen=True)
class Controller:
    """The address and the account that switch a machine."""

    address: str
    port: int
    user: str = "admin"
    password: str = "secret"


@contextlib.contextmanager
def ipmi(net: Network, chassis: Chassis, address: str) -> Iterator[Controller]:
    """Run an IPMI 2.0 controller of ``chassis`` at ``address`` (RMCP+, cipher suite 3)."""
    folder = chassis.folder / "ipmi"
    (folder / "state").mkdir(parents=True)
    controller = Controller(address, IPMI_PORT)
    control = folder / "control"
    command = f"{sys.executable} -m lab.machine.control {shlex.quote(str(chassis.folder))}"
    control.write_text(f'#!/bin/sh\nshift\nexec {command} "$@"\n')
    control.chmod(0o755)
    lan = LAN.format(**vars(controller), authentication=AUTHENTICATION, control=f"{control} 0x20")
    (folder / "lan.conf").write_text(lan)
    (folder / "commands").write_text(COMMANDS)
    # ipmi_sim waits for its standard input by epoll, which does not take /dev/null.
    simulator = f"ipmi_sim -n -c {folder}/lan.conf -f {folder}/commands -s {folder}/state"
    argv = f"sleep infinity | exec {simulator}"
    card = _network_card(net, address)
    with card.daemon(["sh", "-c", argv], folder / "ipmi.log", env=ENVIRONMENT):
        _wait_for_port(card, "-ulnH", IPMI_PORT)
        yield controller


@contextlib.contextmanager
def redfish(net: Network, chassis: Chassis, address: str) -> Iterator[Controller]:
    """Run a Redfish service for ``chassis`` at ``https://address/redfish/v1``, self-signed."""
    folder = chassis.folder / "redfish"
    folder.mkdir()
    controller = Controller(address, REDFISH_PORT)
    hashed = bcrypt.hashpw(controller.password.encode(), bcrypt.gensalt(4)).decode()
    (folder / "users").write_text(f"{controller.user}:{hashed}\n")
    _make_certificate(folder, address)
    argv = [
        sys.executable,
        "-m",
        "lab.machine.redfish",
        str(chassis.folder),
        address,
        str(REDFISH_PORT),
    ]
    card = _network_card(net, address)
    with card.daemon(argv, folder / "redfish.log", env=ENVIRONMENT) as server:
        server.wait_for("Running on", START_SECONDS)
        yield controller
    shutil.rmtree(folder / "state", ignore_errors=True)


def _network_card(net: Network, address: str) -> Namespace:
    """Return a network card for the controller."""
    card = net.client("bmc")
    card.ip("address", "add", f"{address}/16", "dev", "eth0")
    return card


def _wait_for_port(card: Namespace, options: str, port: int) -> None:
    until(
        lambda: f":{port} " in card.run(["ss", options], timeout=START_SECONDS).stdout,
        START_SECONDS,
        f"port {port} of {card.name} to be served",
    )


def _make_certificate(folder: pathlib.Path, address: str) -> None:
    subject = ["-subj", f"/CN={address}", "-addext", f"subjectAltName=IP:{address}"]
    files = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "certificate.pem")]
    argv = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-days",
        "3650",
    ]
    process.run([*argv, *subject, *files], timeout=START_SECONDS)
