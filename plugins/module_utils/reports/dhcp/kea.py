# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The configuration of Kea's DHCPv4 server (kea-dhcp4.conf), in its release's syntax.

With MariaDB, Kea reads the nodes itself from a view (``kea_views``).  It then reads the file first,
so that known nodes are served while the database is unavailable.  Otherwise the file is the only
source.
"""

from __future__ import annotations

from typing import Any, Mapping, NamedTuple, Sequence

from ...errors import DescriptionError
from ..model import Files, Site, Snapshot
from . import dhcp_intent, kea_views
from .boot_files import IPXE_USER_CLASS
from .dhcp_intent import Boot, DhcpIntent, Reservation, Subnet

TEMPLATE = "{{ config | json }}\n"
# Packets that wait for a thread.  Kea's default of 64 loses most of a thousand DISCOVERs that
# arrive at once, and machines without an answer retry at growing intervals: with 512, 5 s became
# 2 s, and 33 s became 6 s for 5,000 machines.
QUEUE = 512
SOCKET = "/run/kea/kea4-ctrl-socket"
SOCKET_FOLDERS = ("/run/kea", "/var/run/kea")  # of packages
LEASE_COMMANDS = "libdhcp_lease_cmds.so"
MYSQL = "libdhcp_mysql.so"
SOURCES = ("auto", "view+file", "view", "file")
BOOTS = ("always", "ordered")
IPXE_CLASS = "ipxe"
NO_BOOT_CLASS = "no-boot"

OPTIONS: Mapping[str, Any] = {
    **dhcp_intent.OPTIONS,
    "interfaces": [],  # of the private side, on which Kea listens
    "path": "/etc/kea/kea-dhcp4.conf",
    "release": "",  # empty: detected
    "source": "auto",  # view+file on MariaDB, else file
    "boot": "always",  # or ordered: no boot file without a live install order
    "threads": 4,
    "socket": "",  # empty: SOCKET
    "log": "stdout",
    "severity": "INFO",
    "leases": "",  # empty: Kea's default
    "hooks": "",  # the folder of Kea's hook libraries; empty: detected
    "view": kea_views.DATABASE,
    "schema": "",  # empty: the version that the installed Kea requires
    "account": "",  # empty: the system user that Kea runs as
    "credentials": "",  # an option file with the account's password; empty: no password
}


class Syntax(NamedTuple):
    """The syntax of a release, where releases differ."""

    release: tuple[int, int]
    output_options: str = "output_options"
    additional: str = "require-client-classes"
    """The key of a subnet's additional classes."""
    only_additional: str = "only-if-required"
    """The key that makes a class an additional one."""
    pool_class: str = "client-class"
    """The key of a pool's client class."""
    pool_classes: bool = False
    """Its value is a list."""
    socket_list: bool = False
    """The control sockets are a list."""
    socket_without_folder: bool = False
    """The control socket is named without its folder, like ``hooks_without_folder``."""
    retry_on_startup: bool = False
    mysql_is_hook: bool = False
    """The MySQL back end is a hook library instead of built in."""
    hooks_without_folder: bool = False
    """Hook libraries are named without their folder."""


# Sources: Kea's ChangeLog and administrator's manual.  The newest row that is not newer than the
# daemon applies.  From 2.6.3 (CVE-2025-32801), Kea accepts a control socket only in the folder that
# it was compiled for, and compares the text: /run/kea on one system, /var/run/kea on another.  A
# name without a folder is right on both.  No supported system has 2.6.0 to 2.6.2.
RELEASES = (
    Syntax((2, 0)),
    Syntax(
        (2, 6), output_options="output-options", socket_without_folder=True, retry_on_startup=True
    ),
    Syntax(
        (3, 0),
        output_options="output-options",
        additional="evaluate-additional-classes",
        only_additional="only-in-additional-list",
        pool_class="client-classes",
        pool_classes=True,
        socket_list=True,
        socket_without_folder=True,
        retry_on_startup=True,
        mysql_is_hook=True,
        hooks_without_folder=True,
    ),
)


def render(snapshot: Snapshot, site: Site) -> Files:
    """Return kea-dhcp4.conf."""
    syntax = syntax_of(site.options["release"])
    intent = dhcp_intent.build_intent(snapshot, site)
    config = {"Dhcp4": _server(intent, syntax, site, source_of(site))}
    return {site.options["path"]: site.templates.render("kea-dhcp4.conf", TEMPLATE, config=config)}


def syntax_of(release: str) -> Syntax:
    """Return the syntax of a release.  Raises DescriptionError for an unsupported one."""
    numbers = tuple(int(part) for part in release.split(".")[:2] if part.isdigit())
    supported = [row for row in RELEASES if row.release <= numbers]
    if not supported:
        hint = "install 2.0 or newer, or set the option `release`"
        raise DescriptionError(f"Kea {release!r} is not supported", "", hint)
    return supported[-1]


def source_of(site: Site) -> str:
    """Return where Kea finds the nodes.  Raises DescriptionError for incompatible options."""
    source = str(site.options["source"])
    boot = str(site.options["boot"])
    for name, value, allowed in (("source", source, SOURCES), ("boot", boot, BOOTS)):
        if value not in allowed:
            hint = f"use one of {', '.join(allowed)}"
            raise DescriptionError(f"{name}: {value!r} is not valid", "", hint)
    reads_sql = site.database.engine == "mysql"
    if source == "auto":
        source = "file" if not reads_sql else "view" if boot == "ordered" else "view+file"
    if "view" in source and not reads_sql:
        what = f"source: {source!r} requires MariaDB"
        raise DescriptionError(what, "", "set `source: file`")
    if boot == "ordered" and source != "view":
        what = f"boot: 'ordered' is not possible with source {source!r}"
        raise DescriptionError(what, "", "set `source: view`; only the view shows orders at once")
    return source


def _server(intent: DhcpIntent, syntax: Syntax, site: Site, source: str) -> dict[str, Any]:
    options = site.options
    config = {
        "user-context": {
            "comment": "Generated by rocks_report from the cluster database;"
            " local changes will be overwritten."
        },
        "interfaces-config": {"interfaces": dhcp_intent.listen_interfaces(site)},
        **_control(options["socket"] or SOCKET, syntax),
        "lease-database": {
            "type": "memfile",
            **({"name": options["leases"]} if options["leases"] else {}),
        },
        "multi-threading": {
            "enable-multi-threading": True,
            "thread-pool-size": options["threads"],
            "packet-queue-size": QUEUE,
        },
        "authoritative": True,
        "match-client-id": False,
        "host-reservation-identifiers": ["hw-address"],
        "reservations-global": False,
        "reservations-in-subnet": True,
        "reservations-out-of-pool": True,
        "ddns-send-updates": False,
        "valid-lifetime": intent.lease,
        "client-classes": _classes(intent, syntax, options["boot"] == "ordered"),
        "subnet4": [_subnet(subnet, intent.boots, syntax, source) for subnet in intent.subnets],
        "hooks-libraries": _hooks(options["hooks"], syntax, source),
        "loggers": [
            _logger("kea-dhcp4", options["severity"], options, syntax),
            # At INFO it logs a line for each class of each packet.
            _logger("kea-dhcp4.options", "WARN", options, syntax),
        ],
    }
    return (
        {**config, "hosts-database": _hosts_database(site, syntax)} if "view" in source else config
    )


def _control(socket: str, syntax: Syntax) -> dict[str, Any]:
    folder, _slash, name = socket.rpartition("/")
    without_folder = syntax.socket_without_folder and folder in SOCKET_FOLDERS
    control = {"socket-type": "unix", "socket-name": name if without_folder else socket}
    return {"control-sockets": [control]} if syntax.socket_list else {"control-socket": control}


def _hooks(folder: str, syntax: Syntax, source: str) -> list[dict[str, str]]:
    """Return the hook libraries: for commands about leases, and if necessary for MariaDB."""
    names = [LEASE_COMMANDS, *([MYSQL] if syntax.mysql_is_hook and "view" in source else [])]
    return [
        {"library": name if syntax.hooks_without_folder else f"{folder}/{name}"} for name in names
    ]


def _logger(name: str, severity: str, options: Mapping[str, Any], syntax: Syntax) -> dict[str, Any]:
    return {"name": name, "severity": severity, syntax.output_options: [{"output": options["log"]}]}


def _hosts_database(site: Site, syntax: Syntax) -> dict[str, Any]:
    """Return the settings of the view; Kea reconnects when the database was unavailable."""
    options = site.options
    database = site.database
    return {
        "type": "mysql",
        "name": options["view"],
        "user": options["account"],
        "host": database.host or "localhost",
        **({"port": database.port} if database.port else {}),
        **({"password": options["password"]} if options.get("password") else {}),
        **({"trust-anchor": database.tls_ca} if database.tls_ca else {}),
        "readonly": True,
        "max-reconnect-tries": 1000000,
        "reconnect-wait-time": 500,
        "on-fail": "serve-retry-continue",
        **({"retry-on-startup": True} if syntax.retry_on_startup else {}),
    }


def _classes(intent: DhcpIntent, syntax: Syntax, ordered: bool) -> list[dict[str, Any]]:
    """Return the client classes that assign boot files to firmware.

    The classes exclude each other, and apply only in the subnets that list them.  With ``ordered``
    they require an install order.
    """
    condition = (
        f"member('{kea_views.ORDERED_CLASS}') and "
        if ordered
        else f"not member('{NO_BOOT_CLASS}') and "
    )
    ipxe = f"(substring(option[77].hex, 0, 4) == '{IPXE_USER_CLASS}' or option[175].exists)"
    classes: list[dict[str, Any]] = [
        {"name": kea_views.ORDERED_CLASS},
        {"name": NO_BOOT_CLASS},
        {
            "name": IPXE_CLASS,
            syntax.only_additional: True,
            "test": condition + ipxe,
            "boot-file-name": intent.script,
        },
    ]
    condition += f"not member('{IPXE_CLASS}') and "
    return classes + [
        {**_class(boot, condition), syntax.only_additional: True} for boot in intent.boots
    ]


def _class(boot: Boot, condition: str) -> dict[str, Any]:
    test = " or ".join(f"option[93].hex == 0x{code:04x}" for code in boot.architectures)
    client_class: dict[str, Any] = {"name": boot.name, "test": f"{condition}({test})"}
    if not boot.http:
        return {**client_class, "boot-file-name": boot.file}
    # UEFI's HTTP boot accepts an answer only if it contains HTTPClient, and reads the URL from the
    # option.
    return {
        **client_class,
        "option-data": [
            {"name": "vendor-class-identifier", "data": "HTTPClient", "always-send": True},
            {"name": "boot-file-name", "data": boot.file, "always-send": True},
        ],
    }


def _subnet(subnet: Subnet, boots: Sequence[Boot], syntax: Syntax, source: str) -> dict[str, Any]:
    config: dict[str, Any] = {
        "id": subnet.id,
        "subnet": subnet.network,
        "pools": [_pool(subnet.pool, syntax)] if subnet.pool else [],
        "option-data": _options(subnet),
        "reservations": [
            _host(host) for host in subnet.reservations if source != "view" or not host.is_node
        ],
    }
    if subnet.boots:
        config[syntax.additional] = [IPXE_CLASS, *(boot.name for boot in boots)]
    return {**config, "next-server": subnet.server} if subnet.server else config


def _host(reservation: Reservation) -> dict[str, Any]:
    host: dict[str, Any] = {
        "hw-address": reservation.mac,
        "ip-address": reservation.ip,
        "hostname": reservation.name,
    }
    return {**host, "client-classes": [NO_BOOT_CLASS]} if reservation.no_boot else host


def _pool(pool: tuple[str, ...], syntax: Syntax) -> dict[str, Any]:
    """Return a pool of addresses for unknown machines only."""
    return {
        "pool": " - ".join(pool),
        syntax.pool_class: ["UNKNOWN"] if syntax.pool_classes else "UNKNOWN",
    }


def _options(subnet: Subnet) -> list[dict[str, str]]:
    pairs = (
        ("routers", subnet.gateway),
        ("domain-name-servers", ", ".join(subnet.nameservers)),
        ("domain-name", subnet.zone),
        ("interface-mtu", str(subnet.mtu or "")),
    )
    return [{"name": name, "data": data} for name, data in pairs if data]
