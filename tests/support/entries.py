# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Strategies for what administrators and nodes enter into the database, right or wrong.

The values are few and close to each other, so that names, addresses and networks collide.
"""

from __future__ import annotations

from typing import Any, Mapping, NamedTuple, Sequence

from hypothesis import strategies as st

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database
from ansible_collections.npaci.rocks.plugins.module_utils.discovery.dhcp_request import DhcpRequest
from ansible_collections.npaci.rocks.plugins.module_utils.discovery.insert import insert
from ansible_collections.npaci.rocks.plugins.module_utils.discovery.model import Placement
from ansible_collections.npaci.rocks.plugins.module_utils.errors import RocksError
from ansible_collections.npaci.rocks.plugins.module_utils.service.model import Denied
from ansible_collections.npaci.rocks.plugins.module_utils.service.node_hardware import (
    store_hardware,
)

from . import modules

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMBAnCmeOcMIsMQExU6ygiGyW7k5YUmtBxBUJ4lEX2Qi"
NOW = "2026-11-22 09:14:05"
DISCOVERY = "discovery"
HARDWARE = "hardware"

MACS = [f"52:54:00:00:00:{number:02x}" for number in range(5)]
ODD_MACS = ["52-54-00-00-00-01", "525400000002", "00:00:00:00:00:00", "x", ""]
PORT = ":".join(["80"] * 20)
NODES = ["compute-0-0", "compute-0-0-eth1", "compute-0-0-bmc"]
ODD_NODES = [
    *("frontend-0", "a" * 63, "a" * 60, "default", "ns", "bmc", "c007", "c7"),
    *("c" + "1" * 40, "c" + "1" * 39 + "2"),
]
INTERFACES = ["eth1", "eth1.20", "eth1-20", "bmc"]
NETWORKS = ["private", "storage"]
SUBNETS: Sequence[Mapping[str, str]] = [
    {"subnet": subnet}
    for subnet in (
        *("10.1.0.0/16", "10.1.0.0/24", "10.0.0.0/8", "10.2.0.0/30", "10.2.0.4/31", "10.2.0.8/32"),
        *("192.168.4.0/22", "169.254.0.0/16"),
    )
]
ODD_SUBNETS: Sequence[Mapping[str, str]] = [
    {"subnet": "127.0.0.0/8"},
    {"subnet": "224.0.0.0/8"},
    {"subnet": "0.0.0.0/0"},
    {"subnet": "8.0.0.0/6"},
    {"subnet": "10.1.0.1/24"},
    {"subnet": "10.2.0.0", "netmask": "255.255.255.0"},
    {"subnet": "10.2.0.0", "netmask": "0.0.0.255"},
    {"subnet": "10.2.0.0", "netmask": "255.0.255.0"},
]
# Of the frontend, the first node and its interface (BEGINNING), and others.
ADDRESSES = ["10.1.0.1", "10.1.255.254", "10.1.255.253", "10.1.0.200", "10.2.0.1", "10.2.0.4"]
ODD_ADDRESSES = [
    *("10.1.0.0", "10.1.0.255", "10.1.255.255", "10.2.0.3", "10.2.0.8", "127.0.0.1"),
    *("172.16.0.1", "192.168.7.255"),
]
ZONES = ["", "cluster", "bmc.cluster", "1.2", ".".join(["a" * 62] * 3)]
ODD_ZONES = ["10.in-addr.arpa", "1.10.in-addr.arpa", "localhost", ".".join(["a" * 63] * 3), "a..b"]
MEMBERSHIPS = ["Compute", "Frontend", "Ethernet Switches", "GPU Nodes"]
APPLIANCES = ["compute", "frontend", "network", "gpu"]
ATTRIBUTES: Mapping[str, list[str]] = {
    "network": [*NETWORKS, ""],
    "frontend_address": [*ADDRESSES, *ODD_ADDRESSES, "frontend", ""],
    "name_pattern": ["{appliance}-{rack}-{rank}", "c{rank:03}", "compute-0-0-eth{rank}", "{rank}"],
    "power_unit": ["network-0-0", "compute-0-0", "bmc", "nobody", 'a"b', ""],
    "power_outlet": ["1", "2", '3"', "", "a b"],
    "power_device": ["apc", "", "../apc", "a b"],
    "ssh_host_ed25519_key": [KEY, f"{KEY} root@x", KEY[:-4], "ssh-rsa AAAA", ""],
}


class Entry(NamedTuple):
    """A call of a module, or what a machine sends (``discovery``, ``hardware``)."""

    module: str
    options: Mapping[str, Any]

    def enter(self, database: Database) -> bool:
        """Return whether it was accepted.  Raises what is not an error message."""
        if self.module == DISCOVERY:
            placement = Placement(**self.options["placement"])
            return bool(insert(database, [DhcpRequest(self.options["mac"])], placement).enrolled)
        if self.module == HARDWARE:
            return _report_hardware(database, self.options)
        result = modules.run(self.module, self.options, database=database.location.url)
        return not result.get("failed")


def _report_hardware(database: Database, options: Mapping[str, Any]) -> bool:
    node = database.row("select id from nodes where name = ?", (options["node"],))
    if node is None:
        return False
    try:
        store_hardware(database, node[0], options["counts"], NOW)
    except (Denied, RocksError):
        return False
    return True


@st.composite
def _options(
    draw: st.DrawFn,
    required: Mapping[str, st.SearchStrategy[Any]],
    optional: Mapping[str, st.SearchStrategy[Any]],
) -> dict[str, Any]:
    """Draw options; a quarter of ``optional`` is set."""
    options = {name: draw(values) for name, values in required.items()}
    for name, values in optional.items():
        if draw(st.integers(0, 3)) == 0:
            options[name] = draw(values)
    return options


def _mostly(common: Sequence[Any], rare: Sequence[Any]) -> st.SearchStrategy[Any]:
    """Draw a common value three times in four."""
    return st.integers(0, 3).flatmap(lambda choice: st.sampled_from(common if choice else rare))


_name = _mostly(NODES, ODD_NODES)
_existing_name = _mostly(["compute-0-0", "frontend-0"], [*NODES, *ODD_NODES])
_mac = _mostly(MACS, ODD_MACS)
_ip = _mostly(ADDRESSES, [*ODD_ADDRESSES, "", "none"])
_limit = st.sampled_from([*ADDRESSES, *ODD_ADDRESSES, ""])
_network = st.sampled_from(NETWORKS)
_membership = st.sampled_from(MEMBERSHIPS)
_changes: Mapping[str, st.SearchStrategy[Any]] = {
    "allow_frontend": st.booleans(),
    "state": _mostly(["present"], ["absent"]),
}
_state = {"state": _changes["state"]}

networks = st.builds(
    lambda options, subnet: {**options, **subnet},
    _options(
        {"name": _network},
        {
            "gateway": _limit,
            "zone": _mostly(ZONES, ODD_ZONES),
            "mtu": st.sampled_from([1500, 9000, 576, 65520, 0]),
            "kind": st.sampled_from(["private", "private", "public", "management"]),
            "first": _limit,
            "last": _limit,
            "boot": st.booleans(),
            **_state,
        },
    ),
    st.one_of(
        _mostly(SUBNETS, ODD_SUBNETS),
        st.fixed_dictionaries({"pool_first": _limit, "pool_last": _limit}),
        st.just({}),
    ),
)
_node: Mapping[str, st.SearchStrategy[Any]] = {
    "mac": _mac,
    "ip": _ip,
    "membership": _membership,
    "rack": _mostly([0, 1], [99_999, -1]),
    "rank": _mostly([0, 1], [99_999]),
    "arch": _mostly(["x86_64", "aarch64"], ["_x", "x-y", "a" * 16, ""]),
    "comment": st.text(max_size=8),
    "network": _network,
}
nodes = _options({"name": _name}, {"new_name": _name, **_node, **_changes})
nodes_by_mac = _options({"mac": _mac}, {"name": _name, **_node, **_changes})
node_lists = _options(
    {"nodes": st.lists(_options({"name": _name}, {"new_name": _name, **_node}), max_size=3)},
    _changes,
)
interfaces = _options(
    {
        "node": _existing_name,
        "name": st.sampled_from(INTERFACES),
        "network": _mostly(["private"], ["storage", ""]),
    },
    {
        "kind": st.sampled_from(["ethernet", "infiniband", "bmc"]),
        "mac": _mostly(MACS, [*ODD_MACS, PORT]),
        "ip": _ip,
        **_changes,
    },
)
attributes = st.sampled_from(sorted(ATTRIBUTES)).flatmap(
    lambda name: _options(
        {"name": st.just(name), "value": st.sampled_from(ATTRIBUTES[name])},
        {"node": _name, **_state},
    )
)
appliances = _options(
    {"name": st.sampled_from([*APPLIANCES, "default"])},
    {"root": st.sampled_from(["", "compute"]), **_state},
)
memberships = _options(
    {"name": _membership},
    {"appliance": st.sampled_from(APPLIANCES), "compute": st.booleans(), **_changes},
)
frontends = _options(
    {
        "name": st.sampled_from(["frontend-0", "head"]),
        "address": _mostly(ADDRESSES, ODD_ADDRESSES),
        "mac": st.sampled_from(MACS),
        "subnet": _mostly(SUBNETS, ODD_SUBNETS).map(lambda row: row["subnet"]),
        "zone": _mostly(ZONES, ODD_ZONES),
        "readdress": st.booleans(),
    },
    {},
)
discoveries = st.fixed_dictionaries(
    {
        "mac": st.sampled_from(MACS),
        "placement": _options(
            {}, {"membership": _membership, "rack": st.just(1), "fill_gaps": st.booleans()}
        ),
    }
)
_count = _mostly([1, 2, 64], [0, 70_000, 1 << 40, -1])
hardware = st.fixed_dictionaries(
    {
        "node": _existing_name,
        "counts": _options(
            {"cpus": _mostly([64, 8192], [0, 70_000]), "memory": _mostly([64_000], [0, 1 << 40])},
            dict.fromkeys(("sockets", "cores", "threads", "gpus", "disk"), _count),
        ),
    }
)

STRATEGIES: Mapping[str, Sequence[st.SearchStrategy[dict[str, Any]]]] = {
    "rocks_network": (networks,),
    "rocks_node": (nodes, nodes_by_mac, node_lists),
    "rocks_interface": (interfaces, interfaces),
    "rocks_attribute": (attributes,),
    "rocks_appliance": (appliances,),
    "rocks_membership": (memberships,),
    "rocks_frontend": (frontends,),
    DISCOVERY: (discoveries,),
    HARDWARE: (hardware,),
}
# Most sequences begin as a site does; a random first network is seldom accepted.
BEGINNING = [
    Entry("rocks_network", {"name": "private", "subnet": "10.1.0.0/16", "zone": "cluster"}),
    Entry(
        "rocks_node",
        {"name": "frontend-0", "membership": "Frontend", "ip": "10.1.0.1", "mac": MACS[0]},
    ),
    Entry("rocks_node", {"name": "compute-0-0", "mac": MACS[1]}),
    Entry("rocks_interface", {"node": "compute-0-0", "name": "eth1", "network": "private"}),
]


@st.composite
def sequences(draw: st.DrawFn) -> list[Entry]:
    """Draw entries of a few kinds, so that they meet each other more often."""
    beginning = BEGINNING[: draw(st.sampled_from([4, 4, 4, 2, 0]))]
    kinds = draw(st.lists(st.sampled_from(sorted(STRATEGIES)), min_size=1, max_size=2))
    entries = st.one_of(
        [
            st.builds(Entry, st.just(kind), options)
            for kind in dict.fromkeys(kinds)
            for options in STRATEGIES[kind]
        ]
    )
    size = draw(st.sampled_from([20, 20, 10, 5, 0]))
    return [*beginning, *draw(st.lists(entries, min_size=size, max_size=20))]
