# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Boot a node through its BMC: IPMI with OpenIPMI's simulator, Redfish with OpenStack's emulator.

The chassis behind the controller contains no machine; the lab controls virtual machines this way.
"""

from __future__ import annotations

import contextlib
from typing import Callable, ContextManager, Iterator

import pytest
from lab.machine import bmc
from lab.machine.bmc import Controller
from lab.machine.chassis import Cabinet, Chassis, cabinet

from ansible_collections.npaci.rocks.plugins.module_utils import process
from ansible_collections.npaci.rocks.plugins.module_utils.errors import Unavailable
from ansible_collections.npaci.rocks.plugins.module_utils.install.power import ipmi, redfish
from ansible_collections.npaci.rocks.plugins.module_utils.install.power.boot_methods import (
    boot_installer,
)
from ansible_collections.npaci.rocks.plugins.module_utils.install.power.boot_target import (
    BootTarget,
)
from ansible_collections.npaci.rocks.plugins.module_utils.install.power.power_control import (
    Action,
    PowerResult,
    control_power,
)
from ansible_collections.npaci.rocks.plugins.module_utils.process import ProgramResult
from support.namespaces import Network, network
from support.waiting import until

ADDRESS = {"ipmi": "10.1.3.1", "redfish": "10.1.3.2"}
SECONDS = 30.0
# ssh is tried first, and cannot reach the node.
ATTRIBUTES = {"ipmi": {"ipmi_cipher": "3"}, "redfish": {"bmc_protocol": "redfish"}}
CONTROLLERS: dict[str, Callable[[Network, Chassis, str], ContextManager[Controller]]] = {
    "ipmi": bmc.ipmi,
    "redfish": bmc.redfish,
}


@pytest.fixture(scope="module")
def net() -> Iterator[Network]:
    with network("10.1.1.1/16") as created:
        yield created


@pytest.fixture(scope="module", params=CONTROLLERS)
def protocol(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def chassis(
    net: Network, protocol: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Cabinet]:
    """A chassis behind a controller."""
    created = cabinet(tmp_path_factory.mktemp(protocol) / "node")
    with CONTROLLERS[protocol](net, created, ADDRESS[protocol]):
        yield created


@pytest.fixture
def off(chassis: Cabinet) -> Cabinet:
    """The chassis, off, with an empty record of boots."""
    chassis.power_off()
    (chassis.folder / "boots").unlink(missing_ok=True)
    chassis.forget_once()
    return chassis


def target(protocol: str, password: str = "secret") -> BootTarget:
    return BootTarget(
        node="compute-0-3",
        address="10.1.2.3",
        attributes=ATTRIBUTES[protocol],
        bmc=ADDRESS[protocol],
        bmc_user="admin",
        bmc_password=password,
    )


def frontend_programs(net: Network) -> Callable[..., ProgramResult]:
    """Return a function that runs programs on the frontend."""

    def run(argv: list[str], **options: object) -> ProgramResult:
        return net.server.run(argv, **options)  # type: ignore[arg-type]

    return run


def boot_from_frontend(net: Network, node: BootTarget) -> str:
    """Boot the installer from the frontend, and return the method that worked."""
    return net.server.call(lambda: boot_installer(node, run=frontend_programs(net)))


@pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning")
def test_a_node_that_is_off_boots_from_the_network_once(
    net: Network, protocol: str, off: Cabinet
) -> None:
    assert boot_from_frontend(net, target(protocol)) == protocol
    assert (off.is_on(), off.boots(), off.next_boot(), off.order()) == (
        True,
        ["network"],
        "",
        ["disk", "network"],
    )


@pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning")
def test_a_node_that_hangs_is_restarted_from_the_network(
    net: Network, protocol: str, off: Cabinet
) -> None:
    off.power_on()
    boot_from_frontend(net, target(protocol))
    until(lambda: off.boots() == ["usual", "network"], SECONDS, "another boot, from the network")
    assert off.is_on()


@pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning")
def test_a_controller_reports_whether_the_machine_is_on(
    net: Network, protocol: str, off: Cabinet
) -> None:
    def status() -> bool:
        if protocol == "ipmi":
            return ipmi.status(target(protocol), frontend_programs(net))
        return redfish.status(target(protocol))

    assert net.server.call(status) is False
    off.power_on()
    assert net.server.call(status) is True


@pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning")
def test_a_controller_switches_the_machine_without_a_boot_from_the_network(
    net: Network, protocol: str, off: Cabinet
) -> None:
    def control(action: Action) -> PowerResult:
        programs = frontend_programs(net)
        return net.server.call(
            lambda: control_power(target(protocol), action, run=programs, power_only=True)
        )

    assert control("on") == PowerResult("off", protocol)
    until(off.is_on, SECONDS, "power on")
    assert control("on") == PowerResult("on")
    assert control("cycle") == PowerResult("unknown", protocol)
    until(lambda: off.boots() == ["usual", "usual"], SECONDS, "another boot, from the disk")
    assert control("off") == PowerResult("on", protocol)
    until(lambda: not off.is_on(), SECONDS, "power off")
    if protocol == "redfish":  # OpenIPMI's simulator has no LED
        assert control("identify") == PowerResult("unknown", protocol)
        assert control("identify_off") == PowerResult("unknown", protocol)


@pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning")
def test_a_wrong_password_changes_nothing_and_is_not_in_the_error(
    net: Network, protocol: str, off: Cabinet
) -> None:
    with pytest.raises(Unavailable, match=f"compute-0-3: reboot: .*; {protocol}: ") as error:
        boot_from_frontend(net, target(protocol, "wrong-password"))
    assert "wrong-password" not in str(error.value)
    assert (off.is_on(), off.boots()) == (False, [])


@pytest.mark.parametrize("protocol", ["redfish"], indirect=True)
def test_the_certificate_of_a_redfish_controller_is_verified_if_the_site_sets_a_ca(
    net: Network, protocol: str, off: Cabinet
) -> None:
    attributes = {
        **ATTRIBUTES[protocol],
        "redfish_ca": str(off.folder / "redfish" / "certificate.pem"),
    }
    assert boot_from_frontend(net, target(protocol)._replace(attributes=attributes)) == "redfish"
    other = off.folder / "other.pem"
    with contextlib.suppress(FileExistsError):
        argv = [
            *("openssl", "req", "-x509", "-nodes", "-subj", "/CN=x"),
            *("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"),
            *("-keyout", "/dev/null", "-out", str(other)),
        ]
        process.run(argv, timeout=30)
    with pytest.raises(Unavailable, match="certificate"):
        boot_from_frontend(
            net, target(protocol)._replace(attributes={**attributes, "redfish_ca": str(other)})
        )
