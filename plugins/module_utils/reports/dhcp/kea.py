# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The configuration of Kea's DHCPv4 server (kea-dhcp4.conf), in the words of the release that will read it.

On MariaDB Kea reads the nodes itself, through a view (`keaview`); the file is then its second source, which it asks
first, so that known nodes are served while the database is away.  Elsewhere the file is the only source.
"""

from __future__ import annotations

from typing import Any, Mapping, NamedTuple, Sequence

from ...errors import DescriptionError
from ..model import Files, Site, Snapshot
from . import dhcp_intent, kea_views
from .boot_files import IPXE_USER_CLASS
from .dhcp_intent import Boot, DhcpIntent, Reservation, Subnet

TEMPLATE = "{{ config | json }}\n"
# Packets that wait for a thread. Kea's own 64 lose most of a thousand DISCOVERs that come at once, and machines that were
# not answered ask again later and later: 5 s became 2 s, and for 5,000 machines 33 s became 6 s.
QUEUE = 512
LEASE_COMMANDS, MYSQL = "libdhcp_lease_cmds.so", "libdhcp_mysql.so"
SOURCES = ("auto", "view+file", "view", "file")
BOOTS = ("always", "ordered")
IPXE_CLASS, NO_BOOT_CLASS = "ipxe", "no-boot"

OPTIONS: Mapping[str, Any] = {
    **dhcp_intent.OPTIONS,
    "interfaces": [],  # where Kea listens: the private side's
    "path": "/etc/kea/kea-dhcp4.conf",
    "release": "",  # empty: that of the installed Kea
    "source": "auto",  # view+file on MariaDB, else file
    "boot": "always",  # or ordered: no boot file without a live install order
    "threads": 4,
    "socket": "",  # empty: where this release has it
    "log": "stdout",
    "severity": "INFO",
    "leases": "",  # empty: where Kea has them
    "hooks": "",  # the folder of Kea's hook libraries; empty: where packages have them
    "view": kea_views.DATABASE,
    "schema": "",  # empty: what the installed Kea demands
    "account": "",  # empty: the system's user that Kea runs as
    "credentials": "",  # an option file with the account's password; empty: it needs none on this host
}


class Syntax(NamedTuple):
    """What a release calls things that others call differently, or do not have.

    additional, only_additional  the key of a subnet's additional classes, and the mark of a class that is one
    pool_class, pool_classes  the key of a pool's client class, and whether it takes a list
    hook       whether the MySQL back end is a library of its own; else it is built in
    hooks_without_folder       hook libraries are named without their folder
    """

    release: tuple[int, int]
    output_options: str = "output_options"
    additional: str = "require-client-classes"
    only_additional: str = "only-if-required"
    pool_class: str = "client-class"
    pool_classes: bool = False
    socket_list: bool = False
    socket: str = "/run/kea/kea4-ctrl-socket"
    retry_on_startup: bool = False
    mysql_is_hook: bool = False
    hooks_without_folder: bool = False


# Kea's ChangeLog and administrator's manual.  The newest row that is not newer than the daemon counts.
RELEASES = (
    Syntax((2, 0)),
    Syntax((2, 6), output_options="output-options", retry_on_startup=True),
    Syntax(
        (3, 0),
        output_options="output-options",
        additional="evaluate-additional-classes",
        only_additional="only-in-additional-list",
        pool_class="client-classes",
        pool_classes=True,
        socket_list=True,
        socket="/var/run/kea/kea4-ctrl-socket",
        retry_on_startup=True,
        mysql_is_hook=True,
        hooks_without_folder=True,
    ),
)


def render(snapshot: Snapshot, site: Site) -> Files:
    """kea-dhcp4.conf."""
    options, syntax = site.options, syntax_of(site.options["release"])
    source = source_of(site)
    config = {"Dhcp4": _server(dhcp_intent.build_intent(snapshot, site), syntax, site, source)}
    return {options["path"]: site.templates.render("kea-dhcp4.conf", TEMPLATE, config=config)}


def syntax_of(release: str) -> Syntax:
    """The words of a release.  Raises DescriptionError for one that we never spoke with."""
    numbers = tuple(int(part) for part in release.split(".")[:2] if part.isdigit())
    known = [row for row in RELEASES if row.release <= numbers]
    if not known:
        raise DescriptionError(
            f"Kea {release!r} is not known", "", "2.0 or newer; the option `release` says which"
        )
    return known[-1]


def source_of(site: Site) -> str:
    """Where Kea finds the nodes.  Raises DescriptionError for options that do not go together."""
    source, boot = str(site.options["source"]), str(site.options["boot"])
    for name, value, known in (("source", source, SOURCES), ("boot", boot, BOOTS)):
        if value not in known:
            raise DescriptionError(f"{name} is {value!r}", "", f"one of {', '.join(known)}")
    reads_sql = site.database.engine == "mysql"
    if source == "auto":
        source = "file" if not reads_sql else "view" if boot == "ordered" else "view+file"
    if "view" in source and not reads_sql:
        raise DescriptionError(
            f"source is {source!r}, and the database is not MariaDB", "", "say `source: file`"
        )
    if boot == "ordered" and source != "view":
        raise DescriptionError(
            f"boot is 'ordered' and source is {source!r}",
            "",
            "only the view knows orders at once: say `source: view`",
        )
    return source


def _server(intent: DhcpIntent, syntax: Syntax, site: Site, source: str) -> dict[str, Any]:
    options = site.options
    config = {
        "user-context": {
            "comment": "Written by rocks_report from the cluster database; changes here are lost."
        },
        "interfaces-config": {"interfaces": dhcp_intent.listen_interfaces(site)},
        **_control(options["socket"] or syntax.socket, syntax),
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
        "subnet4": [_subnet(one, intent.boots, syntax, source) for one in intent.subnets],
        "hooks-libraries": _hooks(options["hooks"], syntax, source),
        "loggers": [
            _logger("kea-dhcp4", options["severity"], options, syntax),
            _logger(
                "kea-dhcp4.options", "WARN", options, syntax
            ),  # else a line for each class of each packet
        ],
    }
    return (
        {**config, "hosts-database": _hosts_database(site, syntax)} if "view" in source else config
    )


def _control(socket: str, syntax: Syntax) -> dict[str, Any]:
    control = {"socket-type": "unix", "socket-name": socket}
    return {"control-sockets": [control]} if syntax.socket_list else {"control-socket": control}


def _hooks(folder: str, syntax: Syntax, source: str) -> list[dict[str, str]]:
    """The libraries that forget a lease on command, and that read MariaDB where that is not built in."""
    names = [LEASE_COMMANDS, *([MYSQL] if syntax.mysql_is_hook and "view" in source else [])]
    return [
        {"library": name if syntax.hooks_without_folder else f"{folder}/{name}"} for name in names
    ]


def _logger(name: str, severity: str, options: Mapping[str, Any], syntax: Syntax) -> dict[str, Any]:
    return {"name": name, "severity": severity, syntax.output_options: [{"output": options["log"]}]}


def _hosts_database(site: Site, syntax: Syntax) -> dict[str, Any]:
    """How Kea reads the view, and that it never gives up when the database goes away."""
    options, database = site.options, site.database
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
    """Which firmware gets which file.  They exclude each other, and count in the subnets alone that list them.

    ordered  only for a node with an install order
    """
    only = (
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
            "test": only + ipxe,
            "boot-file-name": intent.script,
        },
    ]
    only += f"not member('{IPXE_CLASS}') and "
    return classes + [{**_class(boot, only), syntax.only_additional: True} for boot in intent.boots]


def _class(boot: Boot, only: str) -> dict[str, Any]:
    test = " or ".join(f"option[93].hex == 0x{code:04x}" for code in boot.architectures)
    made: dict[str, Any] = {"name": boot.name, "test": f"{only}({test})"}
    if not boot.http:
        return {**made, "boot-file-name": boot.file}
    # UEFI's HTTP boot takes an answer only when it says HTTPClient too, and reads the URL from the option.
    return {
        **made,
        "option-data": [
            {"name": "vendor-class-identifier", "data": "HTTPClient", "always-send": True},
            {"name": "boot-file-name", "data": boot.file, "always-send": True},
        ],
    }


def _subnet(subnet: Subnet, boots: Sequence[Boot], syntax: Syntax, source: str) -> dict[str, Any]:
    made: dict[str, Any] = {
        "id": subnet.id,
        "subnet": subnet.network,
        "pools": [_pool(subnet.pool, syntax)] if subnet.pool else [],
        "option-data": _options(subnet),
        "reservations": [
            _host(one) for one in subnet.reservations if source != "view" or not one.is_node
        ],
    }
    if subnet.boots:
        made[syntax.additional] = [IPXE_CLASS, *(boot.name for boot in boots)]
    return {**made, "next-server": subnet.server} if subnet.server else made


def _host(one: Reservation) -> dict[str, Any]:
    host: dict[str, Any] = {"hw-address": one.mac, "ip-address": one.ip, "hostname": one.name}
    return {**host, "client-classes": [NO_BOOT_CLASS]} if one.no_boot else host


def _pool(pool: tuple[str, ...], syntax: Syntax) -> dict[str, Any]:
    """Addresses for machines that nobody knows, and for nobody else."""
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
