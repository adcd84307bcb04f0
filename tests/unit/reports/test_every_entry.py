# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whatever is accepted when it is entered can be written to every report, and be discovered.

``tests/integration/reports/test_every_entry.py`` adds the checkers of the daemons.
"""

from __future__ import annotations

import pathlib
import shutil
import tempfile
from typing import Callable

from hypothesis import HealthCheck, example, given, settings

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database, connect
from ansible_collections.npaci.rocks.plugins.module_utils.discovery.dhcp_request import DhcpRequest
from ansible_collections.npaci.rocks.plugins.module_utils.discovery.insert import insert
from ansible_collections.npaci.rocks.plugins.module_utils.discovery.model import Placement
from ansible_collections.npaci.rocks.plugins.module_utils.reports.dhcp import dhcp_intent
from ansible_collections.npaci.rocks.plugins.module_utils.reports.registry import REPORTS
from ansible_collections.npaci.rocks.plugins.module_utils.reports.snapshot import (
    GROUPS,
    HARDWARE,
    read_snapshot,
)
from support.entries import Entry, sequences
from support.reports import report, site

NEW_MAC = "52:54:00:00:ff:ff"
LONG_ZONE = ".".join(["a" * 63] * 3)
SITES = {row.name: site(row.name) for row in REPORTS}


def check_reports(database: Database) -> None:
    """Every report can be rendered, and leaves out nothing that was entered."""
    snapshot = read_snapshot(database, {HARDWARE, GROUPS})
    assert snapshot.faults == ()
    for values in (
        [address.host for address in snapshot.addresses],
        [address.ip for address in snapshot.addresses],
        [address.mac for address in snapshot.addresses if address.mac],
    ):
        assert len(values) == len(set(values))
    for address in snapshot.addresses:
        assert len(address.host) <= 63 and len(address.domain_name) <= 253
        assert address.network
    assert dhcp_intent.left_out(snapshot, SITES["kea"]) == []
    assert report("known_hosts").left_out(snapshot, SITES["known_hosts"]) == []
    for row in REPORTS:
        assert row.render(snapshot, SITES[row.name])


def check_addresses(database: Database) -> None:
    """The gateways and the pools belong to no node, except that a router is a gateway."""
    snapshot = read_snapshot(database)
    addresses = {address.ip: address.node for address in snapshot.addresses}
    for subnet in dhcp_intent.build_intent(snapshot, SITES["kea"]).subnets:
        owner = addresses.get(subnet.gateway)
        assert owner is None or owner.appliance == "frontend" or not owner.root
        if subnet.pool:
            first, last = (tuple(map(int, ip.split("."))) for ip in subnet.pool)
            for ip in addresses:
                assert not first <= tuple(map(int, ip.split("."))) <= last


@settings(
    max_examples=100,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(sequences())
@example(
    [
        Entry("rocks_network", {"name": "private", "subnet": "10.1.0.0/16", "zone": LONG_ZONE}),
        Entry("rocks_node", {"name": "a" * 63}),
    ]
)
@example(
    [
        Entry("rocks_network", {"name": "private", "subnet": "10.1.0.0", "netmask": "0.0.255.255"}),
        Entry("rocks_node", {"name": "compute-0-0"}),
    ]
)
def test_every_accepted_entry_can_be_written_to_every_report(
    sqlite_template: Callable[[], pathlib.Path], entries: list[Entry]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "cluster.sqlite"
        shutil.copyfile(sqlite_template(), path)
        with connect(f"sqlite://{path}") as database:
            for entry in entries:
                if entry.enter(database):
                    check_reports(database)
            check_addresses(database)
            # The next machine is added, or refused with a reason.
            result = insert(database, [DhcpRequest(NEW_MAC)], Placement())
            assert result.enrolled or result.refused[0].reason
            check_reports(database)
