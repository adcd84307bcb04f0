# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""DNS zones from networks, and serials that only increase."""

from __future__ import annotations

import dataclasses
import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.model import Network
from ansible_collections.npaci.rocks.plugins.module_utils.reports.dns import bind, zones
from ansible_collections.npaci.rocks.plugins.module_utils.reports.model import Snapshot
from ansible_collections.npaci.rocks.plugins.module_utils.reports.snapshot import read_snapshot
from support.reports import report, site

ZONE = "/var/named/rocks.cluster.zone"
serials = st.integers(1, bind.SERIALS - 1)


def make_network(cidr: str) -> Network:
    net = ipaddress.IPv4Network(cidr)
    return Network(
        id=1,
        name="private",
        subnet=str(net.network_address),
        netmask=str(net.netmask),
        gateway="",
        zone="cluster",
        mtu=1500,
        kind="private",
        first="",
        last="",
        pool_first="",
        pool_last="",
    )


@pytest.mark.parametrize(
    ("cidr", "expected"),
    [
        ("10.0.0.0/8", ["10.in-addr.arpa"]),
        ("172.16.0.0/15", ["16.172.in-addr.arpa", "17.172.in-addr.arpa"]),
        ("192.168.0.0/16", ["168.192.in-addr.arpa"]),
        ("192.168.4.0/23", ["4.168.192.in-addr.arpa", "5.168.192.in-addr.arpa"]),
        ("192.168.4.64/26", ["4.168.192.in-addr.arpa"]),
    ],
)
def test_reverse_zones_cover_whole_octets(cidr: str, expected: list[str]) -> None:
    assert zones.reverse_origins(make_network(cidr)) == expected


def test_forward_and_reverse_zones_have_the_same_pairs(
    snapshot: Snapshot,
) -> None:
    forward = {
        f"{name}.{zone.name}": ip
        for zone in zones.forward_zones(snapshot, site("bind"))
        for name, ip in zone.records
    }
    backward = {
        ipaddress.IPv4Address(".".join(f"{label}.{zone.name}".split(".")[:4][::-1])): name
        for zone in zones.reverse_zones(snapshot, site("bind"))
        for label, name in zone.records
    }
    assert {str(ip): name for ip, name in backward.items()} == {
        ip: name for name, ip in forward.items() if not name.startswith("ns.")
    }


def test_a_zone_without_a_frontend_uses_the_address_in_the_url(
    snapshot: Snapshot,
) -> None:
    (bmc, _cluster) = zones.forward_zones(snapshot, site("bind"))
    assert bmc.server == "ns.bmc.cluster" and bmc.records[0] == ("ns", "10.1.1.1")


def test_bind_leaves_out_a_zone_without_a_name_server(described: Database) -> None:
    described.execute("delete from nodes where name = 'frontend-0'")
    unreachable = dataclasses.replace(site("bind"), url="http://frontend")
    snapshot = read_snapshot(described)
    faults = report("bind").left_out(snapshot, unreachable)
    assert ["bmc.cluster" in str(faults[0]), "'cluster'" in str(faults[1])] == [True, True]
    assert list(report("bind").render(snapshot, unreachable)) == ["/etc/named.rocks.conf"]
    (unbound,) = report("unbound").render(snapshot, unreachable).values()
    assert "compute-0-0.cluster. 3600 IN A 10.255.255.245" in unbound


def render_zone(snapshot: Snapshot, revision: int, moved: str = "") -> str:
    """Render the forward zone at a revision of the database; node ``moved`` has a new address."""
    nodes = tuple(
        node._replace(ip="10.9.9.9") if node.name == moved else node for node in snapshot.nodes
    )
    changed = Snapshot(nodes=nodes, networks=snapshot.networks, revision=revision)
    return report("bind").render(changed, site("bind"))[ZONE]


def serial(text: str) -> int:
    match = bind.SERIAL.search(text)
    assert match
    return int(match[2])


def test_an_unchanged_zone_keeps_its_serial(snapshot: Snapshot) -> None:
    before = render_zone(snapshot, 5)
    assert bind.reconcile(before, render_zone(snapshot, 9)) == before


def test_the_serial_of_a_changed_zone_is_the_revision(snapshot: Snapshot) -> None:
    assert (
        serial(bind.reconcile(render_zone(snapshot, 5), render_zone(snapshot, 9, "web-1-0"))) == 9
    )


def test_a_restored_database_does_not_decrease_the_serial(snapshot: Snapshot) -> None:
    assert (
        serial(bind.reconcile(render_zone(snapshot, 5), render_zone(snapshot, 2, "web-1-0"))) == 6
    )


def test_a_changed_template_increases_the_serial(snapshot: Snapshot) -> None:
    before = render_zone(snapshot, 5).replace("3600 ; refresh", "7200 ; refresh")
    assert serial(bind.reconcile(before, render_zone(snapshot, 5))) == 6


def test_a_file_without_our_serial_is_replaced(snapshot: Snapshot) -> None:
    assert bind.reconcile("by hand\n", render_zone(snapshot, 5)) == render_zone(snapshot, 5)


@given(serials, serials)
def test_the_next_serial_is_always_later(new: int, old: int) -> None:
    later = bind._later(new, old)
    assert 0 < (later - old) % bind.SERIALS < bind.SERIALS // 2 and 0 < later < bind.SERIALS
