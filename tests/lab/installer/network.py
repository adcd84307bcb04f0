# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Write the network commands as files of systemd-networkd.

The stand-in distribution has systemd-networkd instead of NetworkManager.
"""

from __future__ import annotations

import ipaddress
import pathlib
import re
import socket
from typing import Any, Iterable

from . import screen
from .model import InstallError
from .programs import SYSROOT

FOLDER = "etc/systemd/network"
MAC = re.compile(r"([0-9a-f]{2}:){5}[0-9a-f]{2}$", re.IGNORECASE)
INSTALLING = pathlib.Path("/run/install/interface")


def write(commands: Iterable[Any]) -> None:
    """Write the host name and the configuration of all interfaces in the kickstart."""
    folder = SYSROOT / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    named = [
        command for command in commands if command.device or command.bootProto or command.hostname
    ]
    hostname = (
        next((command.hostname for command in named if command.hostname), "")
        or socket.gethostname()
    )
    if hostname and hostname != "(none)":
        (SYSROOT / "etc/hostname").write_text(f"{hostname}\n")
    interfaces = [command for command in named if command.device or command.bootProto]
    for number, command in enumerate(interfaces or [None], 20):
        for suffix, text in _files(command).items():
            path = folder / f"{number}-kickstart.{suffix}"
            path.write_text(text)
            screen.log("anaconda", f"network: {path.name} written")
    _write_resolver(interfaces)


def _files(command: Any) -> dict[str, str]:
    """Return the files of one interface by suffix; None means DHCP on the boot interface."""
    if command is None:
        return {"network": f"[Match]\n{_match('link')}\n[Network]\nDHCP=ipv4\n"}
    if command.bondslaves or command.vlanid:
        raise InstallError(
            "network: bonds and VLANs are checked, but not written by the installer of the lab."
        )
    network = [_addressing(command), *(f"DNS={server}" for server in _servers(command))]
    if command.gateway and not command.nodefroute:
        network.append(f"Gateway={command.gateway}")
    if command.noipv6:
        network.append("LinkLocalAddressing=no")
    link = [f"MTUBytes={command.mtu}"] if command.mtu else []
    if not command.onboot:
        link.append("ActivationPolicy=manual")
    # A second card without a cable must not delay the boot.
    link.append(f"RequiredForOnline={'yes' if command.onboot and command.activate else 'no'}")
    sections = [["[Match]", _match(command.device)], ["[Link]", *link], ["[Network]", *network]]
    if command.nodefroute:
        sections.append(["[DHCPv4]", "UseGateway=no"])
    return {"network": "\n".join(line for section in sections for line in section) + "\n"}


def _match(device: str) -> str:
    if not device or device in ("link", "bootif", "ibft"):
        device = (
            (pathlib.Path("/sys/class/net") / INSTALLING.read_text().strip() / "address")
            .read_text()
            .strip()
        )
    return f"MACAddress={device}" if MAC.match(device) else f"Name={device}"


def _addressing(command: Any) -> str:
    if command.bootProto == "static":
        if not command.ip or not command.netmask:
            raise InstallError("network --bootproto=static: --ip and --netmask are required.")
        return f"Address={ipaddress.ip_interface(f'{command.ip}/{command.netmask}').with_prefixlen}"
    if command.bootProto not in ("", "dhcp"):
        raise InstallError(
            f"network --bootproto={command.bootProto} is not supported by the installer of the lab."
        )
    return "DHCP=ipv4"


def _servers(command: Any) -> list[str]:
    return [server for server in (command.nameserver or "").split(",") if server]


def _write_resolver(commands: list[Any]) -> None:
    """Write the kickstart's name servers, else those of the installer's lease.

    networkd without resolved writes no resolv.conf.
    """
    servers = [server for command in commands for server in _servers(command)]
    leased = pathlib.Path("/run/install/resolv.conf")
    text = "".join(f"nameserver {server}\n" for server in servers) or (
        leased.read_text() if leased.exists() else ""
    )
    path = SYSROOT / "etc/resolv.conf"
    path.unlink(missing_ok=True)
    path.write_text(text)
