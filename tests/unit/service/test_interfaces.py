"""A node with several interfaces: it is the same node by each of their addresses, and installs by each of them."""

from __future__ import annotations

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.interfaces import put_interface
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.networks import put_network
from ansible_collections.npaci.rocks.plugins.module_utils.install import orders
from ansible_collections.npaci.rocks.plugins.module_utils.install.model import Order
from support.frontend import GENERATION, Face

FIRST, SECOND, BOND, BMC, PORT = "10.255.255.245", "10.2.0.1", "10.2.0.2", "10.2.0.3", "10.2.0.4"
FIRST_MAC, SECOND_MAC, BMC_MAC = "00:50:8b:e0:3a:a7", "00:50:8b:e0:3a:a8", "00:50:8b:e0:3a:a9"
GUID = "80:00:00:48:fe:80:00:00:00:00:00:00:00:02:c9:03:00:0f:0b:a1"
FORMS = ("ipxe", "grub")


@pytest.fixture(autouse=True)
def _interfaces(cluster: Database) -> None:
    """compute-0-0 has a second NIC, a bond, a BMC and an InfiniBand port."""
    put_interface(cluster, "compute-0-0", "eth1", mac=SECOND_MAC, ip=SECOND)
    put_interface(cluster, "compute-0-0", "bond0", ip=BOND)
    put_interface(cluster, "compute-0-0", "bmc", mac=BMC_MAC, ip=BMC)
    put_interface(cluster, "compute-0-0", "ib0", kind="infiniband", mac=GUID, ip=PORT)


def sent(*macs: str) -> dict[str, str]:
    """The installer's headers."""
    return {
        f"HTTP_X_RHN_PROVISIONING_MAC_{number}": f"eth{number} {mac}"
        for number, mac in enumerate(macs)
    }


@pytest.mark.parametrize("address", [FIRST, SECOND, BOND, PORT])
@pytest.mark.parametrize("form", FORMS)
def test_without_an_order_each_interface_leads_to_the_local_disk(
    face: Face, form: str, address: str
) -> None:
    text = face.get(f"/rocks/boot?form={form}", address).text
    assert "compute-0-0: no live order, booting from the local disk" in text
    assert "exit 1" in text and "reboot" not in text and "chain" not in text


@pytest.mark.parametrize("address", [FIRST, SECOND, BOND, PORT])
def test_an_order_is_followed_by_each_interface_from_the_firmware_to_up(
    face: Face, cluster: Database, order: Order, address: str
) -> None:
    assert "inst.ks=" in face.get("/rocks/boot?form=grub", address).text
    answer = face.get("/rocks/kickstart", address, **sent("02:00:00:00:00:01", SECOND_MAC))
    assert (answer.status, "--hostname=compute-0-0" in answer.text) == (200, True)
    assert face.post("/rocks/secrets", address, order=order.uuid).status == 200
    assert face.post("/rocks/events", address, order=order.uuid, phase="installed").status == 200
    report = {"profile": order.pin.profile, "generation": GENERATION, "manifest": "cafe"}
    assert face.post("/rocks/events", address, order=order.uuid, phase="up", **report).status == 200
    assert orders.find_by_uuid(cluster, [order.uuid])[0].state == "up"


@pytest.mark.parametrize(
    ("address", "booted_by"),
    [
        (FIRST, FIRST_MAC),
        (SECOND, SECOND_MAC),
        pytest.param(BOND, "", id="a bond has no MAC"),
        pytest.param(PORT, "", id="BOOTIF names Ethernet alone"),
    ],
)
@pytest.mark.parametrize("form", FORMS)
def test_the_installer_asks_by_the_interface_that_booted(
    face: Face, order: Order, form: str, address: str, booted_by: str
) -> None:
    words = face.get(f"/rocks/boot?form={form}", address).text.split()
    wanted = {f"BOOTIF=01-{booted_by.replace(':', '-')}"} if booted_by else set()
    assert {word for word in words if word.startswith("BOOTIF")} == wanted
    assert "ip=dhcp" in words


def test_a_bmc_is_another_computer(face: Face, cluster: Database, order: Order) -> None:
    assert face.get("/rocks/kickstart", BMC).status == 404
    assert "inst.ks" not in face.get("/rocks/boot?form=ipxe", BMC).text
    assert face.get("/rocks/kickstart", SECOND, **sent(BMC_MAC)).status == 403
    assert orders.find_by_uuid(cluster, [order.uuid])[0].state == "ordered"


@pytest.mark.parametrize("address", [FIRST, SECOND])
def test_a_machine_none_of_whose_macs_is_the_nodes_gets_nothing(
    face: Face, cluster: Database, order: Order, address: str
) -> None:
    refused = face.get(
        "/rocks/kickstart", address, **sent("00:50:8b:e0:44:5e", "02:00:00:00:00:01")
    )
    assert refused.status == 403
    assert FIRST_MAC in refused.text and SECOND_MAC in refused.text
    assert orders.find_by_uuid(cluster, [order.uuid])[0].state == "ordered"


def test_an_address_that_is_taken_away_is_nobodys(
    face: Face, cluster: Database, order: Order
) -> None:
    put_interface(cluster, "compute-0-0", "eth1", ip="none")
    assert face.get("/rocks/kickstart", SECOND).status == 404


def test_a_node_without_an_address_of_its_own_is_known_by_its_other_ones(
    face: Face, cluster: Database
) -> None:
    cluster.execute("update nodes set ip = null where name = 'compute-0-0'")
    assert "compute-0-0: no live order" in face.get("/rocks/boot?form=grub", SECOND).text


def test_a_network_from_which_nodes_do_not_boot_still_says_who_asks(
    face: Face, cluster: Database, order: Order
) -> None:
    put_network(cluster, "storage", subnet="172.16.0.0/16", boot=False)
    put_interface(cluster, "compute-0-0", "eth2", network="storage", ip="172.16.0.9")
    face.get("/rocks/kickstart", FIRST)
    assert (
        face.post(
            "/rocks/events", "172.16.0.9", order=order.uuid, phase="failed", message="x"
        ).status
        == 200
    )
    assert orders.find_by_uuid(cluster, [order.uuid])[0].state == "failed"
