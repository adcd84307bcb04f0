# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A dead node is switched through its controller: IPMI by OpenIPMI's simulator, Redfish by OpenStack's emulator.

The chassis behind the controller has no machine in it; the lab switches real ones in the same way.
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
from ansible_collections.npaci.rocks.plugins.module_utils.process import ProgramResult
from support.namespaces import Network, network
from support.waiting import until

ADDRESS = {"ipmi": "10.1.3.1", "redfish": "10.1.3.2"}
SECONDS = 30.0
# A live node that nobody reaches: what is asked first is ssh.
ATTRIBUTES = {"ipmi": {"ipmi_cipher": "3"}, "redfish": {"bmc_protocol": "redfish"}}
CONTROLLERS: dict[str, Callable[[Network, Chassis, str], ContextManager[Controller]]] = {
    "ipmi": bmc.ipmi,
    "redfish": bmc.redfish,
}


@pytest.fixture(scope="module")
def net() -> Iterator[Network]:
    with network("10.1.1.1/16") as made:
        yield made


@pytest.fixture(scope="module", params=CONTROLLERS)
def protocol(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def chassis(
    net: Network, protocol: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Cabinet]:
    """A chassis behind a controller."""
    made = cabinet(tmp_path_factory.mktemp(protocol) / "node")
    with CONTROLLERS[protocol](net, made, ADDRESS[protocol]):
        yield made


@pytest.fixture
def off(chassis: Cabinet) -> Cabinet:
    """It is off, and was never on."""
    chassis.power_off()
    (chassis.folder / "boots").unlink(missing_ok=True)
    chassis.forget_once()
    return chassis


def target(protocol: str, password: str = "secret") -> BootTarget:
    return BootTarget(
        "compute-0-3", "10.1.2.3", ATTRIBUTES[protocol], ADDRESS[protocol], "admin", password
    )


def dead(net: Network) -> Callable[..., ProgramResult]:
    """Programs as they run on the frontend."""

    def run(argv: list[str], **options: object) -> ProgramResult:
        return net.server.run(argv, **options)  # type: ignore[arg-type]

    return run


def switched(net: Network, one: BootTarget) -> str:
    """What ``send`` says, on the frontend."""
    return net.server.call(lambda: boot_installer(one, run=dead(net)))


@pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning")
def test_a_dead_node_that_is_off_starts_from_the_network_once(
    net: Network, protocol: str, off: Cabinet
) -> None:
    assert switched(net, target(protocol)) == protocol
    assert (off.is_on(), off.boots(), off.next_boot(), off.order()) == (
        True,
        ["network"],
        "",
        ["disk", "network"],
    )


@pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning")
def test_a_dead_node_that_hangs_is_started_anew_from_the_network(
    net: Network, protocol: str, off: Cabinet
) -> None:
    off.power_on()
    switched(net, target(protocol))
    until(lambda: off.boots() == ["usual", "network"], SECONDS, "another start, from the network")
    assert off.is_on()


@pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning")
def test_a_controller_tells_whether_the_machine_is_on(
    net: Network, protocol: str, off: Cabinet
) -> None:
    def ask() -> bool:
        one = target(protocol)
        return ipmi.status(one, dead(net)) if protocol == "ipmi" else redfish.status(one)

    assert net.server.call(ask) is False
    off.power_on()
    assert net.server.call(ask) is True


@pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning")
def test_a_wrong_password_switches_nothing_and_is_not_told(
    net: Network, protocol: str, off: Cabinet
) -> None:
    with pytest.raises(Unavailable, match=f"compute-0-3: reboot: .*; {protocol}: ") as error:
        switched(net, target(protocol, "wrong-password"))
    assert "wrong-password" not in str(error.value)
    assert (off.is_on(), off.boots()) == (False, [])


@pytest.mark.parametrize("protocol", ["redfish"], indirect=True)
def test_a_redfish_controllers_certificate_is_checked_where_the_site_says_by_what(
    net: Network, protocol: str, off: Cabinet
) -> None:
    attributes = {
        **ATTRIBUTES[protocol],
        "redfish_ca": str(off.folder / "redfish" / "certificate.pem"),
    }
    assert switched(net, target(protocol)._replace(attributes=attributes)) == "redfish"
    other = off.folder / "other.pem"
    with contextlib.suppress(FileExistsError):
        argv = [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
        ]
        process.run(
            [*argv, "-subj", "/CN=x", "-keyout", "/dev/null", "-out", str(other)], timeout=30
        )
    with pytest.raises(Unavailable, match="certificate"):
        switched(
            net, target(protocol)._replace(attributes={**attributes, "redfish_ca": str(other)})
        )
