# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Changes of the name and the network of a frontend."""

from __future__ import annotations

from support.converged import VARIABLES, Converged, assert_success, read_lease
from support.waiting import until

ADDRESS = "10.1.1.1"
NODE = "compute-0-0"
OTHER = {
    "frontend_name": "head",
    "frontend_zone": "physics",
    "frontend_private_subnet": "10.1.0.0/16",
}


def test_a_network_without_the_addresses_of_nodes_is_refused(frontend: Converged) -> None:
    (mac,) = frontend.sql("select mac from nodes where id = 1").split()
    identity = {
        "name": "head",
        "address": ADDRESS,
        "mac": mac,
        "subnet": "10.1.0.0/16",
        "zone": "physics",
    }
    result = frontend.module(
        "rocks_frontend", database="mysql://root@localhost/cluster", **identity
    )
    assert "frontend_readdress=true" in result["msg"], result
    assert frontend.sql("select name, ip from nodes where id = 1") == f"frontend-0\t{ADDRESS}"


def test_a_new_name_zone_and_network_converge(frontend: Converged) -> None:
    assert_success(frontend.playbook("frontend", **VARIABLES, **OTHER, frontend_readdress=True))
    # test_accounts.py left NIS active.
    assert frontend.account_units() == ["active", "inactive", "inactive"]
    assert (
        frontend.sql("select name, ip from nodes order by id")
        == f"head\t{ADDRESS}\n{NODE}\t10.1.255.254"
    )
    assert (
        frontend.sql("select name, subnet, netmask, zone from networks")
        == "private\t10.1.0.0\t255.255.0.0\tphysics"
    )
    with frontend.dhcp_client() as (_client, lease_file):
        until(lease_file.exists, 60, "a lease in the new network")
    assert read_lease(lease_file)["ip"] == "10.1.255.254"
    assert frontend.run_on_node("dig", "+short", "head.physics", f"@{ADDRESS}") == f"{ADDRESS}\n"
    assert (
        frontend.run_on_node("dig", "+short", f"{NODE}.physics", f"@{ADDRESS}") == "10.1.255.254\n"
    )
    assert (
        frontend.run_on_node("dig", "+short", "frontend-0.cluster", f"@{ADDRESS}", "+norecurse")
        == ""
    )
