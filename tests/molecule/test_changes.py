# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A frontend gets another name and another network."""

from __future__ import annotations

from support.converged import SAME, Converged, told_in, well
from support.waiting import until

ADDRESS = "10.1.1.1"
NODE = "compute-0-0"
OTHER = {
    "frontend_name": "head",
    "frontend_zone": "physics",
    "frontend_private_subnet": "10.1.0.0/16",
}


def test_another_network_is_refused_while_a_node_would_be_outside(frontend: Converged) -> None:
    """With what the role tells this module."""
    (mac,) = frontend.sql("select mac from nodes where id = 1").split()
    wanted = {
        "name": "head",
        "address": ADDRESS,
        "mac": mac,
        "subnet": "10.1.0.0/16",
        "zone": "physics",
    }
    answer = frontend.module("rocks_frontend", database="mysql://root@localhost/cluster", **wanted)
    assert "with frontend_readdress=true they get the next free addresses" in answer["msg"], answer
    assert frontend.sql("select name, ip from nodes where id = 1") == f"frontend-0\t{ADDRESS}"


def test_another_name_zone_and_network_converge(frontend: Converged) -> None:
    well(frontend.playbook("frontend", **SAME, **OTHER, frontend_readdress=True))
    assert frontend.publishing() == [
        "active",
        "inactive",
        "inactive",
    ]  # and no longer NIS, as test_accounts.py left it
    assert (
        frontend.sql("select name, ip from nodes order by id")
        == f"head\t{ADDRESS}\n{NODE}\t10.1.255.254"
    )
    assert (
        frontend.sql("select name, subnet, netmask, zone from networks")
        == "private\t10.1.0.0\t255.255.0.0\tphysics"
    )
    with frontend.dhcp_client() as (_client, told):
        until(told.exists, 60, "a lease in the other network")
    assert told_in(told)["ip"] == "10.1.255.254"
    assert frontend.ask("dig", "+short", "head.physics", f"@{ADDRESS}") == f"{ADDRESS}\n"
    assert frontend.ask("dig", "+short", f"{NODE}.physics", f"@{ADDRESS}") == "10.1.255.254\n"
    assert frontend.ask("dig", "+short", "frontend-0.cluster", f"@{ADDRESS}", "+norecurse") == ""
