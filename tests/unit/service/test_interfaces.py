"""A node with several interfaces is identified and installs over each of them."""

from __future__ import annotations

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.networking.interfaces import (
    put_interface,
)
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.networking.networks import (
    put_network,
)
from ansible_collections.npaci.rocks.plugins.module_utils.install import orders
from ansible_collections.npaci.rocks.plugins.module_utils.install.model import Order
from support.frontend import GENERATION, HttpService

FIRST = "10.255.255.245"
SECOND = "10.2.0.1"
BOND = "10.2.0.2"
BMC = "10.2.0.3"
PORT = "10.2.0.4"
FIRST_MAC = "00:50:8b:e0:3a:a7"
SECOND_MAC = "00:50:8b:e0:3a:a8"
BMC_MAC = "00:50:8b:e0:3a:a9"
GUID = "80:00:00:48:fe:80:00:00:00:00:00:00:00:02:c9:03:00:0f:0b:a1"
LOADERS = ("ipxe", "grub")


@pytest.fixture(autouse=True)
def _interfaces(cluster: Database) -> None:
    """compute-0-0 has a second NIC, a bond, a BMC and an InfiniBand port."""
    put_interface(cluster, "compute-0-0", "eth1", mac=SECOND_MAC, ip=SECOND)
    put_interface(cluster, "compute-0-0", "bond0", ip=BOND)
    put_interface(cluster, "compute-0-0", "bmc", mac=BMC_MAC, ip=BMC)
    put_interface(cluster, "compute-0-0", "ib0", kind="infiniband", mac=GUID, ip=PORT)


def mac_headers(*macs: str) -> dict[str, str]:
    """Return the MAC headers that the installer sends."""
    return {
        f"HTTP_X_RHN_PROVISIONING_MAC_{number}": f"eth{number} {mac}"
        for number, mac in enumerate(macs)
    }


@pytest.mark.parametrize("address", [FIRST, SECOND, BOND, PORT])
@pytest.mark.parametrize("loader", LOADERS)
def test_without_an_order_every_interface_boots_the_local_disk(
    service: HttpService, loader: str, address: str
) -> None:
    text = service.get(f"/rocks/boot?form={loader}", address).text
    assert "compute-0-0: no live order, booting from the local disk" in text
    assert "exit 1" in text and "reboot" not in text and "chain" not in text


@pytest.mark.parametrize("address", [FIRST, SECOND, BOND, PORT])
def test_a_node_installs_over_any_of_its_interfaces(
    service: HttpService, cluster: Database, order: Order, address: str
) -> None:
    assert "inst.ks=" in service.get("/rocks/boot?form=grub", address).text
    response = service.get(
        "/rocks/kickstart", address, **mac_headers("02:00:00:00:00:01", SECOND_MAC)
    )
    assert (response.status, "--hostname=compute-0-0" in response.text) == (200, True)
    assert service.post("/rocks/secrets", address, order=order.uuid).status == 200
    assert service.post("/rocks/events", address, order=order.uuid, phase="installed").status == 200
    report = {"profile": order.pin.profile, "generation": GENERATION, "manifest": "cafe"}
    assert (
        service.post("/rocks/events", address, order=order.uuid, phase="up", **report).status == 200
    )
    assert orders.find_by_uuid(cluster, [order.uuid])[0].state == "up"


@pytest.mark.parametrize(
    ("address", "boot_mac"),
    [
        (FIRST, FIRST_MAC),
        (SECOND, SECOND_MAC),
        pytest.param(BOND, "", id="a bond has no MAC"),
        pytest.param(PORT, "", id="BOOTIF names Ethernet alone"),
    ],
)
@pytest.mark.parametrize("loader", LOADERS)
def test_the_installer_uses_the_interface_that_booted(
    service: HttpService, order: Order, loader: str, address: str, boot_mac: str
) -> None:
    words = service.get(f"/rocks/boot?form={loader}", address).text.split()
    expected = {f"BOOTIF=01-{boot_mac.replace(':', '-')}"} if boot_mac else set()
    assert {word for word in words if word.startswith("BOOTIF")} == expected
    assert "ip=dhcp" in words


def test_a_bmc_does_not_identify_its_node(
    service: HttpService, cluster: Database, order: Order
) -> None:
    assert service.get("/rocks/kickstart", BMC).status == 404
    assert "inst.ks" not in service.get("/rocks/boot?form=ipxe", BMC).text
    assert service.get("/rocks/kickstart", SECOND, **mac_headers(BMC_MAC)).status == 403
    assert orders.find_by_uuid(cluster, [order.uuid])[0].state == "ordered"


@pytest.mark.parametrize("address", [FIRST, SECOND])
def test_a_machine_without_any_of_the_nodes_macs_gets_no_kickstart(
    service: HttpService, cluster: Database, order: Order, address: str
) -> None:
    response = service.get(
        "/rocks/kickstart", address, **mac_headers("00:50:8b:e0:44:5e", "02:00:00:00:00:01")
    )
    assert response.status == 403
    assert FIRST_MAC in response.text and SECOND_MAC in response.text
    assert orders.find_by_uuid(cluster, [order.uuid])[0].state == "ordered"


def test_a_removed_address_identifies_no_node(
    service: HttpService, cluster: Database, order: Order
) -> None:
    put_interface(cluster, "compute-0-0", "eth1", ip="none")
    assert service.get("/rocks/kickstart", SECOND).status == 404


def test_a_node_without_a_main_address_is_identified_by_its_interfaces(
    service: HttpService, cluster: Database
) -> None:
    cluster.execute("update nodes set ip = null where name = 'compute-0-0'")
    assert "compute-0-0: no live order" in service.get("/rocks/boot?form=grub", SECOND).text


def test_an_address_in_a_network_without_boot_identifies_its_node(
    service: HttpService, cluster: Database, order: Order
) -> None:
    put_network(cluster, "storage", subnet="172.16.0.0/16", boot=False)
    put_interface(cluster, "compute-0-0", "eth2", network="storage", ip="172.16.0.9")
    service.get("/rocks/kickstart", FIRST)
    assert (
        service.post(
            "/rocks/events", "172.16.0.9", order=order.uuid, phase="failed", message="x"
        ).status
        == 200
    )
    assert orders.find_by_uuid(cluster, [order.uuid])[0].state == "failed"
