# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Run Kea, ISC dhcpd or dnsmasq without any known machine, each with its log in a file.

They have no pool, unless a test requests one (``lends``).
"""

from __future__ import annotations

import contextlib
import json
import pathlib
from typing import Iterator, Mapping

from .daemons import Daemon
from .namespaces import BRIDGE, Network

READY_SECONDS = 15.0

POOL = ("10.1.2.1", "10.1.2.99")
DHCPD = """authoritative; ddns-update-style none;
subnet 10.1.0.0 netmask 255.255.0.0 {{ option routers 10.1.1.1; {pool} }}
"""
DNSMASQ = f"""port=0
interface={BRIDGE}
bind-interfaces
dhcp-range={{pool}},255.255.0.0,12h
log-dhcp
log-facility=-
user=root
"""
READY: Mapping[str, str] = {
    "kea": "DHCP4_STARTED",
    "dhcpd": "Server starting service",
    "dnsmasq": "sockets bound exclusively",
}


@contextlib.contextmanager
def dhcp_server(
    name: str, network: Network, folder: pathlib.Path, *, lends: bool = False
) -> Iterator[Daemon]:
    """Run ``kea``, ``dhcpd`` or ``dnsmasq`` on the bridge of the network.

    With ``lends`` it gives addresses of a pool to unknown machines.
    """
    argv, env = _COMMANDS[name](folder, lends)
    with network.server.daemon(argv, folder / f"{name}.log", env=env) as running:
        running.wait_for(READY[name], READY_SECONDS)
        yield running


def _kea(folder: pathlib.Path, lends: bool) -> tuple[list[str], dict[str, str]]:
    loggers = [
        {
            "name": "kea-dhcp4",
            "severity": "INFO",
            "output_options": [{"output": "stdout", "flush": True}],
        }
    ]
    configuration = {
        "interfaces-config": {"interfaces": [BRIDGE]},
        "lease-database": {"type": "memfile", "persist": False},
        "subnet4": [
            {"id": 1, "subnet": "10.1.0.0/16", "pools": [{"pool": "-".join(POOL)}] if lends else []}
        ],
        "loggers": loggers,
    }
    (folder / "kea.conf").write_text(json.dumps({"Dhcp4": configuration}), encoding="utf-8")
    folders = {"KEA_PIDFILE_DIR": str(folder), "KEA_LOCKFILE_DIR": str(folder)}
    return ["kea-dhcp4", "-c", str(folder / "kea.conf")], folders


def _dhcpd(folder: pathlib.Path, lends: bool) -> tuple[list[str], dict[str, str]]:
    pool = f"range {' '.join(POOL)};" if lends else ""
    (folder / "dhcpd.conf").write_text(DHCPD.format(pool=pool), encoding="utf-8")
    (folder / "dhcpd.leases").touch()
    files = [
        "-cf",
        f"{folder}/dhcpd.conf",
        "-lf",
        f"{folder}/dhcpd.leases",
        "-pf",
        f"{folder}/dhcpd.pid",
    ]
    return ["dhcpd", "-4", "-f", "-d", *files, BRIDGE], {}


def _dnsmasq(folder: pathlib.Path, lends: bool) -> tuple[list[str], dict[str, str]]:
    pool = ",".join(POOL) if lends else "10.1.0.0,static"
    (folder / "dnsmasq.conf").write_text(
        DNSMASQ.format(pool=pool)
        + f"dhcp-leasefile={folder}/dnsmasq.leases\npid-file={folder}/dnsmasq.pid\n",
        encoding="utf-8",
    )
    return ["dnsmasq", "-C", f"{folder}/dnsmasq.conf", "-k"], {}


_COMMANDS = {"kea": _kea, "dhcpd": _dhcpd, "dnsmasq": _dnsmasq}
